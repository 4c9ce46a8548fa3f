mod history;

use super::collection::CHANGES;
use super::*;
use hotbed_registry::PortableConfig;
use hotbed_registry::{ChangeNote, Draft, Id, Precondition, Query, Retention, Revision};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};
use tempfile::TempDir;

struct File {
    directory: TempDir,
}

impl File {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("registry.db")
    }

    async fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.path(), SqliteOptions::default())
            .await
            .unwrap()
    }

    /// A connection of somebody else.
    async fn stranger(&self) -> SqliteConnection {
        SqliteConnection::connect(&format!("sqlite:{}", self.path().display()))
            .await
            .unwrap()
    }
}

fn id(name: &str) -> Id {
    Id::new(name).unwrap()
}

fn draft(n: u64) -> Draft {
    Draft::active(PortableConfig::from_value(json!({ "n": n })).unwrap())
}

async fn put(backend: &Arc<dyn RegistryBackend>, name: &str) -> Result<Revision, Error> {
    Ok(backend
        .put(&id(name), draft(1), Precondition::Any)
        .await?
        .revision)
}

#[tokio::test]
async fn a_poll_seeks_and_never_scans() {
    let file = File::new();
    let store = file.store().await;
    put(&store.collection(&CollectionName::bots()), "a")
        .await
        .unwrap();
    let mut stranger = file.stranger().await;
    let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {CHANGES}")));
    let plan: Vec<String> = plan
        .bind("bots")
        .bind(0)
        .bind(100)
        .fetch_all(&mut stranger)
        .await
        .unwrap()
        .iter()
        .map(|row| row.get("detail"))
        .collect();
    let reads_tables = |line: &&String| line.contains("changes") || line.contains("collections");
    let reads: Vec<_> = plan.iter().filter(reads_tables).collect();
    assert!(reads.len() >= 3, "{plan:?}");
    assert!(
        reads.iter().all(|line| line.starts_with("SEARCH ")),
        "{plan:?}"
    );
    assert!(
        plan.iter()
            .any(|line| line.contains("(collection=? AND revision>?)")),
        "{plan:?}"
    );
}

#[tokio::test]
async fn collections_of_one_file_do_not_know_each_other() {
    let file = File::new();
    let store = file.store().await;
    let (bots, mods) = (CollectionName::bots(), CollectionName::new("mods").unwrap());
    let (bots, mods) = (store.collection(&bots), store.collection(&mods));
    assert_eq!(put(&bots, "a").await.unwrap(), Revision(1));
    assert_eq!(put(&mods, "a").await.unwrap(), Revision(1));
    let written = tokio::join!(put(&bots, "b"), put(&mods, "b"));
    assert_eq!(
        (written.0.unwrap(), written.1.unwrap()),
        (Revision(2), Revision(2))
    );
    assert_eq!(
        bots.delete(&id("a"), Precondition::Any, &ChangeNote::NONE)
            .await
            .unwrap(),
        Revision(3)
    );
    assert_eq!(mods.count(&Query::default()).await.unwrap(), 2);
    let none = Retention {
        entries: 0,
        ..Retention::default()
    };
    assert_eq!(bots.compact(none).await.unwrap(), Revision(4));
    assert_eq!(
        mods.compact(Retention::default()).await.unwrap(),
        Revision(1)
    );
}

#[tokio::test]
async fn closing_completes_what_was_begun_and_then_refuses() {
    let file = File::new();
    let store = file.store().await;
    let bots = store.collection(&CollectionName::bots());
    let mut writes = tokio::task::JoinSet::new();
    for n in 0..100 {
        let bots = Arc::clone(&bots);
        writes.spawn(async move { put(&bots, &format!("bot-{n}")).await });
    }
    tokio::task::yield_now().await;
    store.close().await;
    let done = writes.join_all().await.into_iter().flatten().count() as u64;
    assert_eq!(
        put(&bots, "late").await.unwrap_err().to_string(),
        "registry cannot write a registration: it is closed"
    );
    assert_eq!(
        bots.get(&id("bot-0")).await.unwrap_err().to_string(),
        "registry cannot read a registration: it is closed"
    );
    assert!(!file.directory.path().join("registry.db-wal").exists());
    let again = file.store().await.collection(&CollectionName::bots());
    assert_eq!(again.head().await.unwrap(), Revision(done));
}

#[tokio::test]
async fn dropping_the_last_handle_closes_the_file() {
    let file = File::new();
    let bots = file.store().await.collection(&CollectionName::bots());
    put(&bots, "a").await.unwrap();
    let log = file.directory.path().join("registry.db-wal");
    assert!(log.exists());
    drop(bots);
    let closed = async {
        while log.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), closed)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_used_as_it_is() {
    let file = File::new();
    file.store().await.close().await;
    let mut newer = file.stranger().await;
    sqlx::raw_sql(
        "INSERT INTO _sqlx_migrations VALUES (9999, 'later', CURRENT_TIMESTAMP, true, x'00', 0);
         ALTER TABLE registrations ADD COLUMN owner TEXT NOT NULL DEFAULT 'nobody';
         CREATE TABLE owners (name TEXT) STRICT;",
    )
    .execute(&mut newer)
    .await
    .unwrap();
    newer.close().await.unwrap();
    let bots = file.store().await.collection(&CollectionName::bots());
    assert_eq!(put(&bots, "a").await.unwrap(), Revision(1));
    assert_eq!(bots.list(&Query::default()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named_and_harms_no_other() {
    let file = File::new();
    let bots = file.store().await.collection(&CollectionName::bots());
    for name in ["good", "bad"] {
        put(&bots, name).await.unwrap();
    }
    let mut stranger = file.stranger().await;
    let spoil = "UPDATE registrations SET status = 'odd', metadata = '{' WHERE id = 'bad'";
    sqlx::query(spoil).execute(&mut stranger).await.unwrap();
    let named = "registry holds something unreadable at table registrations, id \"bad\": unknown status \"odd\": \
                 use active, inactive or error";
    assert_eq!(bots.get(&id("bad")).await.unwrap_err().to_string(), named);
    assert_eq!(
        bots.list(&Query::default()).await.unwrap_err().to_string(),
        named
    );
    assert_eq!(put(&bots, "bad").await.unwrap_err().to_string(), named);
    let by_team = Query {
        metadata: json!({"team": 1}).as_object().unwrap().clone(),
        ..Query::default()
    };
    assert!(matches!(
        bots.list(&by_team).await,
        Err(Error::Corrupt { .. })
    ));
    let written = tokio::join!(put(&bots, "bad"), put(&bots, "good"));
    assert!(written.0.is_err());
    assert_eq!(written.1.unwrap(), Revision(3));
    assert!(bots.get(&id("good")).await.unwrap().is_some());
    assert_eq!(
        bots.delete(&id("bad"), Precondition::At(Revision(2)), &ChangeNote::NONE)
            .await
            .unwrap(),
        Revision(4)
    );
    assert_eq!(bots.list(&Query::default()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_configuration_that_no_row_should_hold_is_refused() {
    let file = File::new();
    let bots = file.store().await.collection(&CollectionName::bots());
    let huge = PortableConfig::from_value(json!({"text": "x".repeat(64 * 1024 * 1024)})).unwrap();
    let refused = bots
        .put(&id("a"), Draft::active(huge), Precondition::Any)
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .ends_with("bytes long: at most 67108864 are stored"),
        "{refused}"
    );
    assert_eq!(bots.head().await.unwrap(), Revision::ZERO);
}

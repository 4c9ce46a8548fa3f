mod history;

use super::arguments::Bound;
use super::*;
use hotbed_registry::{
    ChangeNote, Changes, Draft, Id, PortableConfig, Precondition, Query, Retention, Revision,
    SortSpec,
};
use hotbed_testkit::{Database, PostgresServer};
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, Row, SqlStr};
use tokio::task::JoinSet;

fn url(text: &str) -> PostgresUrl {
    text.strip_prefix("postgres:").unwrap().parse().unwrap()
}

async fn open(text: &str) -> Result<PostgresStore, Error> {
    PostgresStore::open(&url(text), PostgresOptions::default()).await
}

/// A connection of somebody else.
async fn stranger(database: &Database) -> PgConnection {
    let options: PgConnectOptions = url(&database.url()).options().unwrap();
    options.connect().await.unwrap()
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .unwrap();
}

fn id(name: &str) -> Id {
    Id::new(name).unwrap()
}

fn bots(store: &PostgresStore) -> Arc<dyn RegistryBackend> {
    store.collection(&CollectionName::bots())
}

async fn put(backend: &Arc<dyn RegistryBackend>, name: &str) -> Result<Revision, Error> {
    let draft = Draft::active(PortableConfig::from_value(json!({ "n": 1 })).unwrap());
    Ok(backend
        .put(&id(name), draft, Precondition::Any)
        .await?
        .revision)
}

/// Many registrations, without the time that it takes to write them.
async fn fill(connection: &mut PgConnection, rows: u32) {
    run(
        connection,
        &format!(
            r#"INSERT INTO registrations
               SELECT 'bots', 'bot-' || n, n, 1, 'active', now(), now(), now(), note::json, '{{}}', note::jsonb
               FROM (SELECT n, '{{"team": "team-' || n % 2000 || '"}}' AS note FROM generate_series(1, {rows}) AS n) AS x;
               INSERT INTO registrations_changes
               SELECT 'bots', n, 'bot-' || n, 'created', now() FROM generate_series(1, {rows}) AS n;
               INSERT INTO registrations_collections VALUES ('bots', {rows}, 0);
               ANALYZE"#
        ),
    )
    .await;
}

/// What the server does for a statement, when it decides for these values and when it decides once for all values.
async fn plans(connection: &mut PgConnection, sql: &SqlStr, bound: &Bound) -> [String; 2] {
    let explain = format!(
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {}",
        sql.as_str()
    );
    let mut plans = [String::new(), String::new()];
    for (mode, plan) in ["custom", "generic"].iter().zip(&mut plans) {
        let mode = format!("SET plan_cache_mode = force_{mode}_plan");
        run(connection, &mode).await;
        let arguments = bound.clone().into_arguments();
        let lines: Vec<String> = sqlx::query_with(AssertSqlSafe(&*explain), arguments)
            .fetch_all(&mut *connection)
            .await
            .unwrap()
            .iter()
            .map(|row| row.get(0))
            .collect();
        *plan = lines.join("\n");
    }
    plans
}

#[tokio::test]
async fn filters_on_metadata_use_the_index() {
    let database = PostgresServer::shared().database();
    let store = open(&database.url()).await.unwrap();
    let mut stranger = stranger(&database).await;
    fill(&mut stranger, 20_000).await;
    let sorted = vec![SortSpec::parse("metadata.team:desc").unwrap()];
    let query = Query {
        metadata: json!({"team": "team-7"}).as_object().unwrap().clone(),
        sort: sorted,
        limit: Some(20),
        ..Query::default()
    };
    let unsorted = Query {
        sort: Vec::new(),
        ..query.clone()
    };
    let (tables, bots) = (store.shared.connector.url().table(), CollectionName::bots());
    let statements = [
        listing::select(tables, &bots, &query),
        listing::select(tables, &bots, &unsorted),
        listing::count(tables, &bots, &query),
    ];
    for (sql, bound) in &statements {
        for plan in plans(&mut stranger, sql, bound).await {
            assert!(
                plan.contains("Bitmap Index Scan on registrations_search"),
                "{}\n{plan}",
                sql.as_str()
            );
            assert!(!plan.contains("Seq Scan"), "{plan}");
        }
    }
    let bots = store.collection(&bots);
    assert_eq!(bots.count(&query).await.unwrap(), 10);
    assert_eq!(bots.list(&unsorted).await.unwrap().items.len(), 10);
}

#[tokio::test]
async fn a_poll_seeks_and_an_idle_one_reads_no_log() {
    let database = PostgresServer::shared().database();
    let store = open(&database.url()).await.unwrap();
    let mut stranger = stranger(&database).await;
    fill(&mut stranger, 20_000).await;
    let sql = &store.shared.statements.changes;
    let bound = |after: i64| Bound::default().and("bots").and(after).and(100_i64);
    for plan in plans(&mut stranger, sql, &bound(19_990)).await {
        assert!(
            plan.contains("Index Scan using registrations_changes_pkey"),
            "{plan}"
        );
        assert!(
            !plan.contains("Seq Scan on registrations_changes"),
            "{plan}"
        );
    }
    for idle in plans(&mut stranger, sql, &bound(20_000)).await {
        assert!(
            idle.contains("registrations_changes_pkey on registrations_changes (never executed)"),
            "{idle}"
        );
    }
    let told = bots(&store).changes(Revision(19_990), 100).await.unwrap();
    assert!(matches!(told, Changes::Log { changes, .. } if changes.len() == 10));
}

#[tokio::test]
async fn collections_and_tables_of_one_database_do_not_know_each_other() {
    let database = PostgresServer::shared().database();
    let one = open(&format!("{}&table=one", database.url()))
        .await
        .unwrap();
    let other = open(&format!("{}&table=conf.one", database.url()))
        .await
        .unwrap();
    let mods = CollectionName::new("mods").unwrap();
    let (bots, mods) = (bots(&one), one.collection(&mods));
    let elsewhere = other.collection(&CollectionName::bots());
    for backend in [&bots, &mods, &elsewhere] {
        assert_eq!(put(backend, "a").await.unwrap(), Revision(1));
    }
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
    let none = Retention {
        entries: 0,
        ..Retention::default()
    };
    assert_eq!(bots.compact(none).await.unwrap(), Revision(4));
    assert_eq!(
        mods.compact(Retention::default()).await.unwrap(),
        Revision(1)
    );
    assert_eq!(mods.count(&Query::default()).await.unwrap(), 2);
    assert_eq!(elsewhere.head().await.unwrap(), Revision(1));
}

#[tokio::test]
async fn nodes_that_start_at_once_make_the_tables_once() {
    let database = PostgresServer::shared().database();
    let mut starting = JoinSet::new();
    for n in 0..16 {
        let url = format!("{}&table=conf.bots", database.url());
        starting.spawn(async move {
            let store = open(&url).await.unwrap();
            put(&bots(&store), &format!("bot-{n}")).await.unwrap()
        });
    }
    let mut revisions = starting.join_all().await;
    revisions.sort();
    assert_eq!(revisions, (1..=16).map(Revision).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_node_of_an_older_version_goes_on_and_starts_again_on_newer_tables() {
    let database = PostgresServer::shared().database();
    let store = open(&database.url()).await.unwrap();
    let older = bots(&store);
    put(&older, "a").await.unwrap();
    older.get(&id("a")).await.unwrap();
    // What a migration of a newer version may do, while the older one runs.
    run(
        &mut stranger(&database).await,
        "INSERT INTO registrations_migrations VALUES (9999, 'later', now(), true, '\\x00', 0);
         ALTER TABLE registrations ADD COLUMN owner TEXT NOT NULL DEFAULT 'nobody';
         ALTER TABLE registrations_collections ADD COLUMN note TEXT;
         ALTER TABLE registrations_changes ADD COLUMN who TEXT;
         CREATE TABLE registrations_later (id TEXT)",
    )
    .await;
    assert_eq!(put(&older, "a").await.unwrap(), Revision(2));
    assert_eq!(older.get(&id("a")).await.unwrap().unwrap().version, 2);
    let again = bots(&open(&database.url()).await.unwrap());
    assert_eq!(put(&again, "b").await.unwrap(), Revision(3));
    assert_eq!(older.list(&Query::default()).await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn a_user_without_the_right_to_make_tables_may_use_them() {
    let database = PostgresServer::shared().database();
    let mut owner = stranger(&database).await;
    let user = format!("user_of_{}", database.name());
    run(
        &mut owner,
        &format!(
            "CREATE ROLE {user} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC;
             ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {user}"
        ),
    )
    .await;
    let theirs = format!("{}&user={user}", database.url());
    let refused = open(&theirs).await.unwrap_err().to_string();
    assert!(refused.contains("grant CREATE on the schema"), "{refused}");
    open(&database.url()).await.unwrap();
    let store = open(&theirs).await.unwrap();
    assert_eq!(put(&bots(&store), "a").await.unwrap(), Revision(1));
}

#[tokio::test]
async fn tables_of_another_program_are_left_alone() {
    let database = PostgresServer::shared().database();
    let mut stranger = stranger(&database).await;
    run(&mut stranger, "CREATE TABLE registrations (name TEXT)").await;
    let refused = open(&database.url()).await.unwrap_err();
    assert!(matches!(refused, Error::Corrupt { .. }), "{refused:?}");
    assert!(
        refused
            .to_string()
            .ends_with("by something else than this program: name another table"),
        "{refused}"
    );
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            .fetch_one(&mut stranger)
            .await
            .unwrap();
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn each_commit_rings_once_for_each_collection() {
    let database = PostgresServer::shared().database();
    let store = open(&database.url()).await.unwrap();
    let backend = bots(&store);
    put(&backend, "a").await.unwrap();
    let options = url(&database.url()).options().unwrap();
    let pool = sqlx::postgres::PgPoolOptions::new().connect_lazy_with(options);
    let mut listener = sqlx::postgres::PgListener::connect_with(&pool)
        .await
        .unwrap();
    listener.listen("registrations_changes").await.unwrap();
    let mut writes = JoinSet::new();
    for n in 0..64 {
        let backend = Arc::clone(&backend);
        writes.spawn(async move { put(&backend, &format!("bot-{n}")).await.unwrap() });
    }
    let last = writes.join_all().await.into_iter().max().unwrap();
    assert_eq!(last, Revision(65));
    let mut rings = 0;
    let heard = async {
        loop {
            let ring = listener.recv().await.unwrap();
            rings += 1;
            if ring.payload() == r#"{"collection":"bots","revision":65}"# {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), heard)
        .await
        .unwrap();
    assert!(rings < 32, "{rings} transactions for 64 concurrent writes");
}

#[tokio::test]
async fn order_is_by_bytes_whatever_the_database_thinks_of_letters() {
    let database = PostgresServer::shared().database();
    let name = format!("{}_icu", database.name());
    run(
        &mut stranger(&database).await,
        &format!(
            "CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' ENCODING 'UTF8'"
        ),
    )
    .await;
    let theirs = database
        .url()
        .replace(&format!("/{}?", database.name()), &format!("/{name}?"));
    let backend = bots(&open(&theirs).await.unwrap());
    let mut names = ["b", "B", "a", "ä", "Z", "a-b", "ab"];
    for name in names {
        put(&backend, name).await.unwrap();
    }
    names.sort_unstable();
    let listed = backend.list(&Query::default()).await.unwrap().items;
    let listed: Vec<_> = listed.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(listed, names);
    let heads = backend.heads(Some(&id("a")), 2).await.unwrap();
    assert_eq!(heads[0].0, id("a-b"));
}

#[tokio::test]
async fn what_is_acknowledged_is_flushed_even_if_the_server_would_not() {
    let database = PostgresServer::shared().database();
    run(
        &mut stranger(&database).await,
        &format!(
            "ALTER DATABASE {} SET synchronous_commit = off",
            database.name()
        ),
    )
    .await;
    let store = open(&database.url()).await.unwrap();
    let mut connection = store.shared.connector.connect_to_write().await.unwrap();
    let setting: String = sqlx::query_scalar("SHOW synchronous_commit")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(setting, "on");
}

/// How many connections a program of ours has to a database.
async fn connections(stranger: &mut PgConnection, database: &Database) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = $1 AND application_name = 'hotbed' AND pid <> pg_backend_pid()";
    sqlx::query_scalar(count)
        .bind(database.name())
        .fetch_one(stranger)
        .await
        .unwrap()
}

#[tokio::test]
async fn closing_completes_what_was_begun_and_then_refuses() {
    let database = PostgresServer::shared().database();
    let store = open(&database.url()).await.unwrap();
    let backend = bots(&store);
    let mut writes = JoinSet::new();
    for n in 0..100 {
        let backend = Arc::clone(&backend);
        writes.spawn(async move { put(&backend, &format!("bot-{n}")).await });
    }
    tokio::task::yield_now().await;
    store.close().await;
    let done = writes.join_all().await.into_iter().flatten().count() as u64;
    assert_eq!(
        put(&backend, "late").await.unwrap_err().to_string(),
        "registry cannot write a registration: it is closed"
    );
    assert_eq!(
        backend.get(&id("bot-0")).await.unwrap_err().to_string(),
        "registry cannot read a registration: it is closed"
    );
    let again = bots(&open(&database.url()).await.unwrap());
    assert_eq!(again.head().await.unwrap(), Revision(done));
}

#[tokio::test]
async fn dropping_the_last_handle_closes_the_connections() {
    let database = PostgresServer::shared().database();
    let mut stranger = stranger(&database).await;
    let backend = bots(&open(&database.url()).await.unwrap());
    put(&backend, "a").await.unwrap();
    backend.get(&id("a")).await.unwrap();
    assert_eq!(connections(&mut stranger, &database).await, 2);
    drop(backend);
    let closed = async {
        while connections(&mut stranger, &database).await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), closed)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named_and_harms_no_other() {
    let database = PostgresServer::shared().database();
    let backend = bots(&open(&database.url()).await.unwrap());
    for name in ["good", "bad"] {
        put(&backend, name).await.unwrap();
    }
    run(
        &mut stranger(&database).await,
        "UPDATE registrations SET status = 'odd' WHERE id = 'bad'",
    )
    .await;
    let named = "registry holds something unreadable at the registration \"bad\": unknown status \"odd\": \
                 use active, inactive or error";
    assert_eq!(
        backend.get(&id("bad")).await.unwrap_err().to_string(),
        named
    );
    let listed = backend.list(&Query::default()).await.unwrap_err();
    assert_eq!(listed.to_string(), named);
    let written = tokio::join!(put(&backend, "bad"), put(&backend, "good"));
    assert_eq!(written.0.unwrap_err().to_string(), named);
    assert_eq!(written.1.unwrap(), Revision(3));
    let deleted = backend
        .delete(&id("bad"), Precondition::At(Revision(2)), &ChangeNote::NONE)
        .await;
    assert_eq!(deleted.unwrap(), Revision(4));
    assert_eq!(
        backend.list(&Query::default()).await.unwrap().items.len(),
        1
    );
}

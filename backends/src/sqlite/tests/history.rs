use super::*;
use crate::sqlite::history::{FORGET_PAST, HISTORY, REMEMBER, REPLACED, SURPLUS};
use hotbed_registry::{HistoryRetention, Past};

async fn told(backend: &Arc<dyn RegistryBackend>, name: &str) -> Vec<u64> {
    let history = backend.history(&id(name), None, 100).await.unwrap();
    history.iter().map(|past| past.revision().0).collect()
}

fn keep(versions: u32) -> Retention {
    Retention {
        history: HistoryRetention {
            versions,
            ..HistoryRetention::default()
        },
        ..Retention::default()
    }
}

async fn run(file: &File, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut file.stranger().await)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_past_is_looked_up_and_never_read_from_end_to_end() {
    let file = File::new();
    let _store = file.store().await;
    let mut stranger = file.stranger().await;
    for sql in [HISTORY, REPLACED, SURPLUS, REMEMBER, FORGET_PAST] {
        let plan: Vec<String> = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
            .fetch_all(&mut stranger)
            .await
            .unwrap()
            .iter()
            .map(|row| row.get("detail"))
            .collect();
        // Not even all rows of the collection, which is what SQLite would rather do than look up some ids.
        let narrow = ["collection=? AND ", "rowid=?"];
        let lookups = plan.iter().filter(|line| line.starts_with("SEARCH"));
        assert!(lookups.clone().count() > 0, "{sql}\n{plan:#?}");
        for lookup in lookups {
            let is_narrow = narrow.iter().any(|by| lookup.contains(by));
            assert!(is_narrow, "{sql}\n{plan:#?}");
        }
        let scans = plan.iter().filter(|line| line.starts_with("SCAN"));
        assert!(
            scans.clone().all(|line| line.contains("VIRTUAL TABLE")),
            "{sql}\n{plan:#?}"
        );
        assert!(
            !plan.iter().any(|line| line.contains("TEMP B-TREE")),
            "{sql}\n{plan:#?}"
        );
    }
}

#[tokio::test]
async fn what_was_there_before_the_history_is_its_beginning() {
    let file = File::new();
    let before = file.store().await;
    let bots = before.collection(&CollectionName::bots());
    put(&bots, "a").await.unwrap();
    before.close().await;
    // As a process of the first version has left it.
    run(
        &file,
        "DROP TABLE history; DELETE FROM _sqlx_migrations WHERE version = 2",
    )
    .await;
    let bots = file.store().await.collection(&CollectionName::bots());
    assert_eq!(told(&bots, "a").await, [1]);
    put(&bots, "a").await.unwrap();
    assert_eq!(told(&bots, "a").await, [2, 1]);
    let first = bots.past(&id("a"), Revision(1)).await.unwrap().unwrap();
    assert!(matches!(first, Past::Written(it) if it.version == 1));
}

#[tokio::test]
async fn a_process_that_knows_no_history_leaves_a_gap_and_nothing_worse() {
    let file = File::new();
    let bots = file.store().await.collection(&CollectionName::bots());
    put(&bots, "a").await.unwrap();
    // What the first version's statements make of a write, of another one, and of a deletion.
    let older =
        "UPDATE registrations SET revision = revision + 1, version = version + 1 WHERE id = 'a';
                 UPDATE collections SET head = head + 1";
    run(&file, older).await;
    run(&file, older).await;
    assert_eq!(told(&bots, "a").await, [3]);
    put(&bots, "a").await.unwrap();
    assert_eq!(told(&bots, "a").await, [4, 3]);
    let deletion =
        "DELETE FROM registrations WHERE id = 'a'; UPDATE collections SET head = head + 1";
    run(&file, deletion).await;
    assert_eq!(told(&bots, "a").await, [3], "nobody told of the deletion");
    assert_eq!(put(&bots, "a").await.unwrap(), Revision(6));
    assert_eq!(told(&bots, "a").await, [6, 3]);
    bots.compact(keep(0)).await.unwrap();
    assert_eq!(told(&bots, "a").await, [6]);
}

/// A deletion had no metadata before it had a note, and is told to a process that knows of none all the same: by its
/// status, which is missing.
#[tokio::test]
async fn of_a_deletion_that_an_older_process_noted_nothing_was_said() {
    let file = File::new();
    let bots = file.store().await.collection(&CollectionName::bots());
    put(&bots, "a").await.unwrap();
    let note = ChangeNote {
        by: Some("ada".into()),
        reason: Some("why not".into()),
    };
    let revision = bots.delete(&id("a"), Precondition::Any, &note).await;
    let revision = revision.unwrap();
    let stored: (Option<String>, String) =
        sqlx::query_as("SELECT status, metadata FROM history WHERE revision = 2")
            .fetch_one(&mut file.stranger().await)
            .await
            .unwrap();
    let metadata = r#"{"change_reason":"why not","changed_by":"ada"}"#;
    assert_eq!(stored, (None, metadata.to_owned()));
    let said = async || {
        let past = bots.past(&id("a"), revision).await.unwrap();
        past.expect("it is remembered").note()
    };
    assert_eq!(said().await, note);
    run(
        &file,
        "UPDATE history SET metadata = NULL WHERE revision = 2",
    )
    .await;
    assert_eq!(said().await, ChangeNote::NONE);
}

#[tokio::test]
async fn a_past_version_that_cannot_be_read_is_named() {
    let file = File::new();
    let bots = file.store().await.collection(&CollectionName::bots());
    for _ in 0..2 {
        put(&bots, "a").await.unwrap();
    }
    run(&file, "UPDATE history SET status = 'odd'").await;
    let named = "registry holds something unreadable at table history, id \"a\", revision 1: unknown status \"odd\": \
                 use active, inactive or error";
    let past = bots.past(&id("a"), Revision(1)).await;
    assert_eq!(past.unwrap_err().to_string(), named);
    assert!(bots.past(&id("a"), Revision(2)).await.unwrap().is_some());
    put(&bots, "a").await.unwrap();
    bots.compact(keep(0)).await.unwrap();
    assert_eq!(told(&bots, "a").await, [3], "it can be forgotten");
}

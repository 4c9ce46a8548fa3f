use super::*;
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

/// A past, without the time that it takes to make one: forty versions of each of five hundred ids.
async fn fill_past(connection: &mut PgConnection) {
    run(
        connection,
        "INSERT INTO registrations_history
         SELECT 'bots', 'bot-' || n % 500, n, n + 500, now(), n / 500 + 1, 'active', now(), now(), '{}', '{}'
         FROM generate_series(1, 20000) AS n;
         ANALYZE",
    )
    .await;
}

#[tokio::test]
async fn the_past_is_found_by_its_indexes() {
    let database = PostgresServer::shared().database();
    let store = open(&database.url()).await.unwrap();
    let mut stranger = stranger(&database).await;
    fill(&mut stranger, 20_000).await;
    fill_past(&mut stranger).await;
    let statements = &store.shared.statements;
    let of_bots = || Bound::default().and("bots");
    let newest = || of_bots().and("bot-7").and(i64::MAX);
    let asked = [
        (&statements.history, newest().and(10_i64)),
        (&statements.replaced, of_bots().and(20_400_i64).and(500_i64)),
        (
            &statements.surplus,
            of_bots()
                .and(vec!["bot-7", "bot-8"])
                .and(50_i64)
                .and(500_i64),
        ),
        (
            &statements.forget_past,
            of_bots().and(vec!["bot-7"]).and(vec![7_i64]),
        ),
    ];
    for (sql, bound) in &asked {
        for plan in plans(&mut stranger, sql, bound).await {
            assert!(!plan.contains("Seq Scan"), "{}\n{plan}", sql.as_str());
        }
    }
}

#[tokio::test]
async fn a_row_is_copied_by_its_key_and_not_searched_for() {
    let database = PostgresServer::shared().database();
    let store = open(&database.url()).await.unwrap();
    let mut stranger = stranger(&database).await;
    fill(&mut stranger, 20_000).await;
    let backend = bots(&store);
    put(&backend, "bot-7").await.unwrap();
    for _ in 0..20 {
        put(&backend, "bot-7").await.unwrap();
    }
    assert_eq!(told(&backend, "bot-7").await.len(), 22);
    store.close().await;
    // The server counts them when the writer's connection is gone, all at once.
    let counted = async {
        loop {
            let counts = "SELECT n_tup_upd, seq_tup_read FROM pg_stat_user_tables WHERE relname = 'registrations'";
            let (updated, read): (i64, i64) = sqlx::query_as(counts)
                .fetch_one(&mut stranger)
                .await
                .unwrap();
            if updated == 21 {
                break read;
            }
            tokio::task::yield_now().await;
        }
    };
    let read = tokio::time::timeout(Duration::from_secs(10), counted).await;
    assert!(read.unwrap() < 40_000, "rows are read from end to end");
}

#[tokio::test]
async fn what_was_there_before_the_history_is_its_beginning() {
    let database = PostgresServer::shared().database();
    let before = open(&database.url()).await.unwrap();
    put(&bots(&before), "a").await.unwrap();
    before.close().await;
    // As a node of the first version has left it.
    run(
        &mut stranger(&database).await,
        "DROP TABLE registrations_history; DELETE FROM registrations_migrations WHERE version = 2",
    )
    .await;
    let store = open(&database.url()).await.unwrap();
    let backend = bots(&store);
    assert_eq!(told(&backend, "a").await, [1]);
    put(&backend, "a").await.unwrap();
    assert_eq!(told(&backend, "a").await, [2, 1]);
    let first = backend.past(&id("a"), Revision(1)).await.unwrap().unwrap();
    assert!(matches!(first, Past::Written(it) if it.version == 1));
}

#[tokio::test]
async fn a_node_that_knows_no_history_leaves_a_gap_and_nothing_worse() {
    let database = PostgresServer::shared().database();
    let store = open(&database.url()).await.unwrap();
    let backend = bots(&store);
    put(&backend, "a").await.unwrap();
    // What the first version's statement makes of a write, of another one, and of a deletion and a creation.
    let older =
        "UPDATE registrations SET revision = revision + 1, version = version + 1 WHERE id = 'a';
                 UPDATE registrations_collections SET head = head + 1";
    let mut stranger = stranger(&database).await;
    run(&mut stranger, older).await;
    run(&mut stranger, older).await;
    assert_eq!(told(&backend, "a").await, [3]);
    put(&backend, "a").await.unwrap();
    assert_eq!(told(&backend, "a").await, [4, 3]);
    run(
        &mut stranger,
        "DELETE FROM registrations WHERE id = 'a'; UPDATE registrations_collections SET head = head + 1",
    )
    .await;
    assert_eq!(
        told(&backend, "a").await,
        [3],
        "nobody told of the deletion"
    );
    assert_eq!(put(&backend, "a").await.unwrap(), Revision(6));
    assert_eq!(told(&backend, "a").await, [6, 3]);
    backend.compact(keep(0)).await.unwrap();
    assert_eq!(told(&backend, "a").await, [6]);
}

#[tokio::test]
async fn nodes_that_compact_at_once_while_others_write_forget_the_same() {
    let database = PostgresServer::shared().database();
    let nodes = [
        open(&database.url()).await.unwrap(),
        open(&database.url()).await.unwrap(),
        open(&database.url()).await.unwrap(),
    ];
    fill_past(&mut stranger(&database).await).await;
    let (one, two, writer) = (bots(&nodes[0]), bots(&nodes[1]), bots(&nodes[2]));
    run(
        &mut stranger(&database).await,
        "INSERT INTO registrations_collections VALUES ('bots', 21000, 0)",
    )
    .await;
    let writes = async {
        for _ in 0..30 {
            put(&writer, "bot-7").await.unwrap();
        }
    };
    let (first, second, ()) = tokio::join!(one.compact(keep(3)), two.compact(keep(3)), writes);
    first.unwrap();
    second.unwrap();
    one.compact(keep(3)).await.unwrap();
    assert_eq!(told(&one, "bot-8").await.len(), 3);
    assert_eq!(told(&one, "bot-7").await.len(), 4);
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM registrations_history")
        .fetch_one(&mut stranger(&database).await)
        .await
        .unwrap();
    assert_eq!(rows, 1_500);
}

#[tokio::test]
async fn a_past_version_that_cannot_be_read_is_named() {
    let database = PostgresServer::shared().database();
    let backend = bots(&open(&database.url()).await.unwrap());
    for _ in 0..2 {
        put(&backend, "a").await.unwrap();
    }
    run(
        &mut stranger(&database).await,
        "UPDATE registrations_history SET status = 'odd'",
    )
    .await;
    let named = "registry holds something unreadable at the past of \"a\", revision 1: unknown status \"odd\": \
                 use active, inactive or error";
    let past = backend.past(&id("a"), Revision(1)).await;
    assert_eq!(past.unwrap_err().to_string(), named);
    assert!(backend.past(&id("a"), Revision(2)).await.unwrap().is_some());
    put(&backend, "a").await.unwrap();
    backend.compact(keep(0)).await.unwrap();
    assert_eq!(told(&backend, "a").await, [3], "it can be forgotten");
}

//! What a poll costs that finds nothing: SQLite with a million registrations against SQLite with a thousand.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

#[path = "support/ratio.rs"]
mod ratio;

use hotbed::configs::PortableConfig;
use hotbed::registry::{Changes, CollectionName, Draft, Id, Precondition, Reader, Revision};
use hotbed_backends::{SqliteOptions, SqliteStore};
use ratio::{Contender, compare, per_operation};
use sqlx::{Connection, SqliteConnection};
use std::path::Path;

const POLLS: usize = 2_000;
const ROUNDS: usize = 15;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let open = |count| runtime.block_on(registrations(dir.path(), count));
    let (few, many) = (open(1_000), open(1_000_000));
    let poll = |(reader, head): &(Reader, Revision)| {
        per_operation(POLLS, || {
            runtime.block_on(async {
                for _ in 0..POLLS {
                    let found = reader.changes(*head, 1_000).await.unwrap();
                    assert!(matches!(found, Changes::Log { changes, .. } if changes.is_empty()));
                }
            });
        })
    };
    let holds = compare(
        "idle poll of SQLite",
        ROUNDS,
        Contender {
            name: "floor: 1,000 registrations",
            limit: None,
            round: Box::new(|| poll(&few)),
        },
        vec![Contender {
            name: "1,000,000 registrations",
            limit: Some(1.5),
            round: Box::new(|| poll(&many)),
        }],
    );
    drop(dir);
    std::process::exit(i32::from(!holds));
}

/// A registry with so many registrations, each with its entry in the log, and its head.
async fn registrations(dir: &Path, count: u64) -> (Reader, Revision) {
    let path = dir.join(format!("{count}.db"));
    let bots = CollectionName::bots();
    let store = SqliteStore::open(&path, SqliteOptions::default())
        .await
        .unwrap();
    let config =
        serde_json::json!({"llm": {"provider": "echo"}, "system_prompt": "You are one of many."});
    let draft = Draft::active(PortableConfig::from_value(config).unwrap());
    let first = Id::new("bot-1").unwrap();
    store
        .collection(&bots)
        .put(&first, draft, Precondition::Absent)
        .await
        .unwrap();
    multiply(&path, count).await;
    let reader = Reader::new(store.collection(&bots));
    let head = reader.head().await.unwrap();
    assert_eq!(head, Revision(count));
    (reader, head)
}

/// Makes copies of the one registration in a file, and of its entry in the log.
async fn multiply(path: &Path, count: u64) {
    let url = format!("sqlite:{}", path.display());
    let mut file = SqliteConnection::connect(&url).await.unwrap();
    let copies = format!(
        "WITH RECURSIVE copies(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM copies WHERE n < {count}) "
    );
    for statement in [
        "BEGIN IMMEDIATE".to_owned(),
        format!(
            "INSERT INTO registrations {copies}
             SELECT collection, 'bot-' || n, n, version, status, created_at, updated_at, last_accessed_at, metadata,
                 config FROM registrations, copies WHERE id = 'bot-1'"
        ),
        format!(
            "INSERT INTO changes {copies}
             SELECT collection, n, 'bot-' || n, kind, at FROM changes, copies WHERE revision = 1"
        ),
        format!("UPDATE collections SET head = {count}"),
        "COMMIT".to_owned(),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut file)
            .await
            .unwrap();
    }
    file.close().await.unwrap();
}

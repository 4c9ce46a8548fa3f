//! What a poll costs that finds nothing: PostgreSQL with a million registrations against PostgreSQL with a thousand.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

#[path = "support/ratio.rs"]
mod ratio;

use hotbed_backends::{PostgresOptions, PostgresStore, RegistryUrl};
use hotbed_registry::{
    Changes, CollectionName, Draft, Id, PortableConfig, Precondition, Reader, Revision,
};
use hotbed_testkit::{Database, PostgresServer};
use ratio::{Contender, compare, per_operation};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};

const POLLS: usize = 1_000;
const ROUNDS: usize = 15;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = PostgresServer::start(&[]);
    let open = |count| runtime.block_on(registrations(&server.database(), count));
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
        "idle poll of PostgreSQL",
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
    drop(server);
    std::process::exit(i32::from(!holds));
}

/// A registry with so many registrations, each with its entry in the log, and its head.
async fn registrations(database: &Database, count: u64) -> (Reader, Revision) {
    let bots = CollectionName::bots();
    let Ok(RegistryUrl::Postgres(url)) = database.url().parse() else {
        panic!("a good URL")
    };
    let store = PostgresStore::open(&url, PostgresOptions::default())
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
    multiply(database, count).await;
    let reader = Reader::new(store.collection(&bots));
    let head = reader.head().await.unwrap();
    assert_eq!(head, Revision(count));
    (reader, head)
}

/// Makes copies of the one registration in a database, and of its entry in the log.
async fn multiply(database: &Database, count: u64) {
    let options: PgConnectOptions = database.tcp_url().parse().unwrap();
    let mut connection = options.connect().await.unwrap();
    for statement in [
        format!(
            "INSERT INTO registrations
             SELECT collection, 'bot-' || n, n, version, status, created_at, updated_at, last_accessed_at, metadata,
                 config, search FROM registrations, generate_series(2, {count}) AS n WHERE id = 'bot-1'"
        ),
        format!(
            "INSERT INTO registrations_changes
             SELECT collection, n, 'bot-' || n, kind, at
             FROM registrations_changes, generate_series(2, {count}) AS n WHERE revision = 1"
        ),
        format!("UPDATE registrations_collections SET head = {count}"),
        "ANALYZE".to_owned(),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .unwrap();
    }
}

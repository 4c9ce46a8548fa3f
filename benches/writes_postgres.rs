//! What a registry write costs among 32 writers: revisions, log and notification included, against 32 connections that
//! each upsert a row of a plain table, on one PostgreSQL that flushes every commit to its disk.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

#[path = "support/ratio.rs"]
mod ratio;

use hotbed_backends::{PostgresOptions, PostgresStore, RegistryUrl};
use hotbed_registry::{CollectionName, Draft, Id, PortableConfig, Precondition, RegistryBackend};
use hotbed_testkit::PostgresServer;
use ratio::{Contender, compare, per_operation};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const WRITERS: usize = 32;
const WRITES: usize = 100;
const ROUNDS: usize = 15;
/// 0.85 times as many writes.
const LIMIT: f64 = 1.0 / 0.85;

fn config(n: usize) -> Value {
    json!({"n": n, "llm": {"$resource": "chat", "type": "llms"}, "prompt": "You are a friendly bot. ".repeat(15)})
}

fn main() {
    let server = PostgresServer::start(&["fsync=on", "full_page_writes=on"]);
    let runtime = Runtime::new().unwrap();
    let database = server.database();
    let url = database.tcp_url();
    let connections = runtime.block_on(connect(&url));
    let nodes: Vec<_> = (0..2).map(|_| runtime.block_on(open(&url))).collect();

    let mut connections = Some(connections);
    let floor = || {
        per_operation(WRITERS * WRITES, || {
            connections = connections.take().map(|it| runtime.block_on(upsert(it)));
        })
    };
    let through = |nodes: &[Arc<dyn RegistryBackend>]| {
        per_operation(WRITERS * WRITES, || runtime.block_on(put(nodes)))
    };
    let holds = compare(
        &format!("write, {WRITERS} writers, flushed to disk"),
        ROUNDS,
        Contender {
            name: "floor: upsert into a plain table, 32 connections",
            limit: None,
            round: Box::new(floor),
        },
        vec![
            Contender {
                name: "hotbed put, one node",
                limit: Some(LIMIT),
                round: Box::new(|| through(&nodes[..1])),
            },
            Contender {
                name: "hotbed put, two nodes",
                limit: None,
                round: Box::new(|| through(&nodes)),
            },
        ],
    );
    drop(server);
    std::process::exit(i32::from(!holds));
}

async fn connect(url: &str) -> Vec<PgConnection> {
    let options: PgConnectOptions = url.parse().unwrap();
    let options = options.disable_statement_logging();
    let mut connections = Vec::new();
    for _ in 0..WRITERS {
        connections.push(options.connect().await.unwrap());
    }
    sqlx::raw_sql("CREATE TABLE plain (id TEXT PRIMARY KEY, config JSONB NOT NULL)")
        .execute(&mut connections[0])
        .await
        .unwrap();
    connections
}

async fn upsert(connections: Vec<PgConnection>) -> Vec<PgConnection> {
    let mut writers = JoinSet::new();
    for (writer, mut connection) in connections.into_iter().enumerate() {
        writers.spawn(async move {
            for n in 0..WRITES {
                let upsert = "INSERT INTO plain VALUES ($1, $2::text::jsonb)
                              ON CONFLICT (id) DO UPDATE SET config = excluded.config";
                sqlx::query(upsert)
                    .bind(format!("bot-{writer}-{}", n % 10))
                    .bind(config(n).to_string())
                    .execute(&mut connection)
                    .await
                    .unwrap();
            }
            connection
        });
    }
    writers.join_all().await
}

async fn open(url: &str) -> Arc<dyn RegistryBackend> {
    let Ok(RegistryUrl::Postgres(url)) = url.parse() else {
        panic!("a good URL")
    };
    let store = PostgresStore::open(&url, PostgresOptions::default()).await;
    store.unwrap().collection(&CollectionName::bots())
}

async fn put(nodes: &[Arc<dyn RegistryBackend>]) {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let node = Arc::clone(&nodes[writer % nodes.len()]);
        writers.spawn(async move {
            for n in 0..WRITES {
                let id = Id::new(&format!("bot-{writer}-{}", n % 10)).unwrap();
                let draft = Draft::active(PortableConfig::from_value(config(n)).unwrap());
                node.put(&id, draft, Precondition::Any).await.unwrap();
            }
        });
    }
    writers.join_all().await;
}

//! What a registry write costs among 32 writers of one process on SQLite: revisions and log included, against 32
//! threads that upsert rows of a plain table through one connection of rusqlite. Both flush every commit to the disk.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

#[path = "support/ratio.rs"]
mod ratio;

use hotbed_backends::{SqliteOptions, SqliteStore};
use hotbed_registry::{CollectionName, Draft, Id, PortableConfig, Precondition, RegistryBackend};
use ratio::{Contender, compare, per_operation};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const WRITERS: usize = 32;
const WRITES: usize = 100;
const ROUNDS: usize = 15;
/// Half as many writes.
const LIMIT: f64 = 2.0;

fn config(n: usize) -> Value {
    json!({"n": n, "llm": {"$resource": "chat", "type": "llms"}, "prompt": "You are a friendly bot. ".repeat(15)})
}

fn main() {
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let plain = Mutex::new(plain(&dir.path().join("plain.db")));
    let path = dir.path().join("hotbed.db");
    let store = runtime
        .block_on(SqliteStore::open(&path, SqliteOptions::default()))
        .unwrap();
    let bots = store.collection(&CollectionName::bots());
    let holds = compare(
        &format!("write to SQLite, {WRITERS} writers, flushed to disk"),
        ROUNDS,
        Contender {
            name: "floor: rusqlite upsert into a plain table",
            limit: None,
            round: Box::new(|| per_operation(WRITERS * WRITES, || upsert(&plain))),
        },
        vec![Contender {
            name: "hotbed put",
            limit: Some(LIMIT),
            round: Box::new(|| per_operation(WRITERS * WRITES, || runtime.block_on(put(&bots)))),
        }],
    );
    runtime.block_on(store.close());
    std::process::exit(i32::from(!holds));
}

fn plain(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE plain (id TEXT PRIMARY KEY, config TEXT NOT NULL) STRICT, WITHOUT ROWID",
        )
        .unwrap();
    connection
}

fn upsert(connection: &Mutex<Connection>) {
    std::thread::scope(|threads| {
        for writer in 0..WRITERS {
            threads.spawn(move || {
                for n in 0..WRITES {
                    let upsert = "INSERT INTO plain VALUES (?1, ?2)
                                  ON CONFLICT (id) DO UPDATE SET config = excluded.config";
                    let (id, config) = (format!("bot-{writer}-{}", n % 10), config(n).to_string());
                    let connection = connection.lock().unwrap();
                    let mut upsert = connection.prepare_cached(upsert).unwrap();
                    upsert.execute((id, config)).unwrap();
                }
            });
        }
    });
}

async fn put(bots: &Arc<dyn RegistryBackend>) {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let bots = Arc::clone(bots);
        writers.spawn(async move {
            for n in 0..WRITES {
                let id = Id::new(&format!("bot-{writer}-{}", n % 10)).unwrap();
                let draft = Draft::active(PortableConfig::from_value(config(n)).unwrap());
                bots.put(&id, draft, Precondition::Any).await.unwrap();
            }
        });
    }
    writers.join_all().await;
}

//! Nodes and the published Python package on the same event bus: what either writes or says, the other hears.

use crate::harness::{Launch, Node, ROOT, eventually};
use hotbed_testkit::{Database, NatsServer, PostgresServer, RedisServer};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::Instant;

/// Far less than the poll interval here: what is seen within it was told.
const SOON: Duration = Duration::from_secs(20);
const OLDEST: &str = "0.6.9";
const NEWEST: &str = "0.13.1";

/// Nodes that ask their registry for changes once in an hour.
fn hardly_polling() -> Launch {
    Launch::new().polling(Duration::from_hours(1))
}

/// What both are on.
enum Bus {
    Redis(RedisServer),
    Postgres(Database),
}

impl Bus {
    fn redis() -> Self {
        Self::Redis(RedisServer::start(&[]))
    }

    fn postgres() -> Self {
        Self::Postgres(PostgresServer::shared().database())
    }

    /// As a node is told of it.
    fn url(&self) -> String {
        match self {
            Self::Redis(server) => server.url(),
            Self::Postgres(database) => database.tcp_url(),
        }
    }

    /// As Python is told of it.
    fn config(&self) -> Value {
        match self {
            Self::Redis(server) => {
                json!({"backend": "redis", "host": "127.0.0.1", "port": server.port()})
            }
            Self::Postgres(database) => {
                json!({"backend": "postgres", "connection_string": database.tcp_url()})
            }
        }
    }

    /// Waits until a node listens.
    async fn is_listened_to(&self) {
        eventually("the node listens", SOON, async || match self {
            Self::Redis(server) => {
                let said = server.ask(&["PUBSUB", "NUMSUB", "events:registry:changes"]);
                if said.trim().ends_with('1') {
                    Ok(())
                } else {
                    Err(said)
                }
            }
            Self::Postgres(database) => {
                let mut stranger = PgConnection::connect(&database.tcp_url()).await.unwrap();
                let listeners: i64 = sqlx::query_scalar(LISTENERS)
                    .fetch_one(&mut stranger)
                    .await
                    .unwrap();
                if listeners == 1 {
                    Ok(())
                } else {
                    Err(format!("{listeners} listen"))
                }
            }
        })
        .await;
    }
}

/// The connections whose last statement was to listen, or to see whether they still do.
const LISTENERS: &str = "\
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'hotbed' AND state = 'idle'
      AND (query LIKE 'LISTEN %' OR query = 'SELECT 1')";

/// Runs a part of the Python fleet to its end, which must be a good one.
async fn python(version: &str, node: &Node, bus: &Bus, args: &[&str]) {
    let root = Path::new(ROOT);
    let python = root.join(format!("target/python/dataknobs-{version}/bin/python"));
    assert!(
        python.exists(),
        "{} is missing: run cargo xtask python",
        python.display()
    );
    let ran = Command::new(python)
        .arg(root.join("tests/it/python/on_bus.py"))
        .args([&format!("{}/api/v1", node.url), &bus.config().to_string()])
        .args(args)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    assert!(said.contains("ok "), "{said}");
}

async fn what_we_write_is_forgotten_by(version: &str, bus: &Bus) {
    let node = hardly_polling().arg("--bus", bus.url()).start().await;
    python(version, &node, bus, &["invalidated"]).await;
    node.terminate().await;
}

/// Caught: announcing on the collection's own topic alone; a payload without `instance_id`.
#[tokio::test]
async fn what_we_write_is_forgotten_by_python_0_6_9_on_redis() {
    what_we_write_is_forgotten_by(OLDEST, &Bus::redis()).await;
}

/// Caught: as above.
#[tokio::test]
async fn what_we_write_is_forgotten_by_python_0_6_9_on_postgres() {
    what_we_write_is_forgotten_by(OLDEST, &Bus::postgres()).await;
}

/// Caught: as above.
#[tokio::test]
async fn what_we_write_is_forgotten_by_python_0_13_1_on_redis() {
    what_we_write_is_forgotten_by(NEWEST, &Bus::redis()).await;
}

/// Caught: as above.
#[tokio::test]
async fn what_we_write_is_forgotten_by_python_0_13_1_on_postgres() {
    what_we_write_is_forgotten_by(NEWEST, &Bus::postgres()).await;
}

/// What is written behind a node's back, by a node that tells nobody, is served as soon as Python code says that the
/// bot is not what it was; and a bot that nobody wrote is built anew.
async fn what_it_says_is_heard(version: &str, bus: &Bus) {
    let launch = hardly_polling();
    let silent = launch.named("b").start().await;
    let node = launch.arg("--bus", bus.url()).start().await;
    bus.is_listened_to().await;
    for (how, id) in [("manager", "a"), ("configs", "b"), ("bots", "c")] {
        node.put_bot(id, "first").await;
        node.served(id).await;
        let written = silent.put_bot(id, "second").await;
        python(version, &node, bus, &["publish", how, id]).await;
        eventually(
            &format!("the change that {how} told of"),
            SOON,
            async || {
                let served = node.served(id).await;
                if served == written {
                    Ok(())
                } else {
                    Err(format!("{served}"))
                }
            },
        )
        .await;

        let built = node.instance(id).await;
        assert_eq!(built["revision"], written);
        let told = Instant::now();
        python(version, &node, bus, &["publish", how, id]).await;
        eventually("a build of what nobody wrote", SOON, async || {
            assert_eq!(node.served(id).await, written);
            let instance = node.instance(id).await;
            let built_ago = Duration::from_millis(instance["built_ago_ms"].as_u64().unwrap());
            if built_ago < told.elapsed() {
                Ok(())
            } else {
                Err(instance.to_string())
            }
        })
        .await;
    }
    silent.terminate().await;
    node.terminate().await;
}

/// Caught: listening to the collection's own topic alone; passing over an event without a revision; understanding
/// `instance_id` alone.
#[tokio::test]
async fn what_python_0_6_9_says_is_heard_on_redis() {
    what_it_says_is_heard(OLDEST, &Bus::redis()).await;
}

/// Caught: as above.
#[tokio::test]
async fn what_python_0_6_9_says_is_heard_on_postgres() {
    what_it_says_is_heard(OLDEST, &Bus::postgres()).await;
}

/// Caught: as above.
#[tokio::test]
async fn what_python_0_13_1_says_is_heard_on_redis() {
    what_it_says_is_heard(NEWEST, &Bus::redis()).await;
}

/// Caught: as above.
#[tokio::test]
async fn what_python_0_13_1_says_is_heard_on_postgres() {
    what_it_says_is_heard(NEWEST, &Bus::postgres()).await;
}

/// Caught: showing the bus as it was given.
#[tokio::test]
async fn the_password_of_the_bus_is_shown_nowhere() {
    let redis = RedisServer::start(&["requirepass open-sesame"]);
    let database = PostgresServer::shared().database();
    let nats = NatsServer::start(&["--user=bot", "--pass=open-sesame"]);
    for (url, shown) in [
        (
            format!("redis://:open-sesame@127.0.0.1:{}", redis.port()),
            "redis://127.0.0.1:",
        ),
        (database.tcp_url(), "postgres://hotbed@127.0.0.1:"),
        (
            format!("nats://bot:open-sesame@127.0.0.1:{}", nats.port()),
            "nats://bot@127.0.0.1:",
        ),
    ] {
        let node = Launch::new().arg("--bus", url).start().await;
        let health = node.health().await.to_string();
        assert!(health.contains(shown), "{health}");
        for shown in [health, node.output(), node.errors()] {
            for secret in ["open-sesame", "horse"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
        node.terminate().await;
    }
}

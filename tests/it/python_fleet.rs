//! Nodes and the published Python package on the same Redis: what either writes or says, the other hears.

use crate::harness::{Launch, Node, ROOT, eventually};
use hotbed_testkit::RedisServer;
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

/// Runs a part of the Python fleet to its end, which must be a good one.
async fn python(version: &str, node: &Node, redis: &RedisServer, args: &[&str]) {
    let root = Path::new(ROOT);
    let python = root.join(format!("target/python/dataknobs-{version}/bin/python"));
    assert!(
        python.exists(),
        "{} is missing: run cargo xtask python",
        python.display()
    );
    let ran = Command::new(python)
        .arg(root.join("tests/it/python/on_redis.py"))
        .args([&format!("{}/api/v1", node.url), &redis.port().to_string()])
        .args(args)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    assert!(said.contains("ok "), "{said}");
}

/// Waits until a node listens.
async fn listens(redis: &RedisServer) {
    eventually("the node listens", SOON, async || {
        let said = redis.ask(&["PUBSUB", "NUMSUB", "events:registry:changes"]);
        if said.trim().ends_with('1') {
            Ok(())
        } else {
            Err(said)
        }
    })
    .await;
}

async fn what_we_write_is_forgotten_by(version: &str) {
    let redis = RedisServer::start(&[]);
    let node = hardly_polling().arg("--bus", redis.url()).start().await;
    python(version, &node, &redis, &["invalidated"]).await;
    node.terminate().await;
}

/// Caught: announcing on the collection's own topic alone; a payload without `instance_id`.
#[tokio::test]
async fn what_we_write_is_forgotten_by_python_0_6_9() {
    what_we_write_is_forgotten_by(OLDEST).await;
}

/// Caught: as above.
#[tokio::test]
async fn what_we_write_is_forgotten_by_python_0_13_1() {
    what_we_write_is_forgotten_by(NEWEST).await;
}

/// What is written behind a node's back, by a node that tells nobody, is served as soon as Python code says that the
/// bot is not what it was; and a bot that nobody wrote is built anew.
async fn what_it_says_is_heard(version: &str) {
    let redis = RedisServer::start(&[]);
    let launch = hardly_polling();
    let silent = launch.named("b").start().await;
    let node = launch.arg("--bus", redis.url()).start().await;
    listens(&redis).await;
    for (how, id) in [("manager", "a"), ("configs", "b"), ("bots", "c")] {
        node.put_bot(id, "first").await;
        node.served(id).await;
        let written = silent.put_bot(id, "second").await;
        python(version, &node, &redis, &["publish", how, id]).await;
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
        python(version, &node, &redis, &["publish", how, id]).await;
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
async fn what_python_0_6_9_says_is_heard() {
    what_it_says_is_heard(OLDEST).await;
}

/// Caught: as above.
#[tokio::test]
async fn what_python_0_13_1_says_is_heard() {
    what_it_says_is_heard(NEWEST).await;
}

/// Caught: showing the bus as it was given.
#[tokio::test]
async fn the_password_of_the_bus_is_shown_nowhere() {
    let redis = RedisServer::start(&["requirepass open-sesame"]);
    let url = format!("redis://:open-sesame@127.0.0.1:{}", redis.port());
    let node = Launch::new().arg("--bus", url).start().await;
    let health = node.health().await.to_string();
    assert!(health.contains("redis://127.0.0.1:"), "{health}");
    for shown in [health, node.output(), node.errors()] {
        assert!(!shown.contains("open-sesame"), "{shown}");
    }
    node.terminate().await;
}

//! Which node is how far, as operators and deploy scripts see it.

use crate::harness::{DEADLINE, Launch, Node, POLL, eventually};
use serde_json::Value;
use std::ffi::OsString;
use std::time::Duration;

/// Nodes that share no bus look for each other in the database every ten seconds.
const ROSTER: Duration = Duration::from_secs(30);

async fn fleet(node: &Node) -> Value {
    node.get("/api/v1/fleet").await.expect(200).json()
}

async fn sees(node: &Node, nodes: u64) -> Value {
    eventually(&format!("{nodes} nodes"), ROSTER, async || {
        let fleet = fleet(node).await;
        if fleet["desired"]["bots"]["nodes"] == nodes {
            Ok(fleet)
        } else {
            Err(fleet.to_string())
        }
    })
    .await
}

fn wait_for(node: &Node, revision: u64) -> Vec<OsString> {
    let revision = revision.to_string();
    [
        "fleet",
        "wait",
        "--server",
        &node.url,
        "--revision",
        &revision,
        "--timeout",
        "20s",
    ]
    .map(OsString::from)
    .to_vec()
}

/// Caught: a roster that is written and never read; a node that does not take its leave.
#[tokio::test]
async fn nodes_on_one_database_see_each_other_without_a_common_bus() {
    let launch = Launch::new().polling(POLL);
    let (a, b) = (
        launch.clone().arg("--node-id", "web-1").start().await,
        launch.named("b").start().await,
    );
    let revision = a.put_bot("b", "one").await;
    assert_eq!(b.served("b").await, revision);
    let seen = sees(&a, 2).await;
    sees(&b, 2).await;
    let nodes = seen["nodes"].as_array().unwrap();
    let named = |name: &str| nodes.iter().any(|node| node["node"] == name);
    assert!(named("web-1"), "{seen}");
    assert!(
        nodes.iter().any(|node| node["address"] == b.address()),
        "{seen}"
    );
    let health = b.health().await;
    assert!(named(health["node"].as_str().unwrap()), "{seen}");

    let newest = a.put_bot("b", "two").await;
    let waited = launch.run(&wait_for(&a, newest)).await;
    assert_eq!(waited.code, Some(0), "{}", waited.errors);
    let in_vain = ["--revision".into(), (newest + 1).to_string().into()];
    let mut args: Vec<OsString> = wait_for(&a, newest);
    args.splice(4..6, in_vain);
    *args.last_mut().unwrap() = "500ms".into();
    let waited = launch.run(&args).await;
    assert_eq!(waited.code, Some(1), "{}", waited.errors);
    assert!(
        waited.errors.contains("web-1 has not applied it"),
        "{}",
        waited.errors
    );

    b.terminate().await;
    sees(&a, 1).await;
    a.terminate().await;
}

/// Caught: a report that counts what was heard as applied.
#[tokio::test]
async fn what_cannot_be_built_is_named_beside_the_revision_that_serves() {
    let node = Launch::new().start().await;
    let good = node.put_bot("b", "fine").await;
    assert_eq!(node.served("b").await, good);
    let broken = serde_json::json!({"config": {"llm": {"provider": "none-such", "model": "m"}}});
    node.put("/api/v1/bots/b", &broken).await.expect(200);
    let failure = eventually("the failure is told", DEADLINE, async || {
        let fleet = fleet(&node).await;
        let failure = fleet["nodes"][0]["collections"]["bots"]["failures"][0].clone();
        if failure.is_object() {
            Ok(failure)
        } else {
            Err(fleet.to_string())
        }
    })
    .await;
    assert_eq!(failure["id"], "b");
    assert_eq!(failure["serves"], good);
    node.terminate().await;
}

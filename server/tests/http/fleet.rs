use crate::harness::{DEADLINE, Node, OK};
use serde_json::{Value, json};
use tokio::time::timeout;

/// The one node as the fleet shows it, once it is so.
async fn until(node: &Node, is: impl Fn(&Value) -> bool) -> Value {
    let mut news = node.state.fleet.news();
    let looking = async {
        loop {
            let answer = node.get("/api/v1/fleet").await;
            assert_eq!(answer.status, OK);
            let fleet = answer.json();
            if is(&fleet) {
                return fleet;
            }
            news.changed().await.unwrap();
        }
    };
    timeout(DEADLINE, looking).await.expect("it is so in time")
}

#[tokio::test]
async fn a_node_shows_itself_and_what_it_has_applied() {
    let node = Node::new().await;
    node.bot("a").await;
    let mut fleet = until(&node, |it| it["desired"]["bots"]["applied_by"] == 1).await;
    assert_eq!(
        fleet["desired"],
        json!({
            "bots": {"revision": 1, "applied_by": 1, "nodes": 1},
            "mods": {"revision": 0, "applied_by": 1, "nodes": 1}
        })
    );
    let mut only = fleet["nodes"][0].take();
    for varying in ["incarnation", "heard_ago_ms", "started_at", "pid"] {
        assert!(!only[varying].take().is_null(), "{varying}");
    }
    for collection in ["bots", "mods"] {
        let confirmed = only["collections"][collection]["confirmed_ago_ms"].take();
        assert!(!confirmed.is_null(), "{collection}");
    }
    assert_eq!(
        only,
        json!({
            "node": "node-1", "incarnation": null, "self": true, "silent": false, "duplicate": false,
            "heard_ago_ms": null, "readiness": "ready", "host": "host", "pid": null, "address": "127.0.0.1:8700",
            "version": "1.2.3", "started_at": null, "environment": "test",
            "collections": {"bots": {
                "applied": 1, "behind_by": 0, "behind_for_ms": 0, "confirmed_ago_ms": null, "stale": false,
                "failing": 0, "failures": []
            }, "mods": {
                "applied": 0, "behind_by": 0, "behind_for_ms": 0, "confirmed_ago_ms": null, "stale": false,
                "failing": 0, "failures": []
            }}
        })
    );
}

#[tokio::test]
async fn what_a_node_cannot_build_is_named() {
    let node = Node::new().await;
    let broken = json!({"config": {"llm": {"provider": "none-such", "model": "m"}}});
    node.put("/api/v1/bots/broken", &broken).await;
    let hello = json!({"message": "hello"});
    let talk = node.post("/api/v1/bots/broken/chat", &hello).await;
    assert_ne!(talk.status, OK);
    let fleet = until(&node, |it| {
        it["nodes"][0]["collections"]["bots"]["failing"] == 1
    })
    .await;
    let failure = &fleet["nodes"][0]["collections"]["bots"]["failures"][0];
    assert_eq!(failure["id"], "broken");
    assert_eq!(failure["serves"], Value::Null);
    assert!(
        failure["error"].as_str().unwrap().contains("none-such"),
        "{failure}"
    );
}

#[tokio::test]
async fn the_metrics_tell_how_many_nodes_are_seen_and_how_far_this_one_is_behind() {
    let node = Node::new().await;
    until(&node, |it| it["nodes"][0]["node"] == "node-1").await;
    let metrics = node.get("/metrics").await;
    let metrics = String::from_utf8(metrics.bytes).unwrap();
    for line in [
        "hotbed_fleet_nodes 1",
        "hotbed_fleet_silent_nodes 0",
        "hotbed_node_behind_revisions 0",
        "hotbed_node_behind_seconds 0.0",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

/// Meant to catch: a mod that fails here and shows nowhere, a revision that counts as applied before it is gone by.
#[tokio::test]
async fn a_mod_that_does_not_come_up_is_named_beside_what_is_applied() {
    let node = Node::new().await;
    node.wiki("wiki").await;
    let config = hotbed_configs::PortableConfig::from_value(json!({"path": "hotbed.mods.gone"}));
    let draft = hotbed_registry::Draft::active(config.unwrap());
    let (id, any) = (
        hotbed_registry::Id::new("gone").unwrap(),
        hotbed_registry::Precondition::Any,
    );
    node.mods_registry.put(&id, draft, any).await.unwrap();
    node.state.mods_reload.sync().await.unwrap();
    node.post_nothing("/api/v1/reload").await;
    let applied = |it: &Value| it["nodes"][0]["collections"]["mods"]["applied"] == 2;
    let fleet = until(&node, applied).await;
    let mods = &fleet["nodes"][0]["collections"]["mods"];
    assert_eq!(mods["failing"], 1, "{mods}");
    assert_eq!(mods["failures"][0]["id"], "gone");
    assert_eq!(mods["failures"][0]["serves"], json!(null));
}

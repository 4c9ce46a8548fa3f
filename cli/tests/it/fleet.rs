use hotbed_cli::Exit;
use serde_json::{Value, json};

use crate::harness::{Server, hotbed, json_answer};

fn node(name: &str, applied: u64, changes: &Value) -> Value {
    let mut node = json!({
        "node": name, "incarnation": "0e4c4b0e-5b0f-4d0a-9a9e-0123456789ab", "self": false, "silent": false,
        "duplicate": false, "heard_ago_ms": 1_000, "readiness": "ready", "host": "box", "pid": 7,
        "address": "127.0.0.1:8700", "version": "0.1.0", "started_at": "2026-01-02T03:04:05.000000+00:00",
        "environment": "production",
        "collections": {"bots": {
            "applied": applied, "behind_by": 42 - applied, "behind_for_ms": 0, "confirmed_ago_ms": 10, "stale": false,
            "failing": 0, "failures": []
        }}
    });
    for (key, value) in changes.as_object().unwrap() {
        node[key] = value.clone();
    }
    node
}

fn fleet(nodes: &[Value]) -> Value {
    let applied = |node: &&Value| node["collections"]["bots"]["applied"] == 42;
    json!({
        "desired": {"bots": {
            "revision": 42, "applied_by": nodes.iter().filter(applied).count(), "nodes": nodes.len()
        }},
        "nodes": nodes
    })
}

#[tokio::test]
async fn the_fleet_is_shown_with_what_needs_a_look_as_the_server_orders_it() {
    let mut failing = node("web-2", 42, &json!({}));
    failing["collections"]["bots"]["failing"] = 1.into();
    failing["collections"]["bots"]["failures"] =
        json!([{"id": "helper", "serves": 40, "error": "no such model"}]);
    let nodes = [
        node("web-3", 40, &json!({"silent": true, "heard_ago_ms": 9_000})),
        failing,
        node("web-1", 42, &json!({"self": true})),
    ];
    let server = Server::answering([json_answer(200, &fleet(&nodes))]).await;
    let outcome = hotbed(&server.url, &["fleet", "status"]).await;
    assert_eq!(outcome.exit, Exit::Done);
    assert_eq!(
        outcome.output,
        "bots: revision 42 on 2 of 3 nodes\n\
         \n\
         NODE              STATE   COLLECTION  APPLIED  BEHIND  FAILING  HEARD   WHAT\n\
         web-3             silent  bots        40       2       0        9s ago  hotbed 0.1.0 on box at 127.0.0.1:8700, pid 7, production\n\
         web-2             ready   bots        42       -       1        1s ago  hotbed 0.1.0 on box at 127.0.0.1:8700, pid 7, production\n\
         web-1 (this one)  ready   bots        42       -       0        1s ago  hotbed 0.1.0 on box at 127.0.0.1:8700, pid 7, production\n\
         \n\
         FAILED  NODE   SERVES       ERROR\n\
         helper  web-2  revision 40  no such model\n"
    );
    assert_eq!(server.seen()[0].uri, "/api/v1/fleet");
}

#[tokio::test]
async fn two_nodes_of_one_name_are_warned_about() {
    let twin = || node("web-1", 42, &json!({"duplicate": true}));
    let server = Server::answering([json_answer(200, &fleet(&[twin(), twin()]))]).await;
    let outcome = hotbed(&server.url, &["fleet", "status"]).await;
    assert!(
        outcome.errors.contains("two nodes are named web-1"),
        "{}",
        outcome.errors
    );
}

#[tokio::test]
async fn a_wait_ends_as_soon_as_enough_nodes_are_there() {
    let behind = [node("a", 42, &json!({})), node("b", 41, &json!({}))];
    let there = [node("a", 42, &json!({})), node("b", 42, &json!({}))];
    let server = Server::answering([
        json_answer(200, &fleet(&behind)),
        json_answer(200, &fleet(&there)),
    ])
    .await;
    let outcome = hotbed(&server.url, &["fleet", "wait", "--revision", "42"]).await;
    assert_eq!(outcome.exit, Exit::Done, "{}", outcome.errors);
    assert_eq!(outcome.output, "bots: revision 42 on 2 of 2 nodes\n");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_wait_that_is_in_vain_names_who_is_missing() {
    let nodes = [
        node("a", 42, &json!({})),
        node("b", 41, &json!({})),
        node("c", 42, &json!({"silent": true})),
    ];
    let answers = std::iter::repeat_with(|| json_answer(200, &fleet(&nodes)));
    let server = Server::answering(answers.take(20)).await;
    let args = ["fleet", "wait", "--for", "60%", "--timeout", "1s"];
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert_eq!(outcome.output, "bots: revision 42 on 1 of 3 nodes\n");
    assert_eq!(
        outcome.errors,
        "warning: b has not applied it: it is at revision 41\n\
         warning: c has not applied it: not heard for 1s\n"
    );
}

use crate::harness::{Launch, Node, echo};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinSet;

const CLIENTS: usize = 16;
const INCREMENTS: u64 = 25;

/// Caught: a backend that decides a condition on what was read before its transaction; one that takes `If-Match` for
/// no condition.
#[tokio::test]
async fn no_lost_update() {
    let launch = Launch::new();
    let nodes = [launch.start().await, launch.named("b").start().await].map(Arc::new);
    nodes[0]
        .put("/api/v1/bots/counter", &counter(0))
        .await
        .expect(201);
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let node = Arc::clone(&nodes[client % nodes.len()]);
        clients.spawn(async move {
            for _ in 0..INCREMENTS {
                increment(&node).await;
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let total = CLIENTS as u64 * INCREMENTS;
    for node in &nodes {
        let counter = node.get("/api/v1/bots/counter").await.expect(200);
        assert_eq!(value(&counter.json()), total);
        assert_eq!(counter.number("version"), total + 1);
        assert_eq!(counter.revision(), total + 1);
    }
}

fn counter(value: u64) -> Value {
    let mut body = echo("p");
    body["metadata"] = json!({"value": value});
    body
}

fn value(registration: &Value) -> u64 {
    registration["metadata"]["value"].as_u64().unwrap()
}

async fn increment(node: &Node) {
    loop {
        let read = node.get("/api/v1/bots/counter").await.expect(200);
        let next = counter(value(&read.json()) + 1);
        let write = node
            .request(Method::PUT, "/api/v1/bots/counter")
            .header("if-match", read.header("etag").unwrap())
            .json(&next);
        let written = node.send(write).await;
        match written.status {
            200 => return,
            _ => written.problem(412),
        };
    }
}

#[tokio::test]
async fn of_many_who_create_one_id_one_wins() {
    let launch = Launch::new();
    let nodes = [launch.start().await, launch.named("b").start().await];
    for round in 0..10 {
        let mut creators = JoinSet::new();
        for client in 0..CLIENTS {
            let create = nodes[client % nodes.len()]
                .request(Method::PUT, &format!("/api/v1/bots/race-{round}"))
                .header("if-none-match", "*")
                .json(&echo(&format!("client {client}")));
            creators.spawn(async move {
                let response = create.send().await.unwrap();
                (client, response.status().as_u16())
            });
        }
        let answers = creators.join_all().await;
        let winners: Vec<_> = answers
            .iter()
            .filter(|(_, status)| *status == 201)
            .collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        assert!(
            answers
                .iter()
                .all(|(_, status)| matches!(status, 201 | 412)),
            "{answers:?}"
        );
        let stored = nodes[0].get(&format!("/api/v1/bots/race-{round}")).await;
        let prompt = format!("client {}", winners[0].0);
        assert_eq!(stored.json()["config"]["system_prompt"], prompt);
        assert_eq!(stored.number("version"), 1);
    }
}

/// Caught: an access that is noted as if it were a write.
#[tokio::test]
async fn a_read_never_writes_over_a_write() {
    let launch = Launch::new();
    let node = launch.start().await;
    node.put_bot("b", "p").await;
    let is_over = AtomicBool::new(false);
    let reader = async || {
        while !is_over.load(Ordering::SeqCst) {
            node.get("/api/v1/bots/b").await.expect(200);
            node.served("b").await;
        }
    };
    let writer = async {
        let mut last = Value::Null;
        for version in 0..100 {
            let body = echo(&format!("version {version}"));
            last = node.put("/api/v1/bots/b", &body).await.expect(200).json();
            for _ in 0..3 {
                let read = node.get("/api/v1/bots/b").await.expect(200).json();
                assert_same_write(&read, &last);
            }
        }
        is_over.store(true, Ordering::SeqCst);
        last
    };
    let ((), (), last) = tokio::join!(reader(), reader(), writer);
    assert_eq!(node.head().await, 101, "an access is no change");
    node.terminate().await;

    // Accesses were noted on the way out at the latest.
    let node = launch.start().await;
    let read = node.get("/api/v1/bots/b").await.expect(200).json();
    assert_same_write(&read, &last);
    let accessed = |registration: &Value| {
        registration["last_accessed_at"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(accessed(&read) > accessed(&last), "{read}");
    node.terminate().await;
}

fn assert_same_write(one: &Value, other: &Value) {
    for member in [
        "revision",
        "version",
        "created_at",
        "updated_at",
        "config",
        "status",
        "metadata",
    ] {
        assert_eq!(one[member], other[member], "{member}");
    }
}

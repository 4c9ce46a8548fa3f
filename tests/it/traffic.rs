//! Promises that are about calls while configurations change: checked by clients that talk without a pause and never
//! try again.

use crate::harness::{Answer, Launch, Node, SlowModel};
use reqwest::Method;
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

const CHANGES: usize = 200;

/// One call, by the head of acknowledged changes when it began.
#[derive(Debug)]
struct Call {
    acknowledged: u64,
    revision: u64,
}

/// Talks to bot `b` on three connections while it is changed again and again. Answers each client's calls in order;
/// a call that is not answered with 200 fails the test.
async fn calls_during_changes(node: &Node) -> Vec<Vec<Call>> {
    let acknowledged = AtomicU64::new(node.put_bot("b", "version 0").await);
    let is_over = AtomicBool::new(false);
    let client = async || {
        let mut calls = Vec::new();
        while !is_over.load(Ordering::SeqCst) {
            let acknowledged = acknowledged.load(Ordering::SeqCst);
            let revision = node.served("b").await;
            calls.push(Call {
                acknowledged,
                revision,
            });
        }
        calls
    };
    let writer = async {
        for version in 1..=CHANGES {
            let revision = node.put_bot("b", &format!("version {version}")).await;
            acknowledged.store(revision, Ordering::SeqCst);
        }
        is_over.store(true, Ordering::SeqCst);
    };
    let (one, two, three, ()) = tokio::join!(client(), client(), client(), writer);
    let calls = vec![one, two, three];
    for calls in &calls {
        assert!(calls.len() > CHANGES / 10, "only {} calls", calls.len());
    }
    calls
}

/// Caught: a route that answers from a lease of an earlier call.
#[tokio::test]
async fn monotonic() {
    let node = Launch::new().start().await;
    for calls in calls_during_changes(&node).await {
        let went_back = calls
            .windows(2)
            .find(|pair| pair[1].revision < pair[0].revision);
        assert!(went_back.is_none(), "{went_back:?}");
    }
    node.terminate().await;
}

/// Caught: a cache that installs what was read before the newest change as if it were newest; an acknowledgement that
/// does not wait until the cache has observed the change, which here no event and no poll tells in its place.
#[tokio::test]
async fn no_stale_fill() {
    let hour = Duration::from_hours(1);
    let launch = Launch::new().arg("--reload", "polling").polling(hour);
    let node = launch.start().await;
    for calls in calls_during_changes(&node).await {
        let stale = calls.iter().find(|call| call.revision < call.acknowledged);
        assert!(stale.is_none(), "{stale:?}");
    }
    node.terminate().await;
}

/// Caught: a change that takes the instance out of service before the next one is there.
#[tokio::test]
async fn make_before_break() {
    let launch = Launch::new();
    let node = launch.start().await;
    let model = SlowModel::start().await;
    let written = node.put("/api/v1/bots/slow", &model.bot()).await;
    let first = written.expect(201).revision();
    // Calls that are under way when their bot is changed, put out of service, and deleted.
    let mut under_way = Vec::new();
    for _ in 0..3 {
        let mut events = node.chat_events("slow", "hi").await;
        assert_eq!(events.next().await.unwrap().data["text"], "Hello ");
        under_way.push(events);
    }
    node.put_bot("slow", "quick").await;
    node.post("/api/v1/bots/slow/reload").await.expect(200);
    node.post("/api/v1/bots/slow/deactivate").await.expect(200);
    node.chat("slow", "hi").await.problem(409);
    node.delete("/api/v1/bots/slow").await.expect(204);

    // Meanwhile calls to another bot, where none may fail.
    calls_during_changes(&node).await;

    model.release();
    for events in under_way {
        let events = events.rest().await;
        let done = events.last().unwrap();
        assert_eq!(
            (done.name.as_str(), &done.data["reply"]),
            ("done", &"Hello you".into())
        );
        assert_eq!(done.data["revision"], first, "a reply is of one revision");
    }
    node.terminate().await;
}

/// Caught: reloads that take the instance away first.
#[tokio::test]
async fn reloads_of_everything_disturb_no_call() {
    let node = Launch::new().start().await;
    let revision = node.put_bot("b", "steady").await;
    assert_eq!(node.served("b").await, revision);
    let is_over = AtomicBool::new(false);
    let client = async {
        while !is_over.load(Ordering::SeqCst) {
            assert_eq!(node.served("b").await, revision);
        }
    };
    let reloader = async {
        let mut reloads = JoinSet::new();
        for _ in 0..50 {
            let request = node.request(Method::POST, "/api/v1/reload");
            reloads.spawn(async move {
                let response = request.send().await.unwrap();
                Answer::of(response).await.unwrap().expect(200)
            });
        }
        for report in reloads.join_all().await {
            assert_eq!(report.json()["refreshed"], json!(["b"]));
        }
        is_over.store(true, Ordering::SeqCst);
    };
    tokio::join!(client, reloader);
    node.terminate().await;
}

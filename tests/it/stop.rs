//! How a server ends: everything under way is finished, or the end says what is not.

use crate::harness::{Events, Launch, Node, SlowModel, echo, eventually};
use nix::sys::signal::Signal;
use reqwest::Method;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

/// A node with a reply under way that ends when the model is released.
async fn talking(launch: &Launch) -> (Node, SlowModel, Events) {
    let node = launch.start().await;
    let model = SlowModel::start().await;
    node.put("/api/v1/bots/slow", &model.bot())
        .await
        .expect(201);
    let mut events = node.chat_events("slow", "hi").await;
    assert_eq!(events.next().await.unwrap().name, "delta");
    (node, model, events)
}

async fn is_stopping(node: &Node) {
    eventually("it says that it stops", SOON, async || {
        let said = node.errors();
        if said.contains("stopping") {
            Ok(())
        } else {
            Err(said)
        }
    })
    .await;
}

#[tokio::test]
async fn a_reply_under_way_is_finished_before_the_server_ends() {
    let (mut node, model, events) = talking(&Launch::new()).await;
    node.signal(Signal::SIGTERM);
    is_stopping(&node).await;
    eventually("nobody else is let in", SOON, async || {
        match node.try_get("/readyz").await {
            Err(error) if error.is_connect() => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert!(node.is_running());
    model.release();
    let done = events.rest().await.pop().unwrap();
    assert_eq!(done.name, "done");
    assert_eq!(done.data["reply"], "Hello you");
    assert_eq!(node.ended().await.code(), Some(0));
}

#[tokio::test]
async fn watchers_are_let_go_at_once_and_their_streams_end_well() {
    let mut node = Launch::new().start().await;
    let mut watcher = node.watch().await;
    let revision = node.put_bot("b", "p").await;
    assert_eq!(watcher.next().await.unwrap().data["revision"], revision);
    node.signal(Signal::SIGINT);
    assert_eq!(watcher.next().await, None);
    assert_eq!(node.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    let (mut node, _model, _events) = talking(&Launch::new()).await;
    node.signal(Signal::SIGTERM);
    is_stopping(&node).await;
    node.signal(Signal::SIGTERM);
    assert_eq!(node.ended().await.code(), Some(130));
}

#[tokio::test]
async fn what_is_not_finished_at_the_deadline_is_told_and_the_end_is_no_success() {
    let launch = Launch::new().arg("--drain-deadline", "300ms");
    let (mut node, _model, _events) = talking(&launch).await;
    node.signal(Signal::SIGTERM);
    assert_eq!(node.ended().await.code(), Some(1));
    let said = node.errors();
    assert!(said.contains("server did not drain"), "{said}");
}

#[tokio::test]
async fn a_stop_under_load_breaks_no_answer_and_loses_no_write() {
    let launch = Launch::new();
    let mut node = launch.start().await;
    let mut newest = node.put_bot("b", "p").await;
    let talker = async || {
        let mut replies = 0;
        loop {
            match node.try_send(node.chat_request("b", "hi")).await {
                Ok(answer) => assert_eq!(answer.status, 200, "{answer:?}"),
                // The connection was idle when the server closed it; a reply that began would be whole.
                Err(error) => {
                    assert!(!error.is_body() && !error.is_decode(), "{error:?}");
                    return replies;
                }
            }
            replies += 1;
        }
    };
    let writer = async {
        for version in 0.. {
            let body = echo(&format!("version {version}"));
            let put = node.request(Method::PUT, "/api/v1/bots/b").json(&body);
            match node.try_send(put).await {
                Ok(answer) => newest = answer.expect(200).revision(),
                Err(_) => break,
            }
            if version == 50 {
                node.signal(Signal::SIGTERM);
            }
        }
    };
    let (one, two, ()) = tokio::join!(talker(), talker(), writer);
    assert!(one > 10 && two > 10, "{one} and {two} replies");
    assert_eq!(node.ended().await.code(), Some(0), "{}", node.errors());

    let node = launch.start().await;
    let stored = node.get("/api/v1/bots/b").await.expect(200).revision();
    // The last write may have been done without its answer having been read.
    assert!(
        stored == newest || stored == newest + 1,
        "{stored} after {newest}"
    );
    node.terminate().await;
}

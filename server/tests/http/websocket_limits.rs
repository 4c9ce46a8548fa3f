//! How much a WebSocket carries, and how it ends.

use crate::agents::join;
use crate::harness::DEADLINE;
use crate::websocket_harness::Running;
use futures::{SinkExt, StreamExt};
use hotbed_agents::Claimed;
use hotbed_agents::wire::EventRequest;
use hotbed_mods::{Destination, EventName};
use hotbed_server::Limits;
use serde_json::{Map, json};
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

/// Caught: to take messages of any size, or to cut the connection before the farewell is read.
#[tokio::test]
async fn a_message_that_is_too_large_closes_with_1009() {
    let running = Running::new().await;
    let (mut alice, _) = running.agent("alice").await;
    let padding = |bytes| json!({"type": "ping", "padding": "x".repeat(bytes)});
    assert_eq!(alice.ask(padding(1_000_000)).await["success"], true);
    // Whoever sends before he listens gets to read why all the same.
    let large = Message::text(padding(4 << 20).to_string());
    let sent = timeout(DEADLINE, alice.socket.send(large)).await.unwrap();
    sent.unwrap();
    assert_eq!(alice.closed().await, 1009);
    running.end().await.unwrap();
}

/// Caught: to wait at the end for connections that say nothing, until they are cut.
#[tokio::test]
async fn the_server_ends_by_closing_each_connection_with_1001() {
    let running = Running::new().await;
    let (mut alice, _) = running.agent("alice").await;
    let mut silent = running.connect().await;
    let farewells = async {
        let codes = (alice.closed().await, silent.closed().await);
        // Both go, so that the server need not wait for them.
        drop((alice, silent));
        codes
    };
    let (ended, codes) = tokio::join!(running.end(), farewells);
    assert_eq!(codes, (1001, 1001));
    ended.unwrap();
}

/// Somebody who does not read delays the end by a second, not until the deadline.
#[tokio::test]
async fn who_does_not_read_does_not_hold_up_the_end() {
    let running = Running::new().await;
    let (alice, _) = running.agent("alice").await;
    let bob = join(&running.node, "bob").await;
    flood(&running, &bob, 600).await;
    running.end().await.unwrap();
    drop(alice);
}

/// Sends so many large events to Alice.
async fn flood(running: &Running, bob: &str, count: usize) {
    let secret = Claimed::new(Some(bob.to_owned()));
    let text = json!("x".repeat(16 << 10));
    for _ in 0..count {
        let name = EventName::new("chat.said").unwrap();
        let payload = Map::from_iter([("text".to_owned(), text.clone())]);
        let mut event = EventRequest::new(name, "bob", secret.clone(), payload);
        event.destination = Destination::Agent("alice".into());
        let told = running.node.state.agents.send_event(event).await;
        assert!(told.success, "{}", told.message);
        tokio::task::yield_now().await;
    }
}

/// Caught: to leave out the gap. Meant to catch: to hold up whoever sends.
#[tokio::test]
async fn who_reads_too_slowly_is_told_how_many_events_are_missing() {
    const SENT: usize = 1_500;
    let running = Running::new().await;
    let (mut alice, _) = running.agent("alice").await;
    let bob = join(&running.node, "bob").await;
    flood(&running, &bob, SENT).await;
    let (mut heard, mut missed) = (0, 0);
    while heard + missed < SENT {
        let told = alice.next().await;
        if told["type"] == "gap" {
            missed += usize::try_from(told["missed"].as_u64().unwrap()).unwrap();
        } else {
            assert_eq!(told["type"], "event");
            heard += 1;
        }
    }
    assert!(missed > 0, "all {SENT} found room");
    assert_eq!(heard + missed, SENT);
    assert_eq!(alice.ask(json!({"type": "ping"})).await["success"], true);
    running.end().await.unwrap();
}

/// Caught: to ask nobody whether he is there, or to wait for ever for the answer. Meant to catch: to let an agent be idle
/// that holds a connection.
#[tokio::test]
async fn who_is_there_stays_and_who_is_not_is_let_go() {
    let running = Running::new().await;
    let node = &running.node;
    let (mut alice, _) = running.agent("alice").await;
    let (dead, _) = running.agent("dead").await;
    let agents = async || {
        let health = node.get("/api/health").await.json();
        let agents = health["data"]["agents"].as_object().unwrap();
        agents.keys().cloned().collect::<Vec<_>>()
    };
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    while agents().await != ["alice"] {
        // Reading is what answers pings.
        let read = timeout(Duration::from_secs(1), alice.socket.next()).await;
        if let Ok(message) = read {
            assert!(matches!(message, Some(Ok(Message::Ping(_)))), "{message:?}");
        }
        let took = begun.elapsed().as_secs();
        assert!(took < 200, "it is let go after 50 s and gone 90 s later");
    }
    assert!(begun.elapsed().as_secs() >= 90);
    tokio::time::resume();
    assert_eq!(alice.ask(json!({"type": "ping"})).await["success"], true);
    drop(dead);
    running.end().await.unwrap();
}

/// Caught: to close without what the agent asked being answered.
#[tokio::test]
async fn connections_end_with_their_agent() {
    let running = Running::new().await;
    let (mut alice, secret) = running.agent("alice").await;
    let (mut bob, _) = running.agent("bob").await;
    let body = json!({"agent_id": "alice", "secret": secret});
    running.node.post("/api/register", &body).await;
    assert_eq!(alice.closed().await, 1008);
    let leave = json!({
        "type": "send_event", "event_name": "system.unregister_agent", "source_id": "bob", "payload": {},
    });
    let answer = bob.ask(leave).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(bob.closed().await, 1008);
    running.end().await.unwrap();
}

/// Caught: to give back the place of a stream, or of a connection, at the upgrade.
#[tokio::test]
async fn websockets_count_as_streams_and_as_connections() {
    let limits = Limits {
        streams: 1,
        ..Limits::default()
    };
    let running = Running::with(limits, |_| ()).await;
    let (alice, _) = running.agent("alice").await;
    assert_eq!(running.try_connect(&[]).await.err(), Some(503));
    drop(alice);
    let again = async { while running.try_connect(&[]).await.is_err() {} };
    timeout(DEADLINE, again).await.unwrap();
    running.end().await.unwrap();

    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let running = Running::with(limits, |_| ()).await;
    let (alice, _) = running.agent("alice").await;
    let mut second = Box::pin(running.agent("bob"));
    let waits = timeout(Duration::from_millis(100), second.as_mut());
    assert!(waits.await.is_err(), "it is not accepted yet");
    drop(alice);
    timeout(DEADLINE, second).await.unwrap();
    running.end().await.unwrap();
}

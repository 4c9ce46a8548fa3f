//! Events as they come.

use crate::world::{World, next_event, settings};
use hotbed_agents::{Claimed, StreamError, StreamItem};
use hotbed_mods::EventPattern;
use serde_json::json;

fn pattern(text: &str) -> EventPattern {
    EventPattern::new(text).unwrap()
}

#[tokio::test]
async fn an_agents_stream_has_what_is_for_it_and_nothing_else() {
    let world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let mut stream = world.stream(&alice, "chat.*");
    for (name, to) in [
        ("chat.first", "alice"),
        ("other.event", "alice"),
        ("chat.hidden", "bob"),
        ("chat.second", "all"),
    ] {
        world.send(&bob, name, to, json!({})).await;
    }
    for name in ["chat.first", "chat.second"] {
        let event = next_event(&mut stream).await;
        assert_eq!(event["event_name"], name);
        assert_eq!(event.get("secret"), None);
    }
    // The same waits for the next poll.
    assert_eq!(
        world.poll_names(&alice),
        ["chat.first", "other.event", "chat.second"]
    );
}

#[tokio::test]
async fn an_observer_sees_everything_but_system_events() {
    let world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let mut stream = world.network.observe(pattern("*")).unwrap();
    world
        .ask(
            &alice,
            "system.verify_password",
            json!({"password_hash": "aa11"}),
        )
        .await;
    world
        .send(&alice, "chat.said", "bob", json!({"n": 1}))
        .await;
    let event = next_event(&mut stream).await;
    assert_eq!(event["event_name"], "chat.said");
    assert_eq!(event["destination_id"], "agent:bob");
    world.send(&bob, "chat.lost", "nobody", json!({})).await;
    assert_eq!(next_event(&mut stream).await["event_name"], "chat.lost");
}

#[tokio::test]
async fn a_gap_is_told_and_never_silent() {
    let mut settings = settings();
    settings.stream_events = 2;
    let world = World::with(settings);
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let mut stream = world.stream(&alice, "*");
    for n in 0..5 {
        world
            .send(&bob, "chat.said", "alice", json!({"n": n}))
            .await;
    }
    assert_eq!(stream.next().await, Some(StreamItem::Gap { missed: 3 }));
    assert_eq!(next_event(&mut stream).await["payload"]["n"], 3);
    assert_eq!(next_event(&mut stream).await["payload"]["n"], 4);
    world.unregister(&json!({"agent_id": "alice", "secret": alice.secret}));
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn streams_are_bounded_in_number_and_need_the_secret() {
    let mut settings = settings();
    settings.max_streams = 1;
    let world = World::with(settings);
    let alice = world.join("alice");
    let first = world.stream(&alice, "*");
    let secret = Claimed::new(Some(alice.secret.clone()));
    let another = || world.network.subscribe("alice", &secret, pattern("*"));
    assert_eq!(another().unwrap_err(), StreamError::TooMany { limit: 1 });
    drop(first);
    another().unwrap();
    let none = world
        .network
        .subscribe("alice", &Claimed::nothing(), pattern("*"));
    let message = "Authentication failed: Invalid or missing secret";
    assert_eq!(none.unwrap_err().to_string(), message);
}

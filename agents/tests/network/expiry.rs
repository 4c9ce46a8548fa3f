//! Agents that say nothing for too long are gone; time is paused.

use crate::world::{World, eventually, settings};
use hotbed_agents::Claimed;
use serde_json::{Value, json};
use std::time::Duration;

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_an_agent_does_keeps_it_in() {
    let world = World::new();
    let alice = world.join("alice");
    let secret = Claimed::new(Some(alice.secret.clone()));
    for _ in 0..3 {
        pass(60).await;
        world.poll(&alice);
        pass(60).await;
        world.network.heartbeat("alice", &secret).unwrap();
        pass(60).await;
        world.send(&alice, "chat.said", "all", json!({})).await;
        pass(60).await;
        let answer = world.ask(&alice, "system.heartbeat", json!({})).await;
        assert_eq!(answer["success"], true);
    }
    // What others do to it, and what fails, does not.
    let bob = world.join("bob");
    pass(60).await;
    world.send(&bob, "chat.said", "alice", json!({})).await;
    world.poll_body("alice", "wrong");
    world.register(&json!({"agent_id": "alice"}));
    pass(31).await;
    let answer = world.send(&bob, "chat.said", "alice", json!({})).await;
    assert_eq!(answer["message"], "Agent 'alice' not found");
}

#[tokio::test(start_paused = true)]
async fn what_was_an_agents_goes_with_it() {
    let world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let payload = || json!({"channel_id": "ops"});
    world
        .ask(&alice, "system.add_channel_member", payload())
        .await;
    world.send(&bob, "chat.said", "alice", json!({})).await;
    for _ in 0..2 {
        pass(50).await;
        world.poll(&bob);
    }
    let channels = world.ask(&bob, "system.list_channels", json!({})).await;
    assert_eq!(channels["data"]["channels"], json!([]));
    let again = world.join("alice");
    assert_ne!(again.secret, alice.secret);
    assert_eq!(world.poll(&again), [Value::Null; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_open_stream_keeps_its_agent_in_and_ends_with_it() {
    let world = World::new();
    let alice = world.join("alice");
    let mut stream = world.stream(&alice, "*");
    pass(1_000).await;
    world.poll(&alice);
    let renewed = world.join_with(&json!({"agent_id": "alice", "secret": alice.secret}));
    assert_eq!(
        stream.next().await,
        None,
        "it was opened with the old secret"
    );
    let stream = world.stream(&renewed, "*");
    pass(1_000).await;
    world.network.expire();
    drop(stream);
    pass(91).await;
    assert_eq!(
        world.poll_body("alice", &renewed.secret)["success"],
        json!(false)
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_need_be_asked_for_agents_to_go() {
    let mut settings = settings();
    settings.idle_after = Duration::from_secs(5);
    let world = World::with(settings);
    let root = world.admin();
    world.load(&root, "test.mods.echo").await;
    let gone = || {
        let seen = world.seen.lock().unwrap();
        let name = "system.notification.unregister_agent";
        seen.iter().any(|event| event.name.as_str() == name)
    };
    let before = tokio::time::Instant::now();
    eventually("the deliverer lets it go", gone).await;
    assert!(
        before.elapsed() < Duration::from_secs(6),
        "{:?}",
        before.elapsed()
    );
}

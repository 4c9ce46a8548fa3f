//! What agents are told of mods and by mods.

use crate::world::{World, eventually, next_event};
use hotbed_mods::ModEvent;
use serde_json::{Value, json};
use std::time::Duration;

/// The name rule of the client, an integer for a time, a visibility that it knows: what breaks one is dropped there
/// without a word.
fn assert_the_client_takes_it(event: &Value) {
    let name = event["event_name"].as_str().unwrap();
    let parts: Vec<&str> = name.split('.').collect();
    assert!(parts.len() >= 2, "{name}");
    for part in parts {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert!(part.len() >= 2 && part.bytes().all(plain), "{name}");
        assert!(part.starts_with(|c: char| c.is_ascii_lowercase()), "{name}");
    }
    assert!(event["timestamp"].is_i64(), "{event}");
    let known = [
        "public",
        "network",
        "channel",
        "direct",
        "restricted",
        "mod_only",
    ];
    assert!(known.contains(&event["visibility"].as_str().unwrap()));
    assert!(["agent", "mod"].contains(&event["source_type"].as_str().unwrap()));
    for texts in ["source_id", "event_id", "destination_id"] {
        assert!(event[texts].is_string(), "{texts}");
    }
    for objects in ["payload", "metadata"] {
        assert!(event[objects].is_object(), "{objects}");
    }
}

/// The one that went is drained when it is told of: it finishes what it has.
///
/// Caught: the error in the event.
#[tokio::test]
async fn agents_are_told_when_a_mod_comes_is_renewed_goes_and_fails() {
    let world = World::new();
    let (root, alice) = (world.admin(), world.join("alice"));
    let mut stream = world.stream(&alice, "mod.*");
    let cache = ("shared_cache", "openagents.mods.core.shared_cache");
    let broken = ("broken", "test.mods.broken");
    for (event, of, name, generation, state) in [
        ("load", cache, "mod.loaded", json!(1), "running"),
        ("reload", cache, "mod.reloaded", json!(2), "running"),
        ("unload", cache, "mod.unloaded", json!(2), "draining"),
        ("load", broken, "mod.failed", Value::Null, "error"),
    ] {
        let (id, path) = of;
        let event = format!("system.mod.{event}");
        world.ask(&root, &event, json!({"mod_path": path})).await;
        let told = next_event(&mut stream).await;
        assert_the_client_takes_it(&told);
        assert_eq!(told["event_name"], name);
        assert_eq!(told["source_id"], "system:system");
        assert_eq!(told["destination_id"], "agent:broadcast");
        // Why it failed is not for everybody.
        assert_eq!(
            told["payload"],
            json!({
                "mod_id": id,
                "mod_path": path,
                "kind": "mod",
                "generation": generation,
                "state": state,
            })
        );
    }
    assert_eq!(
        world.poll_names(&alice),
        ["mod.loaded", "mod.reloaded", "mod.unloaded", "mod.failed"]
    );
}

#[tokio::test]
async fn who_muted_notifications_does_not_get_them() {
    let world = World::new();
    let (root, alice, bob) = (world.admin(), world.join("alice"), world.join("bob"));
    let payload = json!({"event_patterns": ["mod.*"]});
    world
        .ask(&alice, "system.unsubscribe_events", payload)
        .await;
    let payload = json!({"event_patterns": ["chat.*"]});
    world.ask(&bob, "system.subscribe_events", payload).await;
    let mut stream = world.stream(&root, "mod.*");
    world.load(&root, "test.mods.echo").await;
    next_event(&mut stream).await;
    assert_eq!(world.poll_names(&root), ["mod.loaded"]);
    assert_eq!(world.poll_names(&alice), [""; 0]);
    assert_eq!(world.poll_names(&bob), [""; 0]);
}

#[tokio::test]
async fn what_mods_tell_comes_to_those_who_are_meant() {
    let world = World::new();
    let root = world.admin();
    world.load(&root, "test.mods.echo").await;
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let mut stream = world.stream(&bob, "echo.*");
    world
        .post(&json!({
            "event_id": "cause",
            "event_name": "echo.tell",
            "source_id": "alice",
            "payload": {"n": 1},
            "secret": alice.secret,
        }))
        .await;
    let told = next_event(&mut stream).await;
    assert_the_client_takes_it(&told);
    assert_eq!(told["event_name"], "echo.told");
    assert_eq!(told["source_id"], "mod:test.mods.echo");
    assert_eq!(told["source_type"], "mod");
    assert_eq!(told["payload"], json!({"n": 1}));
    assert_eq!(told["response_to"], "cause");
    assert_eq!(told["metadata"], json!({"mod_id": "echo", "generation": 1}));
    // She caused it, so she need not be told.
    world
        .send(&bob, "echo.tell", "", json!({"to": "agent:alice"}))
        .await;
    let mut names = Vec::new();
    eventually("it comes", || {
        names.extend(world.poll_names(&alice));
        names.iter().any(|name| name == "echo.told")
    })
    .await;
    let told = names.iter().filter(|name| *name == "echo.told");
    assert_eq!(told.count(), 1, "{names:?}");
}

/// Nobody would know whether a mod has come if mods could say so themselves, nor who was kicked.
///
/// Caught: such events let through; only those that begin with `mod.` kept back.
#[tokio::test]
async fn mods_do_not_tell_what_only_the_network_tells() {
    let world = World::new();
    let root = world.admin();
    let alice = world.join("alice");
    for path in ["test.mods.mod", "test.mods.system", "test.mods.echo"] {
        world.load(&root, path).await;
    }
    let mut stream = world.stream(&alice, "*");
    for (target, name) in [
        ("mod", "mod.loaded"),
        ("mod", "mod.other"),
        ("system", "system.agent_kicked"),
        ("echo", "echo.told"),
    ] {
        let payload = json!({"as": name});
        let to = format!("mod:{target}");
        let answer = world.send(&root, "echo.tell", &to, payload).await;
        assert_eq!(answer["message"], "told", "{answer}");
    }
    assert_eq!(next_event(&mut stream).await["event_name"], "echo.told");
}

/// Row 6 of the contract: mods hear of agents that come and go.
#[tokio::test(start_paused = true)]
async fn mods_hear_of_agents_that_come_and_go() {
    let world = World::new();
    let root = world.admin();
    world.load(&root, "test.mods.echo").await;
    world.join_with(&json!({"agent_id": "alice", "metadata": {"a": 1}}));
    let heard = |name: &str| {
        let seen = world.seen.lock().unwrap();
        let mut events = seen.iter();
        let event = events.find(|event| event.name.as_str() == name)?;
        Some((event.source.to_string(), json!(event.payload)))
    };
    let name = "system.notification.register_agent";
    eventually("mods hear that she came", || heard(name).is_some()).await;
    let payload = json!({"agent_id": "alice", "metadata": {"a": 1}});
    assert_eq!(heard(name), Some(("system:system".to_owned(), payload)));
    let name = "system.notification.unregister_agent";
    // Nobody asks for anything; it is the deliverer who lets her go.
    tokio::time::advance(Duration::from_secs(91)).await;
    eventually("mods hear that she went", || heard(name).is_some()).await;
}

/// What mods are not told of one by one they are told in one number, so that they can ask who is there.
///
/// Caught: nothing told of what was lost.
#[tokio::test]
async fn mods_hear_how_many_comings_and_goings_they_were_not_told_of() {
    let world = World::new();
    let root = world.admin();
    world.load(&root, "test.mods.echo").await;
    let count = || world.seen.lock().unwrap().len();
    world.join("bob");
    eventually("mods hear that bob came", || count() == 1).await;
    // The deliverer does not run in between, so of 1,600 facts 1,024 wait.
    for _ in 0..800 {
        let alice = world.join("alice");
        world.unregister(&json!({"agent_id": "alice", "secret": alice.secret}));
    }
    eventually("mods hear all", || count() == 1 + 1 + 1_024).await;
    let seen = world.seen.lock().unwrap();
    let missed = |event: &&ModEvent| event.name.as_str() == "system.notification.agents_changed";
    let told: Vec<Value> = seen
        .iter()
        .filter(missed)
        .map(|event| json!(event.payload))
        .collect();
    assert_eq!(told, [json!({"missed": 1_600 - 1_024})]);
    assert_eq!(world.network.health()["data"]["lost_notifications"], 576);
}

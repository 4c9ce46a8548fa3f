//! Who gets an event, and what is said to whom.

use crate::world::{World, settings};
use serde_json::{Value, json};

#[tokio::test]
async fn an_event_goes_to_those_who_are_meant_and_never_back_when_it_is_for_many() {
    let world = World::new();
    let root = world.admin();
    let (alice, bob, carol) = (world.join("alice"), world.join("bob"), world.join("carol"));
    for agent in [&alice, &bob] {
        let payload = json!({"channel_id": "ops"});
        world.ask(agent, "system.add_channel_member", payload).await;
    }
    let everybody = [&root, &alice, &bob, &carol];
    for (to, reached) in [
        ("agent:bob", vec!["bob"]),
        ("bob", vec!["bob"]),
        ("alice", vec!["alice"]),
        ("agent:broadcast", vec!["root", "bob", "carol"]),
        ("broadcast", vec!["root", "bob", "carol"]),
        ("all", vec!["root", "bob", "carol"]),
        ("channel:ops", vec!["bob"]),
        ("group:guest", vec!["bob", "carol"]),
        ("group:admin", vec!["root"]),
    ] {
        let answer = world.send(&alice, "chat.said", to, json!({"to": to})).await;
        assert_eq!(
            answer["message"], "Event chat.said delivered to destination",
            "{to}"
        );
        assert_eq!(answer["success"], true);
        for agent in everybody {
            let expected = usize::from(reached.contains(&&*agent.id));
            assert_eq!(world.poll(agent).len(), expected, "{to}: {}", agent.id);
        }
    }
    for (to, message) in [
        ("agent:nobody", "Agent 'nobody' not found"),
        ("channel:none", "Channel 'none' not found"),
        ("group:none", "Group 'none' not found"),
        ("mod:wiki", "Target mod wiki not found"),
        ("", "No mod handles event 'chat.said'"),
        ("system", "No mod handles event 'chat.said'"),
    ] {
        let answer = world.send(&alice, "chat.said", to, json!({})).await;
        assert_eq!(answer["message"], message);
        assert_eq!(answer["success"], false);
    }
}

#[tokio::test]
async fn who_may_not_see_an_event_does_not_get_it() {
    let world = World::new();
    let (alice, bob, carol) = (world.join("alice"), world.join("bob"), world.join("carol"));
    for (visibility, allowed, reached) in [
        ("public", Value::Null, [1, 1]),
        ("network", Value::Null, [1, 1]),
        ("mod_only", Value::Null, [0, 0]),
        ("direct", Value::Null, [0, 0]),
        ("channel", Value::Null, [0, 0]),
        ("restricted", Value::Null, [0, 0]),
        ("restricted", json!(["bob"]), [1, 0]),
    ] {
        world
            .post(&json!({
                "event_name": "chat.said",
                "source_id": "alice",
                "target_agent_id": "all",
                "visibility": visibility,
                "allowed_agents": allowed,
                "secret": alice.secret,
            }))
            .await;
        let got = [world.poll(&bob).len(), world.poll(&carol).len()];
        assert_eq!(got, reached, "{visibility} {allowed}");
    }
}

#[tokio::test]
async fn the_first_mod_that_answers_keeps_the_event() {
    let world = World::new();
    let root = world.admin();
    let bob = world.join("bob");
    let payload = json!({"event_patterns": ["mod.*"]});
    world.ask(&bob, "system.unsubscribe_events", payload).await;
    world.load(&root, "test.mods.echo").await;
    for (name, to, success, message) in [
        ("echo.ask", "all", true, "heard"),
        ("echo.ask", "mod:echo", true, "heard"),
        ("echo.ask", "mod:test.mods.echo", true, "heard"),
        ("echo.no", "all", false, "will not"),
        ("echo.fail", "system", false, "mod 'echo' failed"),
        ("echo.fail", "mod:echo", false, "mod 'echo' failed"),
        (
            "other.event",
            "mod:echo",
            false,
            "No mod handles event 'other.event'",
        ),
        (
            "watched.event",
            "system",
            true,
            "Event watched.event delivered to destination",
        ),
    ] {
        let answer = world.send(&root, name, to, json!({"x": 1})).await;
        assert_eq!(answer["message"], message, "{name} {to}");
        assert_eq!(answer["success"], success, "{name} {to}");
    }
    assert_eq!(world.poll(&bob), [Value::Null; 0]);
    let answer = world.send(&root, "echo.ask", "", json!({"x": 1})).await;
    assert_eq!(
        answer["data"],
        json!({"by": "root", "group": "admin", "payload": {"x": 1}})
    );
    // What a mod only looks at, or fails at, goes on to those who are meant.
    for name in ["watched.event", "echo.fail"] {
        world.send(&root, name, "bob", json!({})).await;
        assert_eq!(world.poll_names(&bob), [name]);
    }
}

#[tokio::test]
async fn what_is_too_large_and_what_only_the_network_tells_is_refused() {
    let mut settings = settings();
    settings.max_event_bytes = 1_000;
    let world = World::with(settings);
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let large = json!({"text": "x".repeat(1_000)});
    let answer = world.send(&alice, "chat.said", "bob", large).await;
    let message = answer["message"].as_str().unwrap();
    assert!(message.starts_with("the event is too large: "), "{message}");
    for name in [
        "mod.loaded",
        "mod.unloaded",
        "mod.reloaded",
        "mod.failed",
        "mod.other",
    ] {
        let answer = world.send(&alice, name, "bob", json!({})).await;
        let message = format!("Only the network tells '{name}': choose another name");
        assert_eq!(answer["message"], message);
        assert_eq!(answer["success"], false);
    }
    let mut event = json!({
        "event_name": "chat.said",
        "source_id": "alice",
        "target_agent_id": "bob",
        "secret": alice.secret,
    });
    event["event_id"] = json!("x".repeat(257));
    let answer = world.post(&event).await;
    let message = "event_id must be a text of at most 256 bytes";
    assert_eq!(answer["message"], message);
    assert_eq!(world.poll(&bob), [Value::Null; 0]);
    event["event_id"] = json!("x".repeat(256));
    assert_eq!(world.post(&event).await["success"], true);
}

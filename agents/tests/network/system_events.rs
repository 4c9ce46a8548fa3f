//! Every other system event: what it answers.

use crate::world::{Agent, World, settings};
use serde_json::{Value, json};

/// What is answered, with the data that every answer of the system has.
fn done(event: &str, command: &str, message: &str, entries: Value) -> Value {
    answered(true, event, command, message, entries)
}

fn answered(success: bool, event: &str, command: &str, message: &str, entries: Value) -> Value {
    let mut data = entries;
    data["type"] = json!("system_response");
    data["command"] = json!(command);
    json!({"success": success, "message": message, "data": data, "event_name": event})
}

fn refused(event: &str, message: &str) -> Value {
    json!({"success": false, "message": message, "data": null, "event_name": event})
}

#[tokio::test]
async fn an_agent_may_register_by_an_event_and_leave_by_one() {
    let world = World::new();
    let mut answer = world
        .post(&json!({
            "event_id": "e1",
            "event_name": "system.register_agent",
            "source_id": "alice",
            "payload": {"agent_id": "alice", "metadata": {}, "password_hash": "bb22", "force_reconnect": true},
        }))
        .await;
    let secret = answer["data"]["secret"].take();
    let alice = Agent {
        id: "alice".to_owned(),
        secret: secret.as_str().unwrap().to_owned(),
    };
    assert_eq!(
        answer,
        json!({
            "success": true,
            "message": "Registered agent alice with network",
            "event_id": "e1",
            "data": {
                "secret": null,
                "assigned_group": "users",
                "network_name": "Test Network",
                "network_id": "net-1",
            },
            "event_name": "system.register_agent",
        })
    );
    for (payload, message) in [
        (json!({}), "Agent alice already registered with network"),
        (
            json!({"agent_id": "bob"}),
            "agent_id must be that of the sender",
        ),
        (
            json!({"agent_id": []}),
            "agent_id must be a text of at most 4096 bytes",
        ),
    ] {
        let body = json!({"event_name": "system.register_agent", "source_id": "alice", "payload": payload});
        let answer = world.post(&body).await;
        assert_eq!(answer["message"], message);
        assert_eq!(answer["success"], false);
    }
    let event = "system.unregister_agent";
    let other = world.ask(&alice, event, json!({"agent_id": "bob"})).await;
    assert_eq!(other, refused(event, "agent_id must be that of the sender"));
    let left = world.ask(&alice, event, json!({"agent_id": "alice"})).await;
    assert_eq!(left["message"], "Unregistered agent alice from network");
    assert_eq!(left["success"], true);
    assert_eq!(
        world.ask(&alice, "system.heartbeat", json!({})).await["message"],
        "Authentication failed: Invalid or missing secret"
    );
}

#[tokio::test]
async fn agents_are_listed_with_what_they_say_of_themselves() {
    let world = World::new();
    let alice =
        world.join_with(&json!({"agent_id": "alice", "metadata": {"name": "Alice", "x": 1}}));
    world.join("bob");
    let listed = world
        .ask(&alice, "system.list_agents", json!({"request_id": 7}))
        .await;
    assert_eq!(
        listed,
        done(
            "system.list_agents",
            "list_agents",
            "Agent list retrieved successfully",
            json!({
                "request_id": 7,
                "agents": [
                    {"agent_id": "alice", "name": "Alice", "connected": true, "metadata": {"name": "Alice", "x": 1}, "group": "guest"},
                    {"agent_id": "bob", "name": "bob", "connected": true, "metadata": {}, "group": "guest"},
                ],
            }),
        )
    );
}

#[tokio::test]
async fn messages_can_be_polled_by_an_event() {
    let world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    world
        .send(&bob, "chat.said", "alice", json!({"n": 1}))
        .await;
    let event = "system.poll_messages";
    let mut polled = world.ask(&alice, event, json!({"agent_id": "alice"})).await;
    let messages = polled["data"]["messages"].take();
    assert_eq!(messages[0]["payload"], json!({"n": 1}));
    assert_eq!(messages[0].get("secret"), None);
    assert_eq!(
        polled,
        done(
            event,
            "poll_messages",
            "Retrieved 1 messages",
            json!({"messages": null})
        )
    );
    let others = world.ask(&bob, event, json!({"agent_id": "alice"})).await;
    assert_eq!(
        others,
        refused(event, "agent_id must be that of the sender")
    );
}

#[tokio::test]
async fn subscriptions_say_what_is_heard() {
    let world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let event = "system.subscribe_events";
    let payload = json!({"event_patterns": ["wiki.*", "chat.said"], "channels": ["ops"]});
    let mut subscribed = world.ask(&alice, event, payload).await;
    let id = subscribed["data"]["subscription_id"].take();
    assert!(id.is_string());
    assert_eq!(
        subscribed,
        done(
            event,
            "subscribe_events",
            "Successfully subscribed to 2 event patterns",
            json!({
                "subscription_id": null,
                "agent_id": "alice",
                "event_patterns": ["wiki.*", "chat.said"],
                "channels": ["ops"],
            }),
        )
    );
    for name in ["wiki.changed", "other.event", "chat.said"] {
        world.send(&bob, name, "alice", json!({})).await;
    }
    assert_eq!(world.poll_names(&alice), ["wiki.changed", "chat.said"]);
    for (payload, message) in [
        (json!({}), "Missing event_patterns parameter"),
        (
            json!({"event_patterns": []}),
            "Missing event_patterns parameter",
        ),
        (
            json!({"event_patterns": "wiki.*"}),
            "event_patterns must be a list of at most 1000 texts, none of them empty",
        ),
        (
            json!({"event_patterns": ["*.a"]}),
            "\"*.a\" is not a pattern of events: `*` may only stand at the end, as in `wiki.*`",
        ),
        (
            json!({"event_patterns": vec!["a"; 65]}),
            "an agent may have 64 subscriptions, 64 patterns and 64 channels in them, and no more",
        ),
        (
            // Two there are already.
            json!({"event_patterns": vec!["a"; 63]}),
            "an agent may have 64 subscriptions, 64 patterns and 64 channels in them, and no more",
        ),
        (
            json!({"event_patterns": ["a"], "channels": vec!["c"; 65]}),
            "an agent may have 64 subscriptions, 64 patterns and 64 channels in them, and no more",
        ),
        (
            json!({"event_patterns": ["a"], "channels": ["\n"]}),
            "\"\\n\" is not the name of a channel",
        ),
    ] {
        assert_eq!(
            world.ask(&alice, event, payload).await,
            refused(event, message)
        );
    }
    let event = "system.unsubscribe_events";
    let of = |entries: Value| entries;
    for (payload, message, entries) in [
        (
            json!({"subscription_id": id}),
            format!(
                "Successfully unsubscribed from subscription {}",
                id.as_str().unwrap()
            ),
            of(json!({"subscription_id": id, "agent_id": "alice"})),
        ),
        (
            json!({}),
            "Successfully unsubscribed from all events".to_owned(),
            of(json!({"agent_id": "alice"})),
        ),
        (
            json!({"event_patterns": ["mod.*"]}),
            "Successfully unsubscribed from 1 event patterns".to_owned(),
            of(json!({"agent_id": "alice", "event_patterns": ["mod.*"]})),
        ),
    ] {
        assert_eq!(
            world.ask(&alice, event, payload).await,
            done(event, "unsubscribe_events", &message, entries)
        );
    }
    let gone = json!({"subscription_id": "none"});
    assert_eq!(
        world.ask(&alice, event, gone).await,
        refused(event, "Subscription none not found")
    );
}

#[tokio::test]
async fn a_heartbeat_is_answered_with_its_time() {
    let world = World::new();
    let alice = world.join("alice");
    for event in ["system.heartbeat", "system.ping_agent"] {
        let pinged = world.ask(&alice, event, json!({"timestamp": 12.5})).await;
        let entries = json!({"timestamp": 12.5});
        assert_eq!(
            pinged,
            done(event, "ping_agent", "Ping successful", entries)
        );
        let pinged = world.ask(&alice, event, json!({})).await;
        assert!(pinged["data"]["timestamp"].is_i64(), "{pinged}");
    }
}

#[tokio::test]
async fn channels_come_with_their_first_member_and_go_with_their_last() {
    let world = World::new();
    let (root, alice, bob) = (world.admin(), world.join("alice"), world.join("bob"));
    let at = |channel: &str| json!({"channel_id": channel});
    let of = |channel: &str, agent: &str| json!({"channel_id": channel, "agent_id": agent});
    let add = "system.add_channel_member";
    let added = world.ask(&alice, add, of("ops", "alice")).await;
    let message = "Successfully added alice to channel ops";
    assert_eq!(
        added,
        done(add, "add_channel_member", message, of("ops", "alice"))
    );
    for (by, payload, message) in [
        (
            &bob,
            of("ops", "root"),
            "Unauthorized: only members of channel ops may add others",
        ),
        (&alice, of("ops", "carol"), "Agent 'carol' not found"),
        (&alice, json!({}), "Missing channel_id parameter"),
        (
            &alice,
            of("ops", "a b"),
            "\"a b\" is not the id of an agent: use text without spaces and control characters",
        ),
    ] {
        assert_eq!(world.ask(by, add, payload).await, refused(add, message));
    }
    let added = world.ask(&alice, add, of("ops", "bob")).await;
    assert_eq!(added["success"], true, "a member adds another");
    world.ask(&root, add, of("dev", "bob")).await;

    let list = "system.list_channels";
    let message = "Successfully retrieved list of channels";
    assert_eq!(
        world.ask(&bob, list, json!({})).await,
        done(
            list,
            "list_channels",
            message,
            json!({"channels": ["dev", "ops"]})
        )
    );
    let members = "system.get_channel_members";
    let message = "Successfully retrieved members of channel ops";
    let entries = json!({"channel_id": "ops", "members": ["alice", "bob"]});
    assert_eq!(
        world.ask(&bob, members, at("ops")).await,
        done(members, "get_channel_members", message, entries)
    );
    let none = world.ask(&bob, members, at("none")).await;
    assert_eq!(none["data"]["members"], json!([]));

    let remove = "system.remove_channel_member";
    assert_eq!(
        world.ask(&bob, remove, of("ops", "alice")).await,
        refused(
            remove,
            "Unauthorized: Admin privileges required to remove others from channels"
        )
    );
    let message = "Successfully removed bob from channel ops";
    assert_eq!(
        world.ask(&bob, remove, at("ops")).await,
        done(remove, "remove_channel_member", message, of("ops", "bob"))
    );
    assert_eq!(
        world.ask(&bob, remove, at("ops")).await,
        refused(remove, "Agent 'bob' is not in channel ops")
    );
    let close = "system.remove_channel";
    for (by, channel, message) in [
        (&bob, "none", "Channel 'none' not found"),
        (
            &bob,
            "ops",
            "Unauthorized: only members of channel ops may remove it",
        ),
    ] {
        assert_eq!(
            world.ask(by, close, at(channel)).await,
            refused(close, message)
        );
    }
    let message = "Successfully removed channel ops";
    assert_eq!(
        world.ask(&root, close, at("ops")).await,
        done(close, "remove_channel", message, at("ops"))
    );
    world.ask(&bob, "system.unregister_agent", json!({})).await;
    let listed = world.ask(&root, list, json!({})).await;
    assert_eq!(listed["data"]["channels"], json!([]));
}

/// Caught: no limit for one agent.
#[tokio::test]
async fn an_agent_is_in_256_channels_and_in_no_more() {
    let world = World::new();
    let alice = world.join("alice");
    let add = "system.add_channel_member";
    let enter = async |name: String| world.ask(&alice, add, json!({"channel_id": name})).await;
    for n in 0..256 {
        assert_eq!(enter(format!("c{n}")).await["success"], true);
    }
    let message = "an agent may be in 256 channels, and in no more";
    assert_eq!(enter("more".to_owned()).await, refused(add, message));
    assert_eq!(enter("c0".to_owned()).await["success"], true);
}

/// Caught: only the setting looked at, when an agent joins, when a password is tried, and in the health document.
#[tokio::test]
async fn a_default_group_with_a_password_asks_for_it() {
    let mut closed = settings();
    closed.default_group = "users".to_owned();
    let world = World::with(closed);
    let root = world.admin();
    assert_eq!(
        world.register(&json!({"agent_id": "bob"}))["error_message"],
        "Registration failed: Password authentication required for network registration"
    );
    let bob = world.register(&json!({"agent_id": "bob", "password_hash": "bb22"}));
    assert_eq!(bob["assigned_group"], "users");
    let event = "system.verify_password";
    let verified = world
        .ask(&root, event, json!({"password_hash": "xx"}))
        .await;
    assert_eq!(verified["data"]["requires_password"], true);
    let health = world.network.health();
    assert_eq!(health["data"]["requires_password"], true);
}

#[tokio::test]
async fn a_password_tells_its_group() {
    let world = World::new();
    let alice = world.join("alice");
    let event = "system.verify_password";
    let verify = async |hash: Value| {
        world
            .ask(&alice, event, json!({"password_hash": hash}))
            .await
    };
    let command = "verify_password";
    assert_eq!(
        verify(json!("aa11")).await,
        done(
            event,
            command,
            "Password verified: matches group 'admin'",
            json!({
                "valid": true,
                "group_name": "admin",
                "group_description": "Those who may",
                "group_metadata": {},
                "default_group": "guest",
            }),
        )
    );
    let invalid = json!({"valid": false, "default_group": "guest", "requires_password": false});
    let message = "Password verification failed: no matching group found (would assign to default group 'guest')";
    assert_eq!(
        verify(json!("xx")).await,
        done(event, command, message, invalid)
    );
    let missing = answered(
        false,
        event,
        command,
        "Missing password_hash parameter",
        json!({"valid": false}),
    );
    assert_eq!(verify(json!("")).await, missing);
    assert_eq!(verify(Value::Null).await, missing);

    let mut strict = settings();
    strict.requires_password = true;
    let world = World::with(strict);
    let root = world.admin();
    let verified = world
        .ask(&root, event, json!({"password_hash": "xx"}))
        .await;
    assert_eq!(
        verified["message"],
        "Password verification failed: no matching group found (registration would be rejected)"
    );
    assert_eq!(
        world.register(&json!({"agent_id": "bob"}))["error_message"],
        "Registration failed: Password authentication required for network registration"
    );
}

#[tokio::test(start_paused = true)]
async fn who_has_authority_may_kick_and_who_was_kicked_stays_outside_for_a_while() {
    let world = World::new();
    let (root, alice, bob) = (world.admin(), world.join("alice"), world.join("bob"));
    let event = "system.kick_agent";
    let target = |id: &str| json!({"target_agent_id": id});
    let command = "kick_agent";
    for (by, payload, message, entries) in [
        (
            &root,
            json!({}),
            "Missing target_agent_id parameter",
            json!({}),
        ),
        (
            &alice,
            target("bob"),
            "Unauthorized: Admin privileges required to kick agents",
            json!({"requesting_agent": "alice", "requesting_group": "guest"}),
        ),
        (
            &root,
            target("root"),
            "Cannot kick yourself",
            target("root"),
        ),
        (
            &root,
            target("carol"),
            "Target agent 'carol' not found",
            target("carol"),
        ),
    ] {
        let expected = answered(false, event, command, message, entries);
        assert_eq!(world.ask(by, event, payload).await, expected);
    }
    let entries = json!({"target_agent_id": "bob", "kicked_by": "root", "target_group": "guest"});
    let message = "Successfully kicked agent 'bob'";
    assert_eq!(
        world.ask(&root, event, target("bob")).await,
        done(event, command, message, entries)
    );
    let told = &world.poll(&alice)[0];
    assert_eq!(told["event_name"], "system.agent_kicked");
    assert_eq!(told["payload"]["target_agent_id"], "bob");
    assert_eq!(told["payload"]["reason"], "Kicked by admin");
    assert_eq!(told["source_id"], "system:system");

    assert_eq!(world.poll_body("bob", &bob.secret)["success"], json!(false));
    assert_eq!(
        world.register(&json!({"agent_id": "bob"}))["error_message"],
        "Registration failed: Agent bob was kicked, and may come back in 61 s"
    );
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    world.join("bob");
}

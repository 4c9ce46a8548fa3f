//! Every call of the HTTP interface of OpenAgents: what goes in, what comes out.

use crate::world::World;
use hotbed_agents::wire::{MalformedAnswer, PollRequest};
use serde_json::{Value, json};

#[tokio::test]
async fn registering_answers_a_secret_a_group_and_the_name_of_the_network() {
    let world = World::new();
    let mut answer = world.register(&json!({
        "agent_id": "alice",
        "metadata": {"name": "Alice"},
        "certificate": {"any": "thing"},
        "password_hash": "bb22",
    }));
    let secret = answer["secret"].take();
    let secret = secret.as_str().unwrap();
    assert_eq!(secret.len(), 64);
    assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(
        answer,
        json!({
            "success": true,
            "network_name": "Test Network",
            "network_id": "net-1",
            "secret": null,
            "assigned_group": "users",
        })
    );
}

#[tokio::test]
async fn whoever_does_not_join_is_told_why() {
    let mut settings = crate::world::settings();
    settings.max_agents = 1;
    settings.max_metadata_bytes = 20;
    let world = World::with(settings);
    let refused = |message: &str| json!({"success": false, "error_message": message});
    for (body, message) in [
        (json!({}), "agent_id is required"),
        (json!({"agent_id": ""}), "agent_id is required"),
        (
            json!({"agent_id": 5}),
            "agent_id must be a text of at most 4096 bytes",
        ),
        (
            json!({"agent_id": "alice", "metadata": []}),
            "metadata must be an object",
        ),
        (
            json!({"agent_id": "alice", "transport_type": "pigeon"}),
            "transport_type must be http, websocket, grpc, libp2p, webrtc, mcp or a2a",
        ),
        (
            json!({"agent_id": "all"}),
            "Registration failed: \"all\" is not the id of an agent: the word means something else; choose another one",
        ),
        (
            json!({"agent_id": "alice", "agent_group": "admin", "password_hash": "bb22"}),
            "Registration failed: Invalid credentials for group 'admin'",
        ),
        (
            json!({"agent_id": "alice", "metadata": {"long": "0123456789"}}),
            "Registration failed: metadata is too large: 21 bytes, and 20 are allowed",
        ),
    ] {
        assert_eq!(world.register(&body), refused(message), "{body}");
    }
    world.join("alice");
    assert_eq!(
        world.register(&json!({"agent_id": "bob"})),
        refused("Registration failed: there are 1 agents already, and more are not allowed")
    );
}

#[tokio::test]
async fn unregistering_needs_the_secret() {
    let world = World::new();
    let alice = world.join("alice");
    assert_eq!(
        world.unregister(&json!({})),
        json!({"success": false, "error_message": "agent_id is required"})
    );
    for secret in [Value::Null, json!(""), json!("wrong")] {
        assert_eq!(
            world.unregister(&json!({"agent_id": "alice", "secret": secret})),
            json!({
                "success": false,
                "error_message": "Authentication failed: Invalid or missing secret",
            })
        );
    }
    assert_eq!(
        world.unregister(&json!({"agent_id": "alice", "secret": alice.secret})),
        json!({"success": true})
    );
    assert_eq!(
        world.poll_body("alice", &alice.secret)["success"],
        json!(false)
    );
}

#[tokio::test]
async fn polling_hands_out_what_waits_once() {
    let world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    assert_eq!(
        world.poll_body("alice", "wrong"),
        json!({
            "success": false,
            "messages": [],
            "agent_id": "alice",
            "error_message": "Authentication failed: Invalid or missing secret",
        })
    );
    let malformed = PollRequest::new(None, Some("x".to_owned())).unwrap_err();
    assert_eq!(
        json!(MalformedAnswer::from(malformed)),
        json!({"success": false, "error_message": "agent_id is required"})
    );
    world
        .send(&bob, "chat.said", "agent:alice", json!({}))
        .await;
    let empty = json!({"success": true, "messages": [], "agent_id": "alice"});
    assert_eq!(world.poll(&alice).len(), 1);
    assert_eq!(world.poll_body("alice", &alice.secret), empty);
}

/// The fields and types of a polled event, as captured from the real server, but for `secret`, which must not be there.
#[tokio::test]
async fn a_polled_event_has_the_fields_that_clients_read_and_no_secret() {
    let world = World::new();
    let alice = world.join("alice");
    let bob = world.join_with(&json!({"agent_id": "bob", "password_hash": "bb22"}));
    let before = chrono::Utc::now().timestamp();
    let answer = world
        .post(&json!({
            "event_id": "e1",
            "event_name": "chat.said",
            "source_id": "bob",
            "target_agent_id": "agent:alice",
            "timestamp": 1,
            "payload": {"text": "hello"},
            "metadata": {"a": 1},
            "visibility": "direct",
            "thread_name": "t1",
            "response_to": "e0",
            "requires_response": true,
            "text_representation": "Bob says hello",
            "source_agent_group": "admin",
            "source_type": "mod",
            "secret": bob.secret,
        }))
        .await;
    assert_eq!(
        answer,
        json!({
            "success": true,
            "message": "Event chat.said delivered to destination",
            "event_id": "e1",
            "data": null,
            "event_name": "chat.said",
        })
    );
    let mut events = world.poll(&alice);
    let timestamp = events[0]["timestamp"].take().as_i64().unwrap();
    assert!((before..=before + 60).contains(&timestamp), "{timestamp}");
    assert_eq!(
        events,
        [json!({
            "event_name": "chat.said",
            "source_id": "bob",
            "event_id": "e1",
            "timestamp": null,
            "source_type": "agent",
            "destination_id": "agent:alice",
            "relevant_mod": null,
            "requires_response": true,
            "response_to": "e0",
            "thread_name": "t1",
            "payload": {"text": "hello"},
            "metadata": {"a": 1},
            "text_representation": "Bob says hello",
            "visibility": "direct",
            "allowed_agents": null,
            "source_agent_group": "users",
        })]
    );
}

#[tokio::test]
async fn what_is_left_out_has_a_default() {
    let world = World::new();
    let alice = world.join("alice");
    let answer = world
        .post(&json!({
            "event_name": "chat.said",
            "source_id": "agent:alice",
            "destination_id": "alice",
            "payload": null,
            "secret": alice.secret,
        }))
        .await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(answer["event_id"].as_str().unwrap().len(), 36);
    let event = &world.poll(&alice)[0];
    assert_eq!(event["event_id"], answer["event_id"]);
    assert_eq!(event["source_id"], "alice");
    assert_eq!(event["visibility"], "network");
    assert_eq!(event["payload"], json!({}));
}

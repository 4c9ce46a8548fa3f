//! What agents say and are told over WebSockets.

use crate::agents::{event, join, tell};
use crate::harness::DEADLINE;
use crate::websocket_harness::Running;
use async_trait::async_trait;
use futures::SinkExt;
use hotbed_agents::{AgentNetwork, MemoryDesk, NetworkSettings};
use hotbed_mods::{
    BoxError, BuiltIns, EventPattern, Manifest, Mod, ModEvent, ModHost, Placement, Response,
};
use hotbed_server::{AdminToken, Authority, Limits, ServerState};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

const TOKEN: &str = "0123456789abcdef";

/// Caught: to know nothing of upgrades; to ask for the secret in each event; to call it HTTP.
#[tokio::test]
async fn agents_talk_over_websockets_and_http_alike() {
    let running = Running::new().await;
    let node = &running.node;
    let (mut alice, secret) = running.agent("alice").await;
    let carol = join(node, "carol").await;
    let health = node.get("/api/health").await.json();
    let shown = &health["data"]["agents"]["alice"];
    assert_eq!(shown["transport_type"], "websocket");

    let told = tell(node, event("carol", &carol, "agent:alice", "e1")).await;
    assert_eq!(told["success"], true, "{told}");
    assert_eq!(alice.event().await, "e1");

    let mut said = event("alice", "", "agent:carol", "e2");
    said["type"] = json!("send_event");
    said["request_id"] = json!(7);
    let answer = alice.ask(said).await;
    let expected = json!({
        "type": "response", "request_id": 7, "success": true, "event_id": "e2", "event_name": "chat.said",
        "message": "Event chat.said delivered to destination", "data": null,
    });
    assert_eq!(answer, expected);
    let path = format!("/api/poll?agent_id=carol&secret={carol}");
    let polled = node.get(&path).await.json();
    assert_eq!(polled["messages"][0]["event_id"], "e2");

    let (mut bob, _) = running.agent("bob").await;
    let mut said = event("alice", &secret, "agent:bob", "e3");
    said["type"] = json!("send_event");
    assert_eq!(alice.ask(said).await["success"], true);
    assert_eq!(bob.event().await, "e3");
    let pong = alice.ask(json!({"type": "ping", "request_id": "p"})).await;
    assert_eq!(
        (&pong["type"], &pong["request_id"], &pong["success"]),
        (&json!("response"), &json!("p"), &json!(true))
    );
    running.end().await.unwrap();
}

/// Caught: to end the connection for a message that is wrong.
#[tokio::test]
async fn a_message_that_is_wrong_is_told_so_and_the_connection_goes_on() {
    let running = Running::new().await;
    let (mut alice, _) = running.agent("alice").await;
    for (message, why) in [
        (json!([]), "a message is a JSON object with a `type`"),
        (
            json!({"type": "shout"}),
            "a message is a JSON object with a `type`",
        ),
        (
            json!({"type": "send_event"}),
            "event_name and source_id are required",
        ),
        (json!({"type": "command"}), "command needs the text `text`"),
        (
            json!({"type": "register", "agent_id": "x"}),
            "this connection has its agent",
        ),
    ] {
        let answer = alice.ask(message).await;
        assert_eq!(answer["type"], "error", "{answer}");
        let told = answer["message"].as_str().unwrap();
        assert!(told.starts_with(why), "{told}");
    }
    alice.socket.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(alice.next().await["type"], "error");
    let mut said = event("bob", "", "agent:alice", "e1");
    said["type"] = json!("send_event");
    let answer = alice.ask(said).await;
    assert_eq!(
        (&answer["type"], &answer["success"]),
        (&json!("response"), &json!(false))
    );
    assert_eq!(alice.ask(json!({"type": "ping"})).await["success"], true);
    running.end().await.unwrap();
}

/// Caught: to close without saying why. Meant to catch: to let somebody in after a registration that was refused.
#[tokio::test]
async fn a_connection_begins_with_an_agent_that_proves_who_it_is() {
    let running = Running::new().await;
    let secret = join(&running.node, "alice").await;
    for (first, kind) in [
        (json!({"type": "ping"}), "error"),
        (json!({"type": "register"}), "error"),
        (json!({"type": "register", "agent_id": "alice"}), "response"),
        (json!({"type": "resume", "agent_id": "alice"}), "error"),
        (
            json!({"type": "resume", "agent_id": "alice", "secret": ""}),
            "error",
        ),
        (
            json!({"type": "resume", "agent_id": "alice", "secret": "x"}),
            "error",
        ),
        (
            json!({"type": "resume", "agent_id": "bob", "secret": secret}),
            "error",
        ),
    ] {
        let mut stranger = running.connect().await;
        let answer = stranger.ask(first).await;
        assert_eq!(answer["type"], kind, "{answer}");
        assert_ne!(answer["success"], true, "{answer}");
        assert_eq!(stranger.closed().await, 1008);
    }
    let mut alice = running.connect().await;
    let resume = json!({"type": "resume", "agent_id": "alice", "secret": secret});
    let answer = alice.ask(resume).await;
    assert_eq!(
        answer,
        json!({"type": "response", "success": true, "agent_id": "alice"})
    );
    running.end().await.unwrap();
}

/// Caught: to lose what came while nobody was connected; to let what was told wait for the next poll as well.
#[tokio::test]
async fn an_agent_that_resumes_is_told_what_came_meanwhile_and_nothing_twice() {
    let running = Running::new().await;
    let node = &running.node;
    let (mut alice, secret) = running.agent("alice").await;
    let bob = join(node, "bob").await;
    let send = async |id: &str| {
        let told = tell(node, event("bob", &bob, "agent:alice", id)).await;
        assert_eq!(told["success"], true, "{told}");
    };
    send("e1").await;
    assert_eq!(alice.event().await, "e1");
    // Once this is answered, what was told waits no longer.
    alice.ask(json!({"type": "ping"})).await;
    let waiting = async || {
        let health = node.get("/api/health").await.json();
        health["data"]["agents"]["alice"]["waiting"].clone()
    };
    assert_eq!(waiting().await, 0);
    drop(alice);
    let gone = async {
        // The server has seen that it is gone once nothing is taken from what waits.
        for number in 0.. {
            send(&format!("lost{number}")).await;
            tokio::task::yield_now().await;
            if waiting().await != 0 {
                break;
            }
        }
    };
    timeout(DEADLINE, gone).await.unwrap();
    send("e2").await;
    send("e3").await;

    let mut alice = running.connect().await;
    let resume = json!({"type": "resume", "agent_id": "alice", "secret": secret});
    assert_eq!(alice.ask(resume).await["success"], true);
    let mut told = Vec::new();
    while told.last().is_none_or(|last| last != "e3") {
        told.push(alice.event().await);
    }
    assert!(told.contains(&"e2".to_owned()), "{told:?}");
    assert!(!told.contains(&"e1".to_owned()), "{told:?}");
    send("e4").await;
    assert_eq!(alice.event().await, "e4");
    running.end().await.unwrap();
}

/// Meant to catch: to work on requests where events are told.
#[tokio::test]
async fn a_connection_outlives_reloads_and_hears_all_that_happens_meanwhile() {
    let running = Running::new().await;
    let node = &running.node;
    let (mut alice, _) = running.agent("alice").await;
    let bob = join(node, "bob").await;
    let ask = |event_name: &str, payload: Value| {
        json!({
            "type": "send_event", "request_id": event_name, "event_name": event_name, "source_id": "alice",
            "payload": payload,
        })
    };
    for path in ["hotbed.mods.wiki", "openagents.mods.core.shared_cache"] {
        alice
            .say(&ask("system.mod.load", json!({"mod_path": path})))
            .await;
        loop {
            let told = alice.next().await;
            if told["type"] == "response" {
                assert_eq!(told["success"], true, "{told}");
                break;
            }
        }
    }
    for round in 0..3 {
        let command = json!({"type": "command", "text": "@reload wiki", "channel": "ops", "request_id": round});
        alice.say(&command).await;
        let mut sent = Vec::new();
        for number in 0..20 {
            let id = format!("e{round}-{number}");
            tell(node, event("bob", &bob, "agent:alice", &id)).await;
            sent.push(id);
        }
        let (mut heard, mut reloaded) = (Vec::new(), None);
        while heard.len() < sent.len() || reloaded.is_none() {
            let told = alice.next().await;
            if told["type"] == "response" {
                assert_eq!(
                    (&told["request_id"], &told["success"]),
                    (&json!(round), &json!(true))
                );
                reloaded = Some(told["messages"].to_string());
            } else if told["event"]["event_name"] == "chat.said" {
                heard.push(told["event"]["event_id"].as_str().unwrap().to_owned());
            }
        }
        assert_eq!(heard, sent);
        let reloaded = reloaded.unwrap();
        assert!(reloaded.contains("refreshed=1"), "{reloaded}");
    }
    running.end().await.unwrap();
}

/// Caught: to give every agent authority; to pass over a token that is wrong.
#[tokio::test]
async fn only_who_has_authority_reloads() {
    let change = |state: &mut ServerState| {
        let (host, emissions) = ModHost::builder().build();
        let desk = Arc::new(MemoryDesk::new(host.clone()));
        // Where the members of `admin` have authority, and nobody else.
        let settings = NetworkSettings::default();
        state.agents = AgentNetwork::new(settings, host, emissions, desk).0;
        let token = AdminToken::new(TOKEN).unwrap();
        state.authority = Authority::new(state.access.listen, Some(token));
    };
    let running = Running::with(Limits::default(), change).await;
    let admin = format!("Bearer {TOKEN}");
    let reload = || json!({"type": "command", "text": "@reload"});
    for (agent_id, headers, may) in [
        ("guest", &[][..], false),
        ("admin", &[("authorization", &*admin)][..], true),
    ] {
        let mut agent = running.try_connect(headers).await.unwrap();
        agent
            .ask(json!({"type": "register", "agent_id": agent_id}))
            .await;
        let answer = agent.ask(reload()).await.to_string();
        let is_refused = answer.contains("you do not have permission");
        assert_eq!(is_refused, !may, "{answer}");
    }
    let wrong = [("authorization", "Bearer fedcba9876543210")];
    assert_eq!(running.try_connect(&wrong).await.err(), Some(401));
    running.end().await.unwrap();
}

/// Caught: to leave pages to `Access::admit`, which lets every GET pass.
#[tokio::test]
async fn a_page_of_another_origin_opens_no_websocket() {
    let running = Running::new().await;
    let own = format!("http://{}", running.address);
    for (origin, status) in [
        ("http://evil.example", Some(403)),
        ("null", Some(403)),
        ("", Some(403)),
        (&*own, None),
    ] {
        let connected = running.try_connect(&[("origin", origin)]).await;
        assert_eq!(connected.err(), status, "{origin}");
    }
    let pointed_here = [("host", "evil.example")];
    assert_eq!(running.try_connect(&pointed_here).await.err(), Some(421));
    let old = [("sec-websocket-version", "8")];
    assert_eq!(running.try_connect(&old).await.err(), Some(426));
    running.end().await.unwrap();
}

/// A mod that answers once it may.
struct Slow(Arc<Semaphore>);

#[async_trait]
impl Mod for Slow {
    async fn handle(&self, _event: &ModEvent) -> Result<Option<Response>, BoxError> {
        drop(self.0.acquire().await?);
        Ok(Some(Response::ok("done", Value::Null)))
    }
}

/// A network with the slow mod, in which guests have authority.
fn slow_network(may: &Arc<Semaphore>) -> AgentNetwork {
    let manifest = Manifest {
        name: "slow".to_owned(),
        events: vec![EventPattern::new("slow.*").unwrap()],
        ..Manifest::default()
    };
    let may = Arc::clone(may);
    let make = move || Ok(Arc::new(Slow(Arc::clone(&may))) as _);
    let mods = BuiltIns::standard().with(&["test.mods.slow"], manifest, Placement::Tasks, make);
    let (host, emissions) = ModHost::builder().loader(mods).build();
    let desk = Arc::new(MemoryDesk::new(host.clone()));
    let mut settings = NetworkSettings::default();
    settings.authority.insert("guest".to_owned());
    AgentNetwork::new(settings, host, emissions, desk).0
}

/// Caught: to work on one request after the other; to work on any number at once.
#[tokio::test]
async fn a_request_that_takes_long_delays_no_other_and_too_many_wait() {
    let may = Arc::new(Semaphore::new(0));
    let change = |state: &mut ServerState| state.agents = slow_network(&may);
    let running = Running::with(Limits::default(), change).await;
    let (mut alice, _) = running.agent("alice").await;
    let ask = |name: &str, to: &str, payload: Value| {
        json!({
            "type": "send_event", "event_name": name, "source_id": "alice", "target_agent_id": to, "payload": payload,
        })
    };
    let load = ask("system.mod.load", "", json!({"mod_path": "test.mods.slow"}));
    let loaded = alice.ask(load).await;
    assert_eq!(loaded["success"], true, "{loaded}");

    let slow = || ask("slow.ask", "", json!({}));
    for _ in 0..7 {
        alice.say(&slow()).await;
    }
    let pong = alice.ask(json!({"type": "ping"})).await;
    assert_eq!(pong["message"], "pong");
    alice.say(&ask("chat.said", "agent:alice", json!({}))).await;
    let both = [alice.next().await, alice.next().await];
    let kinds = both.each_ref().map(|told| told["type"].as_str().unwrap());
    assert!(
        kinds.contains(&"event") && kinds.contains(&"response"),
        "{kinds:?}"
    );

    alice.say(&slow()).await;
    alice.say(&json!({"type": "ping"})).await;
    let waits = timeout(Duration::from_millis(100), alice.next()).await;
    assert!(waits.is_err(), "eight are worked on: {waits:?}");
    may.add_permits(1);
    for _ in 0..9 {
        let told = alice.next().await;
        assert_eq!(told["success"], true, "{told}");
    }
    running.end().await.unwrap();
}

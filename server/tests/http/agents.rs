//! The routes that the clients of OpenAgents know, with the answers that they know.

use crate::harness::{Answer, Node, OK, request, with_bytes, with_header};
use axum::body::{Body, Bytes};
use axum::http::{Method, Request};
use hotbed_registry::Admission;
use hotbed_server::Limits;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing_subscriber::fmt::format::FmtSpan;

const CACHE: &str = "openagents.mods.core.shared_cache";

/// Registers an agent: its secret.
pub(crate) async fn join(node: &Node, agent_id: &str) -> String {
    let answer = node
        .post("/api/register", &json!({"agent_id": agent_id}))
        .await;
    let answer = answer.json();
    assert_eq!(answer["success"], true, "{answer}");
    answer["secret"].as_str().unwrap().to_owned()
}

/// Sends an event: what was answered.
pub(crate) async fn tell(node: &Node, event: Value) -> Value {
    let answer = node.post("/api/send_event", &event).await;
    assert_eq!(answer.status, OK);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

/// An event from one agent to another.
pub(crate) fn event(from: &str, secret: &str, to: &str, event_id: &str) -> Value {
    json!({
        "event_name": "chat.said", "source_id": from, "event_id": event_id, "target_agent_id": to,
        "payload": {"text": "hello"}, "metadata": {}, "visibility": "network", "secret": secret,
    })
}

async fn poll(node: &Node, agent_id: &str, secret: &str) -> Value {
    let path = format!("/api/poll?agent_id={agent_id}&secret={secret}");
    let answer = node.get(&path).await;
    assert_eq!(answer.status, OK);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

#[tokio::test]
async fn an_agent_joins_talks_listens_and_leaves_in_the_words_that_clients_know() {
    let node = Node::new().await;
    let body = json!({"agent_id": "alice", "metadata": {}, "password_hash": ""});
    let registered = node.post("/api/register", &body).await;
    assert_eq!(registered.status, OK);
    assert_eq!(registered.header("cache-control"), Some("no-store"));
    let registered = registered.json();
    let alice = registered["secret"].as_str().unwrap();
    assert_eq!(alice.len(), 64);
    let expected = json!({
        "success": true, "network_name": "hotbed", "network_id": "hotbed", "secret": alice, "assigned_group": "guest",
    });
    assert_eq!(registered, expected);
    let bob = join(&node, "bob").await;

    let told = tell(&node, event("bob", &bob, "agent:alice", "e1")).await;
    let expected = json!({
        "success": true, "message": "Event chat.said delivered to destination", "event_id": "e1", "data": null,
        "event_name": "chat.said",
    });
    assert_eq!(told, expected);

    let polled = poll(&node, "alice", alice).await;
    let mut message = polled["messages"][0].clone();
    let timestamp = message.as_object_mut().unwrap().remove("timestamp");
    assert!(timestamp.unwrap().is_i64());
    let expected = json!({
        "event_name": "chat.said", "source_id": "bob", "event_id": "e1", "source_type": "agent",
        "destination_id": "agent:alice", "relevant_mod": null, "requires_response": false, "response_to": null,
        "thread_name": null, "payload": {"text": "hello"}, "metadata": {}, "text_representation": null,
        "visibility": "network", "allowed_agents": null, "source_agent_group": "guest",
    });
    assert_eq!(message, expected);
    let nothing = json!({"success": true, "messages": [], "agent_id": "alice"});
    assert_eq!(poll(&node, "alice", alice).await, nothing);

    let health = node.get("/api/health").await.json();
    assert_eq!(
        (&health["success"], &health["status"]),
        (&json!(true), &json!("healthy"))
    );
    let data = &health["data"];
    assert_eq!(data["recommended_transport"], "http");
    assert_eq!(data["agents"]["bob"]["transport_type"], "http");

    let leave = json!({"agent_id": "alice", "secret": alice});
    let left = node.post("/api/unregister", &leave).await;
    assert_eq!((left.status, left.json()), (OK, json!({"success": true})));
    let again = node.post("/api/unregister", &leave).await;
    assert_eq!(
        (again.status, &again.json()["success"]),
        (OK, &json!(false))
    );
}

#[tokio::test]
async fn mods_are_loaded_and_unloaded_by_events_as_clients_know_it() {
    let node = Node::new().await;
    let alice = join(&node, "alice").await;
    let ask = async |what: &str, event_id: &str, payload: Value| {
        let name = format!("system.mod.{what}");
        let asked = json!({
            "event_name": name, "source_id": "alice", "event_id": event_id, "payload": payload, "secret": alice,
        });
        let answer = tell(&node, asked).await;
        assert_eq!(answer["event_name"], name);
        assert_eq!(answer["event_id"], event_id);
        let rest = ["success", "message", "data"];
        rest.map(|member| answer[member].clone())
    };
    let path = || json!({"mod_path": CACHE});
    assert_eq!(
        ask("load", "e1", path()).await,
        [
            json!(true),
            json!("Successfully loaded mod: shared_cache"),
            json!({"mod_id": "shared_cache", "mod_path": CACHE})
        ]
    );
    let refused = |message: &str| [json!(false), json!(message), Value::Null];
    assert_eq!(
        ask("load", "e2", path()).await,
        refused("Mod 'shared_cache' is already loaded")
    );
    let [success, message, data] = ask("load", "e3", json!({"mod_path": "no.such"})).await;
    assert_eq!((success, data), (json!(false), Value::Null));
    let message = message.as_str().unwrap();
    assert!(message.starts_with("Failed to load mod: "), "{message}");
    assert_eq!(
        ask("load", "e4", json!({})).await,
        refused("mod_path is required in payload")
    );
    let health = node.get("/api/health").await.json();
    assert_eq!(health["mods"]["loaded"], json!(["shared_cache"]));
    assert_eq!(
        health["data"]["dynamic_mods"]["loaded"],
        json!(["shared_cache"])
    );
    assert_eq!(
        ask("unload", "e5", path()).await,
        [
            json!(true),
            json!("Successfully unloaded mod: shared_cache"),
            json!({"mod_id": "shared_cache"})
        ]
    );
    assert_eq!(
        ask("unload", "e6", path()).await,
        refused("Mod 'shared_cache' is not loaded")
    );
}

#[tokio::test]
async fn what_is_understood_and_refused_is_told_with_status_200() {
    let node = Node::new().await;
    let alice = join(&node, "alice").await;
    let message = "Authentication failed: Invalid or missing secret";
    let expected =
        json!({"success": false, "messages": [], "agent_id": "alice", "error_message": message});
    for secret in ["", "wrong", &alice[1..]] {
        assert_eq!(poll(&node, "alice", secret).await, expected);
        let told = tell(&node, event("alice", secret, "agent:alice", "e1")).await;
        assert_eq!(
            (&told["success"], &told["message"]),
            (&json!(false), &json!(message))
        );
    }
    let taken = node
        .post("/api/register", &json!({"agent_id": "alice"}))
        .await;
    assert_eq!(
        (taken.status, &taken.json()["success"]),
        (OK, &json!(false))
    );
    let renewed = node
        .post(
            "/api/register",
            &json!({"agent_id": "alice", "secret": alice}),
        )
        .await;
    assert_eq!(renewed.json()["success"], true);
    assert_eq!(poll(&node, "alice", &alice).await["success"], false);
}

/// Caught: to answer with status 200. Clients look for `error_message`, so it is no problem document either.
#[tokio::test]
async fn what_cannot_be_understood_is_told_with_status_400_and_does_nothing() {
    let node = Node::new().await;
    let required = "event_name and source_id are required";
    for (path, body, message) in [
        ("register", "", "the body is not JSON: line 1, column 0"),
        (
            "register",
            "agent_id=a",
            "the body is not JSON: line 1, column 1",
        ),
        ("register", "[]", "the body must be a JSON object"),
        ("register", "{}", "agent_id is required"),
        (
            "register",
            r#"{"agent_id": 7}"#,
            "agent_id must be a text of at most 4096 bytes",
        ),
        ("unregister", r#"{"secret": "x"}"#, "agent_id is required"),
        ("send_event", r#"{"source_id": "a"}"#, required),
        ("send_event", r#"{"event_name": "a.b"}"#, required),
        (
            "send_event",
            r#"{"event_name": "chat.said", "source_id": "a", "payload": []}"#,
            "payload must be an object",
        ),
    ] {
        let post = with_bytes(
            Method::POST,
            &format!("/api/{path}"),
            body.as_bytes().to_vec(),
        );
        let answer = node.send(post).await;
        let expected = json!({"success": false, "error_message": message});
        assert_eq!(
            (answer.status, answer.json()),
            (400, expected),
            "{path} {body}"
        );
    }
    for (query, message) in [
        ("", "agent_id is required"),
        ("?", "agent_id is required"),
        ("?secret=x&agent_id=", "agent_id is required"),
        ("?agent_id=a&agent_id=b", "agent_id must be given once"),
        ("?agent_id=a&secret=x&secret=x", "secret must be given once"),
        ("?agent_id=%FF", "agent_id must be UTF-8"),
        ("?agent_id=a&secret=%FF", "secret must be UTF-8"),
    ] {
        let answer = node.get(&format!("/api/poll{query}")).await;
        let expected = json!({"success": false, "error_message": message});
        assert_eq!((answer.status, answer.json()), (400, expected), "{query}");
    }
    assert_eq!(
        node.get("/api/health").await.json()["data"]["agent_count"],
        0
    );
}

/// curl says that its bodies are forms unless it is told otherwise.
#[tokio::test]
async fn a_body_is_read_whatever_type_it_is_said_to_be_of() {
    let node = Node::new().await;
    for (agent_id, content_type) in [
        ("a", None),
        ("b", Some("application/x-www-form-urlencoded")),
        ("c", Some("text/plain")),
        ("d", Some("application/json; charset=utf-8")),
    ] {
        let body = json!({"agent_id": agent_id}).to_string();
        let post = Request::post("/api/register")
            .body(Body::from(body))
            .unwrap();
        let post = match content_type {
            Some(content_type) => with_header(post, "content-type", content_type),
            None => post,
        };
        let answer = node.send(post).await;
        assert_eq!(
            (answer.status, &answer.json()["success"]),
            (OK, &json!(true))
        );
    }
}

/// Caught: to read the body without its limits.
#[tokio::test]
async fn bodies_are_bounded_as_everywhere() {
    let limits = Limits {
        body_bytes: 1_000,
        body_read: Duration::from_millis(50),
        ..Limits::default()
    };
    let node = Node::with(limits, Admission::Permissive).await;
    for path in ["register", "unregister", "send_event"] {
        let path = format!("/api/{path}");
        let large = with_bytes(Method::POST, &path, vec![b' '; 1_001]);
        assert_eq!(node.send(large).await.status, 413);
        let endless = Body::from_stream(futures::stream::pending::<Result<Bytes, String>>());
        let slow = Request::post(&path).body(endless).unwrap();
        assert_eq!(node.send(slow).await.status, 408);
        let compressed = with_bytes(Method::POST, &path, b"{}".to_vec());
        let compressed = with_header(compressed, "content-encoding", "gzip");
        assert_eq!(node.send(compressed).await.status, 415);
        let inexact = br#"{"agent_id": "a", "x": 1e999}"#.to_vec();
        let inexact = node.send(with_bytes(Method::POST, &path, inexact)).await;
        assert_eq!(inexact.status, 422);
    }
}

#[tokio::test]
async fn agents_are_refused_when_too_much_is_under_way_and_health_never() {
    let limits = Limits {
        requests: 0,
        ..Limits::default()
    };
    let node = Node::with(limits, Admission::Permissive).await;
    let refused = node.post("/api/register", &json!({"agent_id": "a"})).await;
    assert_eq!(refused.status, 503);
    assert_eq!(node.get("/api/poll?agent_id=a").await.status, 503);
    assert_eq!(node.get("/api/health").await.status, OK);
}

/// Caught: to let a page of another origin register.
#[tokio::test]
async fn no_page_of_another_origin_joins_or_reads() {
    let node = Node::new().await;
    let from_elsewhere = |request| {
        let request = with_header(request, "host", "localhost:8700");
        with_header(request, "origin", "http://evil.example")
    };
    let body = br#"{"agent_id": "a"}"#.to_vec();
    let post = from_elsewhere(with_bytes(Method::POST, "/api/register", body));
    assert_eq!(node.send(post).await.status, 403);
    for path in ["/api/health", "/api/poll?agent_id=a"] {
        let read = node.send(from_elsewhere(request(Method::GET, path))).await;
        assert_eq!(read.header("access-control-allow-origin"), None);
    }
    let preflight = from_elsewhere(request(Method::OPTIONS, "/api/register"));
    let preflight = node.send(preflight).await;
    assert_eq!(preflight.status, 405);
    assert_eq!(preflight.header("access-control-allow-origin"), None);
}

/// Caught: to answer HEAD as GET without a body.
#[tokio::test]
async fn only_who_gets_them_takes_the_events_that_wait() {
    let node = Node::new().await;
    let (alice, bob) = (join(&node, "alice").await, join(&node, "bob").await);
    tell(&node, event("bob", &bob, "agent:alice", "e1")).await;
    let path = format!("/api/poll?agent_id=alice&secret={alice}");
    let head = node.open(request(Method::HEAD, &path)).await;
    assert_eq!(head.status().as_u16(), 405);
    assert_eq!(head.headers()["allow"], "GET");

    let quiet = request(Method::GET, "/api/poll?agent_id=alice&secret=");
    let quiet = with_header(quiet, "authorization", &format!("Bearer {alice}"));
    let polled = node.send(quiet).await.json();
    assert_eq!(polled["messages"][0]["event_id"], "e1", "{polled}");
    let wrong = with_header(
        request(Method::GET, &path),
        "authorization",
        "Bearer of-another",
    );
    assert_eq!(
        node.send(wrong).await.json()["success"],
        true,
        "the query weighs more"
    );
}

/// What is written to the log at its most talkative.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Caught: to log the address of a request, to read the query as other queries are read, to show the whole path of what is
/// nowhere.
#[tokio::test]
async fn a_secret_that_was_sent_is_in_no_log_metric_or_answer() {
    let log = Log::default();
    let node = Node::new().await;
    let secret = join(&node, "alice").await;
    let guard = log.listen();
    let mut answers: Vec<Answer> = Vec::new();
    for query in [
        format!("agent_id=alice&secret={secret}"),
        format!("agent_id=nobody&secret={secret}"),
        format!("agent_id=alice&secret={secret}x"),
        format!("agent_id=alice&secret={secret}&secret={secret}"),
        format!("agent_id=alice&secret={secret}%FF"),
        format!("agent_id=alice&secret%3D{secret}"),
        format!("agent_id=alice&{secret}"),
        format!("agent_id=alice&{secret}%FF=x"),
        format!("secret={secret}"),
        format!("agent_id=%FF&secret={secret}"),
    ] {
        answers.push(node.get(&format!("/api/poll?{query}")).await);
    }
    for path in [
        format!("/api/poll%3Fagent_id=alice&secret={secret}"),
        format!("/api/poll/secret={secret}"),
        format!("/api/POLL%3Fagent_id=alice&SECRET={secret}"),
    ] {
        let answer = node.get(&path).await;
        assert_eq!(answer.status, 404);
        answers.push(answer);
    }
    for text in [
        event("bob", &secret, "agent:alice", "e1").to_string(),
        event("alice", &format!("{secret}x"), "agent:alice", "e1").to_string(),
        format!(r#"{{"event_name": "chat.said", "source_id": "a", "secret": ["{secret}"]}}"#),
        format!(r#"{{"event_name": "chat.said", "secret": "{secret}"}}"#),
        format!(r#"{{"secret": "{secret}" "#),
        format!("secret={secret}"),
    ] {
        for path in ["/api/send_event", "/api/register", "/api/unregister"] {
            let post = with_bytes(Method::POST, path, text.clone().into_bytes());
            answers.push(node.send(post).await);
        }
    }
    answers.push(node.get("/metrics").await);
    drop(guard);
    let log = log.text();
    assert!(log.contains("/api/poll") && log.contains("DEBUG"), "{log}");
    // A part of it is too much.
    let part = &secret[..16];
    assert!(!log.contains(part), "{log}");
    for answer in answers {
        let text = String::from_utf8_lossy(&answer.bytes);
        assert!(!text.contains(part), "{text}");
        assert!(!format!("{:?}", answer.headers).contains(part));
    }
}

//! Events as they happen, over HTTP.

use crate::agents::{event, join, tell};
use crate::harness::{DEADLINE, Node, OK, request, with_header};
use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request};
use futures::StreamExt;
use hotbed_registry::Admission;
use hotbed_server::{AdminToken, Authority, Limits, ServerState, router};
use serde_json::{Value, json};
use tokio::time::timeout;
use tower::ServiceExt;

const EVENTS: &str = "/api/v1/events/stream";
const TOKEN: &str = "0123456789abcdef";

struct Told {
    body: BodyDataStream,
    buffer: String,
}

impl Told {
    async fn open(router: &Router, query: &str, bearer: Option<&str>) -> Result<Self, u16> {
        let get = asked(query, bearer);
        let response = timeout(DEADLINE, router.clone().oneshot(get)).await;
        let response = response.expect("answered in time").unwrap();
        if response.status().as_u16() != OK {
            return Err(response.status().as_u16());
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut told = Self {
            body: response.into_body().into_data_stream(),
            buffer: String::new(),
        };
        assert_eq!(told.next().await.as_deref(), Some(": follows"));
        Ok(told)
    }

    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.buffer.split_once("\n\n") {
                let event = event.to_owned();
                self.buffer = rest.to_owned();
                return Some(event);
            }
            let chunk = timeout(DEADLINE, self.body.next())
                .await
                .expect("an event in time")?
                .unwrap();
            self.buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event: its name, its id and its data.
    async fn event(&mut self) -> (String, Option<String>, Value) {
        let event = self.next().await.expect("the stream goes on");
        let field = |name| event.lines().find_map(|line| line.strip_prefix(name));
        (
            field("event: ").expect("an event has a name").to_owned(),
            field("id: ").map(str::to_owned),
            serde_json::from_str(field("data: ").expect("an event has data")).unwrap(),
        )
    }
}

fn asked(query: &str, bearer: Option<&str>) -> Request<Body> {
    let get = request(Method::GET, &format!("{EVENTS}?{query}"));
    match bearer {
        Some(bearer) => with_header(get, "authorization", &format!("Bearer {bearer}")),
        None => get,
    }
}

/// Caught: to observe where an agent is named. Meant to catch: to pass over the pattern.
#[tokio::test]
async fn an_agent_follows_what_comes_to_it_and_who_has_authority_follows_everything() {
    let node = Node::new().await;
    let (alice, bob) = (join(&node, "alice").await, join(&node, "bob").await);
    let own = "agent_id=alice&pattern=chat.*";
    let mut alices = Told::open(&node.router, own, Some(&alice)).await.unwrap();
    let mut all = Told::open(&node.router, "", None).await.unwrap();
    let mut others = Told::open(&node.router, "pattern=other.*", None)
        .await
        .unwrap();

    for (to, id) in [("agent:bob", "e1"), ("agent:alice", "e2")] {
        let told = tell(&node, event("bob", &bob, to, id)).await;
        assert_eq!(told["success"], true, "{told}");
    }
    let (name, id, data) = alices.event().await;
    assert_eq!((&*name, id.as_deref()), ("event", Some("e2")));
    assert_eq!(
        (&data["event_id"], &data["payload"]["text"]),
        (&json!("e2"), &json!("hello"))
    );
    assert_eq!(all.event().await.1.as_deref(), Some("e1"));
    assert_eq!(all.event().await.1.as_deref(), Some("e2"));

    node.state.shutdown.cancel();
    for stream in [&mut alices, &mut all, &mut others] {
        assert_eq!(stream.next().await, None, "the stream ends with the server");
    }
}

#[tokio::test]
async fn the_stream_of_an_agent_ends_when_it_leaves() {
    let node = Node::new().await;
    let alice = join(&node, "alice").await;
    let mut told = Told::open(&node.router, "agent_id=alice", Some(&alice))
        .await
        .unwrap();
    node.post(
        "/api/unregister",
        &json!({"agent_id": "alice", "secret": alice}),
    )
    .await;
    assert_eq!(told.next().await, None);
}

/// Caught: to make an id of whatever a sender writes, which panics on an end of line.
#[tokio::test]
async fn an_event_whose_id_is_no_line_is_told_without_it() {
    let node = Node::new().await;
    let bob = join(&node, "bob").await;
    let mut all = Told::open(&node.router, "", None).await.unwrap();
    let odd = "a\nevent: forged\r\u{0}";
    tell(&node, event("bob", &bob, "agent:bob", odd)).await;
    tell(&node, event("bob", &bob, "agent:bob", "e2")).await;
    let (name, id, data) = all.event().await;
    assert_eq!(
        (&*name, id, &data["event_id"]),
        ("event", None, &json!(odd))
    );
    assert_eq!(all.event().await.1.as_deref(), Some("e2"));
}

#[tokio::test]
async fn who_reads_too_slowly_is_told_how_much_is_missing() {
    let node = Node::new().await;
    let bob = join(&node, "bob").await;
    let mut all = Told::open(&node.router, "", None).await.unwrap();
    for number in 0..1_010 {
        tell(
            &node,
            event("bob", &bob, "agent:bob", &format!("e{number}")),
        )
        .await;
    }
    assert_eq!(
        all.event().await,
        ("gap".to_owned(), None, json!({"missed": 10}))
    );
    assert_eq!(all.event().await.1.as_deref(), Some("e10"));
}

/// Caught: to let whoever shows nothing follow everything; to take any pattern for one.
#[tokio::test]
async fn a_stream_is_for_whom_it_is_for() {
    let node = Node::new().await;
    let alice = join(&node, "alice").await;
    let token = AdminToken::new(TOKEN).unwrap();
    let guarded = router(ServerState {
        authority: Authority::new(node.state.access.listen, Some(token)),
        ..node.state.clone()
    });
    for (query, bearer, status) in [
        ("", None, 401),
        ("", Some(&*alice), 401),
        ("", Some(TOKEN), 200),
        ("agent_id=alice", None, 401),
        ("agent_id=alice", Some(TOKEN), 401),
        ("agent_id=bob", Some(&*alice), 401),
        ("agent_id=alice", Some(&*alice), 200),
        ("pattern=a*b", Some(TOKEN), 422),
        ("pattern=", Some(TOKEN), 422),
        ("patern=a", Some(TOKEN), 422),
    ] {
        let opened = Told::open(&guarded, query, bearer).await;
        let got = opened.err().unwrap_or(OK);
        assert_eq!(got, status, "{query} {bearer:?}");
    }
    let wrong = node.send(asked("pattern=a*b", None)).await;
    assert!(wrong.detail().contains("`wiki.*`"), "{}", wrong.detail());
    let stranger = node.send(asked("agent_id=x", None)).await;
    assert_eq!(stranger.header("www-authenticate"), Some("Bearer"));

    let limits = Limits {
        streams: 0,
        ..Limits::default()
    };
    let full = Node::with(limits, Admission::Permissive).await;
    assert_eq!(full.send(asked("", None)).await.status, 503);
}

use crate::harness::{DEADLINE, Node, OK, Order, request, with_header};
use axum::body::Body;
use axum::http::{Method, Response};
use futures::StreamExt;
use hotbed_registry::Retention;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

const CHANGES: &str = "/api/v1/changes";

fn told(log: &Value) -> Vec<(&str, u64, &str)> {
    let changes = log["changes"].as_array().unwrap().iter();
    changes
        .map(|c| {
            (
                c["id"].as_str().unwrap(),
                c["revision"].as_u64().unwrap(),
                c["kind"].as_str().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn the_log_tells_what_happened_after_a_revision() {
    let node = Node::new().await;
    node.bot("a").await;
    node.bot("a").await;
    node.post_nothing("/api/v1/bots/a/deactivate").await;
    node.delete("/api/v1/bots/a").await;
    let log = node
        .get("/api/v1/changes?collection=bots&after=0")
        .await
        .json();
    assert_eq!(
        told(&log),
        [
            ("a", 1, "created"),
            ("a", 2, "updated"),
            ("a", 3, "deactivated"),
            ("a", 4, "deleted")
        ]
    );
    assert_eq!((&log["next"], &log["head"]), (&json!(4), &json!(4)));
    let at = log["changes"][0]["at"].as_str().unwrap();
    assert_eq!((at.len(), &at[26..]), (32, "+00:00"));

    let page = node.get("/api/v1/changes?after=1&limit=2").await.json();
    assert_eq!(
        (told(&page).len(), &page["next"], &page["head"]),
        (2, &json!(3), &json!(4))
    );
    let now = node.get(CHANGES).await.json();
    assert_eq!(
        (told(&now).len(), &now["next"]),
        (0, &json!(4)),
        "without a cursor it begins now"
    );
    assert_eq!(
        node.get("/api/v1/changes?collection=mods").await.status,
        404
    );
}

#[tokio::test]
async fn a_long_poll_wakes_for_a_change() {
    let node = Node::new().await;
    let poll = node.get("/api/v1/changes?after=0&wait=60");
    let write = async {
        tokio::task::yield_now().await;
        node.bot("a").await
    };
    let (log, _) = timeout(DEADLINE, async { tokio::join!(poll, write) })
        .await
        .expect("the poll wakes");
    assert_eq!(told(&log.json()), [("a", 1, "created")]);
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_ends_empty_when_its_time_is_up_and_read_the_log_once() {
    let node = Node::new().await;
    node.state.hot_reload.sync().await.unwrap();
    let (begun, reads) = (tokio::time::Instant::now(), node.backend.log_reads());
    let log = node.get("/api/v1/changes?after=0&wait=2").await;
    assert_eq!((log.status, told(&log.json()).len()), (OK, 0));
    assert_eq!(begun.elapsed().as_secs(), 2);
    let reads = node.backend.log_reads() - reads;
    assert!(reads <= 3, "an idle watcher read the log {reads} times");
}

#[tokio::test]
async fn a_cursor_that_is_too_old_or_of_another_registry_is_gone() {
    let node = Node::new().await;
    for _ in 0..5 {
        node.bot("a").await;
    }
    let keep = Retention {
        entries: 2,
        age: Duration::from_hours(1),
        ..Retention::default()
    };
    hotbed_registry::RegistryBackend::compact(&*node.backend, keep)
        .await
        .unwrap();
    for after in [0, 99] {
        let gone = node.get(&format!("/api/v1/changes?after={after}")).await;
        assert_eq!(gone.status, 410);
        assert_eq!(
            (&gone.json()["oldest"], &gone.json()["head"]),
            (&json!(4), &json!(5))
        );
        let mut stream = Stream::open(&node, &format!("after={after}"), None).await;
        let last = stream.next().await.unwrap();
        let lines: Vec<_> = last.lines().collect();
        assert!(lines.contains(&"event: compacted"), "{last}");
        assert!(lines.contains(&r#"data: {"oldest":4,"head":5}"#), "{last}");
        assert!(lines.contains(&"id: 5"), "{last}");
        assert_eq!(stream.next().await, None, "it ends");
    }
}

/// A browser comes back with the last id that it was told: where that is one which the log does not know, it would be
/// refused, and come back, for ever.
#[tokio::test]
async fn a_browser_that_knew_another_registry_is_refused_once() {
    let node = Node::new().await;
    let mut stream = Stream::open(&node, "", Some("500")).await;
    let only = stream.next().await.unwrap();
    assert!(
        only.contains("event: compacted") && only.contains("id: 0"),
        "{only}"
    );
    assert_eq!(stream.next().await, None);
    let mut again = Stream::open(&node, "", Some("0")).await;
    assert!(again.next().await.unwrap().contains("id: 0"));
    node.bot("a").await;
    assert_eq!(again.change().await.0, 1);
}

/// A stream of server-sent events, event by event.
pub(crate) struct Stream {
    body: axum::body::BodyDataStream,
    buffer: String,
}

impl Stream {
    pub(crate) async fn open(node: &Node, query: &str, last_event_id: Option<&str>) -> Self {
        let get = with_header(
            request(Method::GET, &format!("{CHANGES}?{query}")),
            "accept",
            "text/event-stream",
        );
        let get = match last_event_id {
            Some(id) => with_header(get, "last-event-id", id),
            None => get,
        };
        let response: Response<Body> = node.open(get).await;
        assert_eq!(response.status().as_u16(), OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body().into_data_stream(),
            buffer: String::new(),
        }
    }

    pub(crate) async fn next(&mut self) -> Option<String> {
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

    /// The next change: its id as an event, and its data.
    pub(crate) async fn change(&mut self) -> (u64, Value) {
        let event = self.next().await.expect("the stream goes on");
        let field = |name| {
            event
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap_or_else(|| panic!("{event}"))
        };
        assert_eq!(field("event: "), "change");
        (
            field("id: ").parse().unwrap(),
            serde_json::from_str(field("data: ")).unwrap(),
        )
    }
}

#[tokio::test]
async fn a_stream_tells_each_change_once_and_goes_on_where_it_was_cut() {
    let node = Node::new().await;
    node.bot("a").await;
    let mut stream = Stream::open(&node, "after=0", None).await;
    assert!(
        stream.next().await.unwrap().contains("id: 0"),
        "the first thing told is where it begins"
    );
    let (id, change) = stream.change().await;
    assert_eq!((id, &change["kind"]), (1, &json!("created")));
    node.bot("b").await;
    assert_eq!(stream.change().await.0, 2);
    drop(stream);

    node.bot("c").await;
    node.delete("/api/v1/bots/c").await;
    let mut resumed = Stream::open(&node, "after=0", Some("2")).await;
    resumed.next().await;
    assert_eq!(
        resumed.change().await.0,
        3,
        "Last-Event-ID weighs more than after"
    );
    let (id, change) = resumed.change().await;
    assert_eq!(
        (id, &change["id"], &change["kind"]),
        (4, &json!("c"), &json!("deleted"))
    );
}

#[tokio::test]
async fn a_stream_without_a_cursor_begins_now() {
    let node = Node::new().await;
    node.bot("a").await;
    let mut stream = Stream::open(&node, "", None).await;
    assert!(stream.next().await.unwrap().contains("id: 1"));
    node.bot("b").await;
    assert_eq!(stream.change().await.1["id"], "b");
}

#[tokio::test]
async fn watchers_end_when_the_server_does() {
    let node = Node::new().await;
    let mut stream = Stream::open(&node, "", None).await;
    stream.next().await;
    let poll = node.get("/api/v1/changes?wait=60");
    let end = async {
        tokio::task::yield_now().await;
        node.state.shutdown.cancel();
    };
    let (log, ()) = timeout(DEADLINE, async { tokio::join!(poll, end) })
        .await
        .expect("the poll ends");
    assert_eq!(log.status, OK);
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn a_stream_that_loses_its_registry_says_so_and_ends() {
    let node = Node::new().await;
    let mut stream = Stream::open(&node, "", None).await;
    stream.next().await;
    node.bot("a").await;
    assert_eq!(stream.change().await.0, 1);
    // The next write is heard of, and cannot be read.
    node.bot("a").await;
    node.state.hot_reload.sync().await.unwrap();
    node.backend.turn(Order::Fails);
    let last = stream.next().await.unwrap();
    assert!(
        last.contains("event: error")
            && last.contains("\"status\":503")
            && !last.contains("secret"),
        "{last}"
    );
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn a_malformed_cursor_is_refused() {
    let node = Node::new().await;
    let stream = with_header(request(Method::GET, CHANGES), "accept", "text/event-stream");
    assert_eq!(
        node.send(with_header(stream, "last-event-id", "x"))
            .await
            .status,
        400
    );
    assert_eq!(node.get("/api/v1/changes?after=x").await.status, 422);
    let unacceptable = with_header(request(Method::GET, CHANGES), "accept", "image/png");
    assert_eq!(node.send(unacceptable).await.status, 406);
}

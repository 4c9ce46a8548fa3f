//! Promise 1 across routes: what one answer has told, the next one knows.

use crate::changes::Stream;
use crate::harness::{Node, OK, Order, request, with_header, with_json};
use axum::http::Method;
use serde_json::json;

/// Two nodes on one registry; `b` has a bot `z` in memory that `a` has changed since, which nobody has told `b`.
async fn unaware() -> (Node, Node) {
    let a = Node::new().await;
    a.bot("z").await;
    let b = a.beside().await;
    assert_eq!(b.chat("z").await, Ok(1));
    assert_eq!(a.bot("z").await, 2);
    assert_eq!(b.chat("z").await, Ok(1), "b polls once an hour");
    (a, b)
}

#[tokio::test]
async fn whoever_was_shown_a_revision_is_not_served_an_older_one() {
    let conditional = |method: Method, tag: &str| {
        let put = with_json(method, "/api/v1/bots/z", r#"{"config": {}}"#);
        with_header(put, "if-match", tag)
    };
    let get = |path: &str| request(Method::GET, path);
    let ways = [
        (get("/api/v1/bots/z"), OK),
        (
            with_header(get("/api/v1/bots/z"), "if-none-match", "\"2\""),
            304,
        ),
        (get("/api/v1/configs"), OK),
        (get("/api/v1/bots?limit=5"), OK),
        (get("/api/v1/bots?sort=updated_at"), OK),
        (
            with_header(get("/api/v1/bots"), "if-none-match", "\"2\""),
            304,
        ),
        (get("/api/v1/changes?after=1"), OK),
        (conditional(Method::PUT, "\"1\""), 412),
        (conditional(Method::PUT, "\"1\", \"7\""), 412),
        (conditional(Method::DELETE, "\"1\""), 412),
        (request(Method::POST, "/api/v1/bots/z/activate"), OK),
    ];
    for (way, status) in ways {
        let shown = format!("{} {} {:?}", way.method(), way.uri(), way.headers());
        let (_a, b) = unaware().await;
        assert_eq!(b.send(way).await.status, status, "{shown}");
        assert_eq!(b.chat("z").await, Ok(2), "{shown}");
    }
}

#[tokio::test]
async fn whoever_was_told_that_a_bot_is_gone_does_not_meet_it() {
    let get = |path: &str| request(Method::GET, path);
    let post = |path: &str| request(Method::POST, path);
    let ways = [
        (get("/api/v1/bots/z"), 404),
        (get("/api/v1/bots"), OK),
        (get("/api/v1/changes?after=1"), OK),
        (post("/api/v1/bots/z/deactivate"), 404),
        (post("/api/v1/configs/z/activate"), 404),
        (request(Method::DELETE, "/api/v1/bots/z"), 404),
        (
            with_header(
                with_json(Method::PUT, "/api/v1/bots/z", r#"{"config": {}}"#),
                "if-match",
                "*",
            ),
            412,
        ),
    ];
    for (way, status) in ways {
        let shown = format!("{} {}", way.method(), way.uri());
        let (a, b) = unaware().await;
        a.delete("/api/v1/bots/z").await;
        assert_eq!(b.send(way).await.status, status, "{shown}");
        assert_eq!(b.chat("z").await, Err(404), "{shown}");
    }
}

#[tokio::test]
async fn whoever_was_told_that_a_bot_is_gone_is_not_told_that_it_is_out_of_service() {
    let a = Node::new().await;
    a.bot("z").await;
    a.post_nothing("/api/v1/bots/z/deactivate").await;
    let b = a.beside().await;
    assert_eq!(b.chat("z").await, Err(409));
    a.delete("/api/v1/bots/z").await;
    assert_eq!(b.get("/api/v1/bots/z").await.status, 404);
    assert_eq!(b.chat("z").await, Err(404));
}

/// The fleet under faults met this: its instance was being built when the bot was deleted elsewhere.
#[tokio::test]
async fn whoever_was_told_that_a_bot_is_gone_does_not_meet_one_that_was_read_before() {
    let a = Node::new().await;
    a.bot("z").await;
    let b = a.beside().await;
    let answer = b.backend.hold_next_answer();
    let first = async {
        let met = b.chat("z").await;
        assert!(matches!(met, Ok(1) | Err(404)), "it asked in time: {met:?}");
    };
    let then = async {
        while !b.backend.holds_an_answer() {
            tokio::task::yield_now().await;
        }
        a.delete("/api/v1/bots/z").await;
        assert_eq!(b.get("/api/v1/bots/z").await.status, 404);
        let (met, ()) = tokio::join!(b.chat("z"), async { answer.add_permits(1) });
        assert_eq!(met, Err(404));
    };
    tokio::join!(first, then);
}

#[tokio::test]
async fn whoever_was_told_that_a_bot_is_there_meets_it() {
    for path in ["/api/v1/bots/z", "/api/v1/bots/z/instance", "/api/v1/bots"] {
        let a = Node::new().await;
        let b = a.beside().await;
        assert_eq!(b.chat("z").await, Err(404));
        a.bot("z").await;
        assert_eq!(b.get(path).await.status, OK, "{path}");
        assert_eq!(b.chat("z").await, Ok(1), "{path}");
    }
}

#[tokio::test]
async fn a_stream_tells_nothing_that_its_node_does_not_know() {
    let (a, b) = unaware().await;
    let mut lagging = Stream::open(&b, "after=0", None).await;
    lagging.next().await;
    assert_eq!(lagging.change().await.0, 1);
    // Told by a log that was read for another reason.
    a.bot("z").await;
    b.get("/api/v1/bots/z").await;
    assert_eq!(lagging.change().await.0, 2);
    assert_eq!(lagging.change().await.0, 3);
    assert_eq!(b.chat("z").await, Ok(3));
}

#[tokio::test]
async fn a_node_that_is_up_to_date_reads_no_log_to_say_so() {
    let (_a, b) = unaware().await;
    b.get("/api/v1/bots/z").await;
    let before = b.backend.log_reads();
    for path in [
        "/api/v1/bots/z",
        "/api/v1/bots",
        "/api/v1/bots/nobody",
        "/api/v1/bots/z/instance",
    ] {
        b.get(path).await;
    }
    assert_eq!(b.backend.log_reads(), before);
}

#[tokio::test]
async fn a_log_that_cannot_be_read_keeps_no_registration_back() {
    let (_a, b) = unaware().await;
    b.backend.turn(Order::LogFails);
    let read = b.get("/api/v1/bots/z").await;
    assert_eq!((read.status, &read.json()["revision"]), (OK, &json!(2)));
    assert_eq!(b.chat("z").await, Ok(2), "not served an older one for that");
    assert_eq!(b.get("/api/v1/bots").await.status, OK);
}

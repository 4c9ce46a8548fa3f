//! Nothing is concluded from what an answer lacks.

use crate::hostile_server::{Asked, HostileServer, Reply};
use crate::hotbed::{bots_of, store_at};
use hotbed_registry::{
    Changes, Draft, Error, Id, PortableConfig, Precondition, Query, RegistryBackend, Revision,
};
use serde_json::{Map, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

const DEADLINE: Duration = Duration::from_secs(30);
const HEADERS: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

fn two() -> String {
    json!({"items": [
        {"bot_id": "a", "config": {"n": 1}, "status": "active", "metadata": {}},
        {"bot_id": "b", "config": {"n": 1}, "status": "active", "metadata": {}},
    ]})
    .to_string()
}

/// As a service answers that keeps two registrations, and is no hotbed.
fn good(asked: &Asked) -> Reply {
    if asked.head.starts_with("GET /api/configs ") {
        Reply::json(&two())
    } else {
        Reply::whole(
            "404 Not Found",
            "application/json",
            r#"{"detail":"Not Found"}"#,
        )
    }
}

async fn opened(server: &HostileServer, options: &str) -> Arc<dyn RegistryBackend> {
    bots_of(&store_at(server.port, "/api", options).await).await
}

fn id(name: &str) -> Id {
    Id::new(name).unwrap()
}

/// Answers to a request for a list that are none.
#[expect(clippy::too_many_lines, reason = "one list of all that is tried")]
fn no_lists() -> Vec<(&'static str, Reply)> {
    let body = two();
    let half = &body[..body.len() / 2];
    let whole = body.len();
    let with = |headers: &str, body: &str| {
        Reply::Bytes(format!("{HEADERS}{headers}\r\n{body}").into_bytes())
    };
    vec![
        ("an empty object", Reply::json("{}")),
        ("no items", Reply::json(r#"{"items": null}"#)),
        ("items that are no list", Reply::json(r#"{"items": {}}"#)),
        ("null", Reply::json("null")),
        (
            "an error with status 200",
            Reply::json(r#"{"detail": "database is down"}"#),
        ),
        (
            "a page of a list",
            Reply::json(r#"{"items": [], "next": "x"}"#),
        ),
        (
            "part of a total",
            Reply::json(r#"{"items": [], "total": 2}"#),
        ),
        ("nothing", Reply::json("")),
        (
            "a page for people",
            Reply::whole("200 OK", "text/html", "<html>Welcome</html>"),
        ),
        (
            "a list that calls itself a page",
            Reply::whole("200 OK", "text/html", "[]"),
        ),
        (
            "no content",
            Reply::bytes("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"),
        ),
        (
            "not modified, though nobody asked",
            Reply::bytes("HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n"),
        ),
        (
            "not found",
            Reply::whole(
                "404 Not Found",
                "application/json",
                r#"{"detail": "Not Found"}"#,
            ),
        ),
        ("gone", Reply::whole("410 Gone", "application/json", "[]")),
        (
            "no access",
            Reply::whole("403 Forbidden", "application/json", "[]"),
        ),
        (
            "elsewhere",
            Reply::bytes(
                "HTTP/1.1 302 Found\r\nlocation: /login?token=secret\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]",
            ),
        ),
        (
            "broken",
            Reply::whole("500 Internal Server Error", "application/json", "[]"),
        ),
        (
            "down",
            Reply::whole("503 Service Unavailable", "application/json", "[]"),
        ),
        ("half a document", Reply::json(half)),
        (
            "half of the length",
            with(&format!("content-length: {whole}\r\n"), half),
        ),
        (
            "more than the length",
            with("content-length: 40\r\n", &body),
        ),
        (
            "half of the chunks",
            with(
                "transfer-encoding: chunked\r\n",
                &format!("{:x}\r\n{half}\r\n", half.len()),
            ),
        ),
        (
            "a chunk cut short",
            with(
                "transfer-encoding: chunked\r\n",
                &format!("{whole:x}\r\n{half}"),
            ),
        ),
        (
            "half until the end of the connection",
            with("connection: close\r\n", half),
        ),
        ("no answer", Reply::Nothing),
        ("no HTTP", Reply::bytes("+OK ready\r\n")),
        (
            "half of the headers",
            Reply::bytes("HTTP/1.1 200 OK\r\ncontent-ty"),
        ),
        (
            "a length beyond all bounds",
            with("content-length: 99999999999\r\n", "["),
        ),
        (
            "more than there is room for",
            Reply::Endless(format!("{HEADERS}\r\n[").into_bytes(), vec![b' '; 1 << 20]),
        ),
        (
            "one byte at a time",
            Reply::Drip(
                format!("{HEADERS}\r\n{body}").into_bytes(),
                Duration::from_millis(50),
            ),
        ),
        ("silence", Reply::Silence),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_plainly_a_whole_list_never_reads_as_deleted() {
    // One after another, for making a client takes a while; then all at once, for some answers do.
    let mut opened_before = Vec::new();
    for (what, reply) in no_lists() {
        let server = HostileServer::start(good).await;
        let it = opened(&server, "timeout=2").await;
        let head = it.head().await.unwrap();
        opened_before.push((what, reply, server, it, head));
    }
    let mut cases = tokio::task::JoinSet::new();
    for (what, reply, server, it, head) in opened_before {
        cases.spawn(async move {
            server.answer(move |_| reply.clone());
            let began = Instant::now();
            let refused = it.head().await.unwrap_err();
            assert!(
                matches!(refused, Error::Unavailable { .. }),
                "{what}: {refused}"
            );
            assert!(!refused.to_string().contains("secret"), "{what}: {refused}");
            assert!(began.elapsed() < DEADLINE, "{what}: {:?}", began.elapsed());
            server.answer(good);
            // It may be that nobody asks for a moment, after so many failures.
            let back = timeout(DEADLINE, async {
                loop {
                    if let Ok(log) = it.changes(head, 10).await {
                        return log;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
            let nothing = Changes::Log {
                changes: Vec::new(),
                head,
            };
            assert_eq!(back.await.expect(what), nothing, "{what}");
            assert_eq!(it.count(&Query::default()).await.unwrap(), 2, "{what}");
        });
    }
    cases.join_all().await;
}

#[tokio::test]
async fn what_is_not_plainly_a_registration_never_reads_as_absent() {
    for (what, reply) in [
        ("an empty object", Reply::json("{}")),
        (
            "another registration",
            Reply::json(r#"{"bot_id": "b", "config": {}}"#),
        ),
        ("no config", Reply::json(r#"{"bot_id": "a"}"#)),
        (
            "a page for people",
            Reply::whole("200 OK", "text/html", "<html>"),
        ),
        (
            "a page that says that there is no page",
            Reply::whole("404 Not Found", "text/html", "<html>"),
        ),
        (
            "elsewhere",
            Reply::bytes(
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/x\r\ncontent-length: 0\r\n\r\n",
            ),
        ),
        (
            "no content",
            Reply::bytes("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"),
        ),
    ] {
        let server = HostileServer::start(good).await;
        let it = opened(&server, "").await;
        let head = it.head().await.unwrap();
        server.answer(move |asked| {
            if asked.head.starts_with("GET /api/configs/a ") {
                reply.clone()
            } else {
                good(asked)
            }
        });
        assert!(it.get(&id("a")).await.is_err(), "{what}");
        assert_eq!(it.head().await.unwrap(), head, "{what}");
    }
}

#[tokio::test]
async fn a_hotbed_that_answers_nonsense_is_not_believed_either() {
    let heads = r#"{"items": [], "next": null, "head": 7}"#;
    let server = HostileServer::start(move |_| Reply::json(heads)).await;
    let it = opened(&server, "peer=hotbed").await;
    assert_eq!(it.head().await.unwrap(), Revision(7));
    for (what, reply) in no_lists() {
        let takes_long = matches!(reply, Reply::Drip(..) | Reply::Silence | Reply::Endless(..));
        // Those are of the wire, which all share; and a hotbed has no total.
        if takes_long || what == "part of a total" {
            continue;
        }
        let server = HostileServer::start(move |_| Reply::json(heads)).await;
        let it = opened(&server, "peer=hotbed&timeout=2").await;
        server.answer(move |_| reply.clone());
        assert!(it.list(&Query::default()).await.is_err(), "{what}: a list");
        assert!(it.heads(None, 10).await.is_err(), "{what}: heads");
        assert!(it.changes(Revision(7), 10).await.is_err(), "{what}: a log");
        assert!(it.get(&id("a")).await.is_err(), "{what}: a registration");
        assert!(
            it.count(&Query::default()).await.is_err(),
            "{what}: a count"
        );
    }
    let gap = r#"{"changes": [{"id": "a", "revision": 9, "kind": "updated", "at": "2026-01-02T03:04:05Z"}], "next": 9, "head": 9}"#;
    server.answer(move |_| Reply::json(gap));
    let refused = it.changes(Revision(7), 10).await.unwrap_err().to_string();
    assert!(refused.contains("a gap after revision 7"), "{refused}");
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let target = HostileServer::start(good).await;
    let there = target.port;
    let server = HostileServer::start(move |_| {
        let location = format!("http://user:secret@127.0.0.1:{there}/api/configs?key=secret");
        Reply::bytes(&format!(
            "HTTP/1.1 308 Permanent Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        ))
    })
    .await;
    let store = store_at(server.port, "/api", "peer=service").await;
    let opened = store
        .collection(&hotbed_registry::CollectionName::bots())
        .await;
    let refused = opened.unwrap_err().to_string();
    assert!(
        refused.contains(&format!(
            "sends elsewhere, to http://127.0.0.1:{there}/api/configs,"
        )),
        "{refused}"
    );
    assert!(!refused.contains("secret"), "{refused}");
    assert_eq!(target.asked(), 0);
}

#[tokio::test]
async fn a_service_that_fails_all_the_time_is_left_alone_and_found_again() {
    let server = HostileServer::start(good).await;
    let it = opened(&server, "").await;
    let head = it.head().await.unwrap();
    server.answer(|_| Reply::whole("500 Internal Server Error", "text/plain", "boom"));
    let before = server.asked();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        it.head().await.unwrap_err();
        tokio::task::yield_now().await;
    }
    let asked = server.asked() - before;
    assert!((8..30).contains(&asked), "{asked} requests");
    let refused = it.head().await.unwrap_err().to_string();
    assert!(refused.contains("it failed so often"), "{refused}");
    server.answer(good);
    let found = timeout(DEADLINE, async {
        loop {
            match it.head().await {
                Ok(head) => return head,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    });
    assert_eq!(found.await.expect("it is asked again"), head);
}

#[tokio::test]
async fn a_read_that_fails_once_is_read_again() {
    let server = HostileServer::start(good).await;
    let it = opened(&server, "").await;
    it.head().await.unwrap();
    for failure in [
        Reply::Nothing,
        Reply::whole("503 Service Unavailable", "text/plain", ""),
        Reply::bytes("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n["),
    ] {
        let first = std::sync::atomic::AtomicBool::new(true);
        server.answer(move |asked| {
            if first.swap(false, std::sync::atomic::Ordering::SeqCst) {
                failure.clone()
            } else {
                good(asked)
            }
        });
        it.head().await.expect("the second attempt succeeds");
    }
}

#[tokio::test]
async fn a_write_whose_answer_is_nonsense_is_looked_after() {
    let written = r#"{"bot_id": "a", "config": {"n": 2}, "status": "active", "metadata": {}}"#;
    let draft = || Draft {
        metadata: Some(Map::new()),
        ..Draft::active(PortableConfig::from_value(json!({"n": 2})).unwrap())
    };
    for (reply, is_done) in [
        (Reply::json("{}"), true),
        (
            Reply::bytes("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"),
            true,
        ),
        (
            Reply::bytes("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"),
            true,
        ),
        (
            Reply::bytes("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"),
            false,
        ),
        (
            Reply::whole("500 Internal Server Error", "text/plain", ""),
            false,
        ),
    ] {
        let put = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let server = HostileServer::start(good).await;
        let it = opened(&server, "").await;
        it.head().await.unwrap();
        let (seen, is_put) = (Arc::clone(&put), is_done);
        let answer = reply.clone();
        server.answer(move |asked| {
            if asked.head.starts_with("PUT ") {
                seen.store(is_put, std::sync::atomic::Ordering::SeqCst);
                answer.clone()
            } else if seen.load(std::sync::atomic::Ordering::SeqCst) {
                Reply::json(written)
            } else {
                Reply::json(
                    r#"{"bot_id": "a", "config": {"n": 1}, "status": "active", "metadata": {}}"#,
                )
            }
        });
        let outcome = it.put(&id("a"), draft(), Precondition::Present).await;
        match outcome {
            Ok(done) => {
                assert!(is_done, "{reply:?}");
                assert_eq!((done.version, done.config.get("n")), (2, Some(&json!(2))));
            }
            Err(error) => {
                assert!(!is_done, "{reply:?}: {error}");
                let error = error.to_string();
                assert!(
                    error.contains("whether it was done is not known"),
                    "{error}"
                );
            }
        }
    }
}

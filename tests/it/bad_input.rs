//! Requests that no well-behaved client sends, byte by byte.

use crate::harness::{Launch, Node, echo, raw};
use serde_json::Value;

/// Methods, and what follows `/api/v1`.
fn hostile_targets() -> Vec<(&'static str, Vec<u8>)> {
    let long = format!("/bots/{}", "x".repeat(10 << 10));
    let ids: Vec<Vec<u8>> = [
        "",
        "/",
        ".",
        "..",
        "../",
        "%2e",
        "%2e%2e",
        "%2E%2E%2f",
        "../../etc/passwd",
        "%00",
        "a%00b",
        "%2F",
        "%2f%2f",
        "a%2Fb",
        "/x",
        "x/",
        "x//chat",
        "%ff",
        "%c3%28",
        "%ed%a0%80",
        "%",
        "%zz",
        "%2",
        "%0a",
        "%0d%0aX:%20y",
        "%7f",
        "?x",
        "?clear=true",
        "?id=b",
        "b?cascade=true",
        "..;/b",
        "b%3Fx=1",
    ]
    .into_iter()
    .map(str::as_bytes)
    .map(Vec::from)
    .collect();
    let mut targets = Vec::new();
    for method in ["GET", "PUT", "DELETE", "POST"] {
        for collection in ["/bots/", "/configs/"] {
            for id in &ids {
                targets.push((method, [collection.as_bytes(), id].concat()));
            }
        }
        targets.push((method, long.clone().into_bytes()));
        targets.push((method, b"/bots/\xff\xfe".to_vec()));
    }
    for method in ["PUT", "DELETE", "PATCH", "CLEAR"] {
        for path in [
            "/configs",
            "/bots",
            "/bots?confirm=yes",
            "",
            "/",
            "/../bots",
        ] {
            targets.push((method, path.into()));
        }
    }
    targets
}

async fn send(node: &Node, method: &str, path: &[u8], body: &str) -> (u16, String) {
    let head = format!(
        " HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        node.address(),
        body.len()
    );
    raw(
        node,
        &[method.as_bytes(), b" /api/v1", path, head.as_bytes()].concat(),
    )
    .await
}

/// A well-known disaster: clients that delete the id `""`, `.` or `?x`, and a server that takes it for everything.
#[tokio::test]
async fn a_hostile_path_changes_nothing_and_is_refused_with_a_reason() {
    let node = Launch::new().start().await;
    node.put_bot("b", "p").await;
    node.put_bot("x", "p").await;
    let before = node.get("/api/v1/bots").await.expect(200).text;
    let head = node.head().await;
    let body = echo("hostile").to_string();
    for (method, path) in hostile_targets() {
        // Whether a read is of the list or of nothing, it is no danger.
        let shown = format!("{method} {:.200}", String::from_utf8_lossy(&path));
        let (status, answer) = send(&node, method, &path, &body).await;
        let is_read_of_what_there_is = method == "GET" && status == 200;
        if !is_read_of_what_there_is {
            assert!((400..500).contains(&status), "{shown}: {answer}");
            assert_reason(&shown, &answer);
        }
        assert_eq!(
            node.head().await,
            head,
            "{shown} changed something: {answer}"
        );
    }
    assert_eq!(node.get("/api/v1/bots").await.expect(200).text, before);
    node.terminate().await;
}

/// A problem document, but for what the HTTP layer refuses before it is a request.
fn assert_reason(shown: &str, answer: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    if body.is_empty() {
        assert!(head.starts_with("HTTP/1.1 400 "), "{shown}: {answer}");
        return;
    }
    assert!(
        head.contains("content-type: application/problem+json"),
        "{shown}: {answer}"
    );
    let problem: Value = serde_json::from_str(body).unwrap();
    assert!(!problem["detail"].as_str().unwrap().is_empty(), "{shown}");
}

#[tokio::test]
async fn a_hostile_body_changes_nothing_and_is_refused_with_its_place() {
    let node = Launch::new()
        .arg("--max-body-bytes", "100000")
        .start()
        .await;
    node.put_bot("b", "p").await;
    let head = node.head().await;
    let deep = format!("{{\"config\": {}{}}}", "[".repeat(400), "]".repeat(400));
    let deep_object = format!(
        "{{\"config\": {}1{}}}",
        "{\"a\":".repeat(400),
        "}".repeat(400)
    );
    let large = format!("{{\"config\": {{\"a\": \"{}\"}}}}", "x".repeat(100_000));
    for (body, status, words) in [
        ("", 400, "line 1"),
        ("null", 422, "expected an object that holds `config`"),
        ("[]", 422, "expected an object that holds `config`"),
        ("{}", 422, "config"),
        ("{\"config\": null}", 422, "config"),
        ("{\"config\": 1}", 422, "config"),
        ("{\"config\": []}", 422, "config"),
        ("{\"config\": {}, \"unknown\": 1}", 422, "unknown"),
        ("{\"config\": {}, \"status\": \"gone\"}", 422, "status"),
        ("{\"config\": {}, \"metadata\": []}", 422, "metadata"),
        ("{\"config\": {}", 400, "line 1"),
        (deep.as_str(), 400, "config[0][0]"),
        (deep_object.as_str(), 400, "config.a.a"),
        (large.as_str(), 413, "100000"),
    ] {
        let (given, answer) = send(&node, "PUT", b"/bots/b", body).await;
        let shown = format!("{body:.100}: {answer}");
        assert!((400..500).contains(&given), "{shown}");
        assert_eq!(given, status, "{shown}");
        assert_reason(body, &answer);
        assert!(answer.contains(words), "{words:?} is not in {shown}");
        assert_eq!(node.head().await, head, "{shown}");
    }
    node.terminate().await;
}

#[tokio::test]
async fn bytes_that_are_no_request_harm_nobody() {
    let node = Launch::new().start().await;
    node.put_bot("b", "p").await;
    for request in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nhost: 127.0.0.1\r\ncontent-length: -1\r\n\r\n",
        b"PUT /api/v1/bots/b HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let (status, answer) = raw(&node, request).await;
        assert!((400..500).contains(&status), "{answer}");
    }
    assert_eq!(node.chat("b", "hi").await.status, 200);
    assert_eq!(node.head().await, 1);
    node.terminate().await;
}

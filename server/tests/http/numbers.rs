//! What is read is what was written.

use crate::harness::{Node, OK, with_json};
use axum::http::Method;
use serde_json::{Value, json};

/// Members that are refused, and where and why.
const REFUSED: [(&str, &str); 10] = [
    (
        r#""config": {"n": 123456789012345678901234567890}"#,
        "123456789012345678901234567890 at line 1 column 18",
    ),
    (r#""config": {"n": 18446744073709551616}"#, "column 18"),
    (r#""config": {"n": -9223372036854775809}"#, "column 18"),
    (
        r#""config": {"n": [{"m": 1e400}]}"#,
        "1e400 at line 1 column 25",
    ),
    (r#""config": {"n": -1E+400}"#, "column 18"),
    (r#""config": {"n": 1e-400}"#, "column 18"),
    (
        r#""config": {}, "metadata": {"n": 99999999999999999999}"#,
        "99999999999999999999 at line 1 column 34",
    ),
    (
        r#""config": {"a": [{"b": 1, "b": 2}]}"#,
        "config.a[0].b: duplicate field `b`",
    ),
    (
        r#""config": {"a": 1, "\u0061": 2}"#,
        "config.a: duplicate field `a`",
    ),
    (
        r#""config": {}, "metadata": {"x": {"k": {}, "l": 1, "k": {}}}"#,
        "metadata.x.k: duplicate field `k`",
    ),
];

#[tokio::test]
async fn what_would_be_changed_by_being_read_is_refused_with_its_place() {
    let node = Node::new().await;
    node.bot("a").await;
    for (members, part) in REFUSED {
        let body = format!("{{{members}}}");
        let refused = node
            .send(with_json(Method::PUT, "/api/v1/bots/a", &body))
            .await;
        assert_eq!(refused.status, 422, "{body}");
        assert!(refused.detail().contains(part), "{}", refused.detail());
        assert!(refused.json()["place"]["line"].is_u64(), "{body}");
        let body = format!(r#"{{"bot_id": "b", {members}}}"#);
        let posted = node
            .send(with_json(Method::POST, "/api/v1/configs", &body))
            .await;
        assert_eq!(posted.status, 422, "{body}");
    }
    for body in [
        r#"{"message": "a", "message": "b"}"#,
        r#"{"message": 123456789012345678901234567890}"#,
    ] {
        let refused = node
            .send(with_json(Method::POST, "/api/v1/bots/a/chat", body))
            .await;
        assert_eq!(refused.status, 422, "{body}");
    }
    assert_eq!(node.head().await.0, 1, "nothing was written");
}

#[tokio::test]
async fn what_is_large_is_refused_for_the_same_reasons() {
    let node = Node::new().await;
    let text = "x".repeat(1 << 20);
    for member in ["1e400", r#"{"b": 1, "b": 2}"#] {
        let body = format!(r#"{{"config": {{"a": "{text}", "n": {member}}}}}"#);
        let refused = node
            .send(with_json(Method::PUT, "/api/v1/bots/a", &body))
            .await;
        assert_eq!(refused.status, 422, "{}", refused.detail());
    }
}

#[tokio::test]
async fn numbers_come_back_as_they_were_sent() {
    let node = Node::new().await;
    let numbers = "[0,18446744073709551615,-9223372036854775808,0.1,1e29,1.7976931348623157e308,5e-324,\
                   2.2204460492503131e-16,9007199254740993]";
    let body = format!(
        r#"{{"config": {{"n": {numbers}, "t": "1e400, 123456789012345678901234567890"}}}}"#
    );
    assert_eq!(
        node.send(with_json(Method::PUT, "/api/v1/bots/a", &body))
            .await
            .status,
        201
    );
    let read = node.get("/api/v1/bots/a").await.json();
    let expected: Value = serde_json::from_str(numbers).unwrap();
    assert_eq!(read["config"]["n"], expected);
    assert_eq!(read["config"]["n"][1], json!(u64::MAX));
    assert_eq!(read["config"]["n"][2], json!(i64::MIN));
}

#[tokio::test]
async fn a_filter_that_would_be_changed_by_being_read_is_refused() {
    let node = Node::new().await;
    let number = |number: &str| format!("/api/v1/bots?filter_metadata=%7B%22n%22:{number}%7D");
    assert_eq!(node.get(&number("18446744073709551615")).await.status, OK);
    assert_eq!(node.get(&number("18446744073709551616")).await.status, 422);
}

//! Long lists.

use crate::harness::{DEADLINE, Node, OK, request};
use axum::http::Method;
use futures::StreamExt;
use hotbed_registry::Admission;
use hotbed_server::Limits;
use serde_json::{Value, json};
use tokio::time::timeout;

async fn with_bots(count: usize) -> Node {
    let node = Node::new().await;
    for number in 0..count {
        let path = format!("/api/v1/bots/b{number:04}");
        node.put(
            &path,
            &json!({"config": {}, "metadata": {"even": number % 2 == 0}}),
        )
        .await;
    }
    node.backend.lists();
    node
}

fn ids(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| item["bot_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_long_list_is_one_document_that_is_read_in_pages() {
    let node = with_bots(700).await;
    let whole = node.get("/api/v1/bots?sort=bot_id").await;
    assert_eq!(node.backend.lists(), [None]);
    let paged = node.get("/api/v1/bots").await;
    assert_eq!(
        (
            paged.status,
            paged.header("content-type"),
            paged.header("etag")
        ),
        (OK, Some("application/json"), Some("\"700\""))
    );
    assert_eq!(paged.bytes, whole.bytes, "nobody can tell the difference");
    assert_eq!(
        node.backend.lists(),
        [Some(4), Some(200), Some(200), Some(200), Some(200)]
    );

    let some = node.get("/api/v1/bots?limit=300&after=b0099").await.json();
    let expected: Vec<_> = (100..400).map(|number| format!("b{number:04}")).collect();
    assert_eq!(ids(&some), expected);
    assert_eq!(some["next"], "b0399");
    let last = node.get("/api/v1/bots?limit=300&after=b0599").await.json();
    assert_eq!((ids(&last).len(), &last["next"]), (100, &Value::Null));
    let even = node
        .get("/api/v1/configs?filter_metadata=%7B%22even%22:true%7D")
        .await
        .json();
    assert_eq!(ids(&even).len(), 350);
    assert_eq!(
        node.send(request(Method::HEAD, "/api/v1/bots"))
            .await
            .status,
        OK
    );
}

#[tokio::test]
async fn a_list_of_any_length_is_complete() {
    for count in [0, 1, 3, 4, 5, 204, 205] {
        let node = with_bots(count).await;
        let list = node.get("/api/v1/bots").await.json();
        assert_eq!(ids(&list).len(), count);
        assert_eq!(list["next"], Value::Null);
    }
}

#[tokio::test]
async fn pages_of_large_registrations_are_short() {
    let node = Node::new().await;
    for number in 0..40 {
        let path = format!("/api/v1/bots/b{number:02}");
        node.put(&path, &json!({"config": {"a": "x".repeat(300 << 10)}}))
            .await;
    }
    node.backend.lists();
    assert_eq!(ids(&node.get("/api/v1/bots").await.json()).len(), 40);
    let limits = node.backend.lists();
    assert_eq!(limits[0], Some(4));
    assert!(
        limits[1..].iter().all(|limit| *limit == Some(3)),
        "{limits:?}"
    );
}

#[tokio::test]
async fn a_list_that_cannot_be_read_to_its_end_does_not_end() {
    let node = with_bots(100).await;
    node.backend.fail_lists_after(1);
    let answer = node.open(request(Method::GET, "/api/v1/bots")).await;
    assert_eq!(answer.status().as_u16(), OK);
    let mut pieces = answer.into_body().into_data_stream();
    let mut text = Vec::new();
    let error = loop {
        match timeout(DEADLINE, pieces.next()).await.unwrap().unwrap() {
            Ok(piece) => text.extend_from_slice(&piece),
            Err(error) => break error,
        }
    };
    assert!(!error.to_string().contains("secret"), "{error}");
    assert!(serde_json::from_slice::<Value>(&text).is_err());

    node.backend.fail_lists_after(0);
    assert_eq!(
        node.get("/api/v1/bots").await.status,
        503,
        "what fails at once is said"
    );
}

#[tokio::test]
async fn a_long_list_counts_as_a_stream_for_as_long_as_it_is_sent() {
    let limits = Limits {
        streams: 1,
        ..Limits::default()
    };
    let node = Node::with(limits, Admission::Permissive).await;
    for number in 0..40 {
        node.put(&format!("/api/v1/bots/{number}"), &json!({"config": {}}))
            .await;
    }
    let open = node.open(request(Method::GET, "/api/v1/bots")).await;
    let mut open = open.into_body().into_data_stream();
    open.next().await.unwrap().unwrap();
    assert_eq!(node.get("/api/v1/bots").await.status, 503);
    assert_eq!(node.get("/api/v1/bots?limit=4").await.status, OK);
    drop(open);
    assert_eq!(ids(&node.get("/api/v1/bots").await.json()).len(), 40);
}

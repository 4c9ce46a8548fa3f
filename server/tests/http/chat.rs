use crate::harness::{DEADLINE, Node, OK, with_header, with_json};
use axum::body::to_bytes;
use axum::http::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

const CHAT: &str = "/api/v1/bots/a/chat";

#[tokio::test]
async fn a_bot_answers_whole() {
    let node = Node::new().await;
    node.bot("a").await;
    let answer = node
        .post(CHAT, &json!({"message": "hello", "conversation_id": "c1"}))
        .await;
    assert_eq!(answer.status, OK);
    assert_eq!(answer.header("x-hotbed-revision"), Some("1"));
    assert_eq!(answer.header("x-hotbed-degraded"), None);
    let answer = answer.json();
    assert!(
        answer["reply"].as_str().unwrap().contains("hello"),
        "{answer}"
    );
    assert_eq!(
        (&answer["conversation_id"], &answer["revision"]),
        (&json!("c1"), &json!(1))
    );

    let fresh = node.post(CHAT, &json!({"message": "hello"})).await.json();
    assert!(!fresh["conversation_id"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn the_first_answer_after_a_write_is_of_the_new_revision() {
    let node = Node::new().await;
    for _ in 0..20 {
        let revision = node.bot("a").await;
        let answer = node.post(CHAT, &json!({"message": "hello"})).await;
        assert_eq!(answer.json()["revision"], revision);
    }
}

/// The events of a stream: their names and data.
fn events(text: &str) -> Vec<(String, Value)> {
    let field = |event: &str, name: &str| {
        event.lines().find_map(|line| {
            line.strip_prefix(name)
                .map(|rest| rest.trim_start_matches(": ").to_owned())
        })
    };
    let told = text.split("\n\n").filter(|event| event.contains("event:"));
    told.map(|event| {
        let data = serde_json::from_str(&field(event, "data").unwrap()).unwrap();
        (field(event, "event").unwrap(), data)
    })
    .collect()
}

#[tokio::test]
async fn a_bot_answers_piece_by_piece() {
    let node = Node::new().await;
    node.bot("a").await;
    let request = with_json(
        Method::POST,
        CHAT,
        r#"{"message": "hello there", "conversation_id": "c1"}"#,
    );
    let answer = node
        .send(with_header(request, "accept", "text/event-stream"))
        .await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (OK, Some("text/event-stream"))
    );
    let events = events(&String::from_utf8(answer.bytes).unwrap());
    let (done, deltas) = events.split_last().unwrap();
    assert!(!deltas.is_empty());
    assert!(deltas.iter().all(|(name, _)| name == "delta"));
    let pieces: String = deltas
        .iter()
        .map(|(_, data)| data["text"].as_str().unwrap())
        .collect();
    assert_eq!(done.0, "done");
    assert_eq!(
        done.1,
        json!({"reply": pieces, "conversation_id": "c1", "revision": 1})
    );
}

#[tokio::test]
async fn a_bot_that_is_replaced_while_it_speaks_speaks_on() {
    let node = Node::new().await;
    node.bot("a").await;
    let request = with_json(Method::POST, CHAT, r#"{"message": "hello"}"#);
    let response = node
        .open(with_header(request, "accept", "text/event-stream"))
        .await;
    node.bot("a").await;
    node.delete("/api/v1/bots/a").await;
    let bytes = timeout(DEADLINE, to_bytes(response.into_body(), usize::MAX))
        .await
        .unwrap()
        .unwrap();
    let events = events(std::str::from_utf8(&bytes).unwrap());
    assert_eq!(
        (
            events.last().unwrap().0.as_str(),
            &events.last().unwrap().1["revision"]
        ),
        ("done", &json!(1))
    );
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while node.state.bots.stats().instances > 0 {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the lease outlives the stream"
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_cannot_answer_says_why() {
    let node = Node::new().await;
    assert_eq!(
        node.post(CHAT, &json!({"message": "hello"})).await.status,
        404
    );
    node.bot("a").await;
    node.post_nothing("/api/v1/bots/a/deactivate").await;
    let inactive = node.post(CHAT, &json!({"message": "hello"})).await;
    assert_eq!(
        (inactive.status, &inactive.json()["revision"]),
        (409, &json!(2))
    );
    node.post_nothing("/api/v1/bots/a/activate").await;
    assert_eq!(
        node.post(CHAT, &json!({"message": "hello"})).await.status,
        OK
    );
}

#[tokio::test]
async fn a_message_that_is_no_message_is_refused_in_either_form() {
    let node = Node::new().await;
    node.bot("a").await;
    for (body, part) in [
        (json!({"message": ""}), "the message is empty"),
        (json!({"message": "x".repeat(70_000)}), "70000 bytes"),
        (json!({"message": 1}), "message: invalid type"),
        (json!({}), "missing field `message`"),
        (
            json!({"message": "a", "conversation": "c"}),
            "unknown field `conversation`",
        ),
        (
            json!({"message": "a", "conversation_id": "c d"}),
            "conversation_id: ",
        ),
    ] {
        for accept in ["application/json", "text/event-stream"] {
            let request = with_json(Method::POST, CHAT, &body.to_string());
            let refused = node.send(with_header(request, "accept", accept)).await;
            assert_eq!(refused.status, 422, "{body}");
            assert!(refused.detail().contains(part), "{}", refused.detail());
        }
    }
    let unacceptable = with_header(
        with_json(Method::POST, CHAT, r#"{"message": "a"}"#),
        "accept",
        "text/html",
    );
    assert_eq!(node.send(unacceptable).await.status, 406);
}

#[tokio::test]
async fn a_chat_notes_an_access() {
    let node = Node::new().await;
    node.bot("a").await;
    let reader = node.state.registry.reader();
    let id = hotbed_registry::Id::new("a").unwrap();
    let before = reader.peek(&id).await.unwrap().unwrap();
    node.post(CHAT, &json!({"message": "hello"})).await;
    reader.flush_accesses().await.unwrap();
    let after = reader.peek(&id).await.unwrap().unwrap();
    assert!(after.last_accessed_at > before.last_accessed_at);
    assert_eq!(after.revision, before.revision);
}

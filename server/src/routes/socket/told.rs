//! What an agent is told.

use hotbed_agents::StreamItem;
use serde::Serialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

#[derive(Serialize)]
struct Response<'a, A> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a Value>,
    #[serde(flatten)]
    answer: &'a A,
}

/// The answer to a request.
pub(super) fn response(request_id: Option<&Value>, answer: &impl Serialize) -> Message {
    message(&Response {
        r#type: "response",
        request_id,
        answer,
    })
}

/// Why a message was not understood.
pub(super) fn error(request_id: Option<&Value>, why: &str) -> Message {
    message(&Response {
        r#type: "error",
        request_id,
        answer: &json!({ "message": why }),
    })
}

/// What came to the agent.
pub(super) fn item(item: &StreamItem) -> Message {
    #[derive(Serialize)]
    struct Told<'a> {
        r#type: &'static str,
        event: &'a hotbed_agents::AgentEvent,
    }
    match item {
        StreamItem::Event(event) => message(&Told {
            r#type: "event",
            event,
        }),
        StreamItem::Gap { missed } => message(&json!({ "type": "gap", "missed": missed })),
    }
}

fn message(said: &impl Serialize) -> Message {
    let text = serde_json::to_string(said).expect("types on the wire are plain data");
    Message::text(text)
}

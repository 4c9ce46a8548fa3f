use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something to be answered by a bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object that holds `message`")]
#[schema(example = json!({"message": "Hello!", "conversation_id": "9a6d1b1e-6f0e-4b7c-8f0a-2f4f2b0c8a11"}))]
pub struct ChatRequest {
    /// What the person says: 1 byte to 64 KiB, not blank.
    pub message: String,
    /// The conversation to go on with, 1 to 128 visible ASCII characters; one that is not known is begun under this
    /// id. Without it a new one is begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
}

/// A whole answer. As a server-sent event it is called `done`, and nothing follows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "reply": "Hello to you.", "conversation_id": "9a6d1b1e-6f0e-4b7c-8f0a-2f4f2b0c8a11", "revision": 42
}))]
pub struct ChatReply {
    /// What the bot says.
    pub reply: String,
    /// The conversation it was said in: to be sent with the next message.
    pub conversation_id: String,
    /// The revision of the bot that answered.
    pub revision: u64,
}

/// The next piece of an answer: the data of the server-sent event `delta`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatDelta {
    /// The piece.
    pub text: String,
}

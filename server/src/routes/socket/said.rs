use crate::body::weigh;
use hotbed_agents::Claimed;
use hotbed_agents::Transport;
use hotbed_agents::wire::{EventRequest, RegisterRequest};
use serde::Deserialize;
use serde_json::Value;

/// What a message must be.
const SHAPE: &str =
    "a message is a JSON object with a `type`: register, resume, send_event, command or ping";

/// A message of an agent.
pub(super) struct Said {
    /// By what the agent tells answers from each other.
    pub(super) request_id: Option<Value>,
    /// What it wants, or why that cannot be understood: a text in which nothing of the message is repeated but the name of
    /// an event, for the rest may be a secret.
    pub(super) wish: Result<Wish, String>,
}

/// What an agent wants.
pub(super) enum Wish {
    Register(RegisterRequest),
    Resume(Resume),
    SendEvent(Box<EventRequest>),
    Command(Command),
    Ping,
}

/// To be heard again as an agent that is registered.
#[derive(Deserialize)]
pub(super) struct Resume {
    pub(super) agent_id: String,
    pub(super) secret: String,
}

/// A post with commands.
#[derive(Deserialize)]
pub(super) struct Command {
    pub(super) text: String,
    pub(super) channel: Option<String>,
}

/// What every message may have.
#[derive(Deserialize)]
struct Envelope {
    r#type: String,
    request_id: Option<Value>,
    secret: Option<Value>,
}

impl Said {
    /// Reads a message. Where an event says no secret, it is this one's.
    pub(super) fn read(text: &str, own: &Claimed) -> Self {
        match serde_json::from_str::<Envelope>(text) {
            Ok(envelope) => Self {
                wish: wish(text, &envelope, own),
                request_id: envelope.request_id,
            },
            Err(_) => Self {
                request_id: None,
                wish: Err(SHAPE.to_owned()),
            },
        }
    }
}

fn wish(text: &str, envelope: &Envelope, own: &Claimed) -> Result<Wish, String> {
    weigh(text.as_bytes()).map_err(|inexact| inexact.to_string())?;
    let bytes = text.as_bytes();
    match &*envelope.r#type {
        "register" => {
            let asked = RegisterRequest::parse(bytes).map_err(|error| error.to_string())?;
            Ok(Wish::Register(RegisterRequest {
                transport: Transport::WebSocket,
                ..asked
            }))
        }
        "resume" => serde_json::from_str(text)
            .map(Wish::Resume)
            .map_err(|_| "resume needs the texts `agent_id` and `secret`".to_owned()),
        "send_event" => {
            let mut event = EventRequest::parse(bytes).map_err(|error| error.to_string())?;
            let says_none = match &envelope.secret {
                None | Some(Value::Null) => true,
                Some(secret) => secret == "",
            };
            if says_none {
                event.secret = own.clone();
            }
            Ok(Wish::SendEvent(Box::new(event)))
        }
        "command" => serde_json::from_str(text)
            .map(Wish::Command)
            .map_err(|_| "command needs the text `text`, and takes the text `channel`".to_owned()),
        "ping" => Ok(Wish::Ping),
        _ => Err(SHAPE.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Said {
        Said::read(text, &Claimed::nothing())
    }

    /// Meant to catch: to put what serde or a `{text:?}` says into the refusal.
    #[test]
    fn what_cannot_be_understood_is_refused_without_repeating_it() {
        for text in [
            "s3cret",
            r#""s3cret""#,
            "{}",
            r#"{"type": ["s3cret"]}"#,
            r#"{"type": "s3cret"}"#,
            r#"{"type": "resume", "agent_id": "a", "secret": ["s3cret"]}"#,
            r#"{"type": "register", "agent_id": {"s3cret": 1}}"#,
            r#"{"type": "send_event", "event_name": "a.b", "secret": "s3cret"}"#,
            r#"{"type": "send_event", "event_name": "chat.said", "source_id": "a", "secret": ["s3cret"]}"#,
            r#"{"type": "command", "text": ["s3cret"]}"#,
        ] {
            let refusal = read(text).wish.err().unwrap();
            assert!(
                !refusal.contains("s3cret") && !refusal.is_empty(),
                "{refusal}"
            );
        }
    }

    #[test]
    fn the_id_of_a_request_comes_back_also_where_the_rest_is_wrong() {
        let said = read(r#"{"type": "nothing", "request_id": 7}"#);
        assert_eq!(said.request_id, Some(Value::from(7)));
        assert!(said.wish.is_err());
    }
}

//! An event as the Python config service and its clients write it, and back: JSON with the fields that their `Event`
//! has. See contracts of `dataknobs_common.events`.

use chrono::{DateTime, SecondsFormat, Utc};
use hotbed_events::{Event, EventKind, Topic};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;
use uuid::Uuid;

#[derive(Serialize)]
struct Sent<'a> {
    r#type: &'static str,
    topic: &'a str,
    payload: &'a Map<String, Value>,
    timestamp: String,
    event_id: String,
    source: Option<&'a str>,
    correlation_id: Option<&'a str>,
    metadata: &'a Map<String, Value>,
}

/// What nobody but the kind and the topic must have.
#[derive(Deserialize)]
struct Received<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    topic: Cow<'a, str>,
    #[serde(default)]
    payload: Option<Map<String, Value>>,
    #[serde(default)]
    timestamp: Option<Value>,
    #[serde(default)]
    event_id: Option<Value>,
    #[serde(default)]
    source: Option<Value>,
    #[serde(default)]
    correlation_id: Option<Value>,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
}

/// Why a message is no event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Undecodable {
    /// It is not the JSON of one.
    #[error("message is not the JSON of an event")]
    Json(#[from] serde_json::Error),
    /// Nothing of that kind is known.
    #[error("event is of unknown type {0:?}")]
    Kind(String),
    /// Its topic cannot be one.
    #[error("event's topic cannot be one")]
    Topic(#[from] hotbed_events::InvalidTopic),
}

/// The kinds, each with its word.
const KINDS: [(EventKind, &str); 7] = [
    (EventKind::Created, "created"),
    (EventKind::Updated, "updated"),
    (EventKind::Deleted, "deleted"),
    (EventKind::Activated, "activated"),
    (EventKind::Deactivated, "deactivated"),
    (EventKind::Error, "error"),
    (EventKind::Custom, "custom"),
];

/// The message that carries an event.
pub(crate) fn encode(event: &Event) -> String {
    let word = KINDS.iter().find(|(kind, _)| *kind == event.kind);
    let sent = Sent {
        // A kind that is newer than this code is none that the others know either.
        r#type: word.map_or("custom", |(_, word)| word),
        topic: event.topic.as_str(),
        payload: &event.payload,
        timestamp: event
            .timestamp
            .to_rfc3339_opts(SecondsFormat::Micros, false),
        event_id: event.id.to_string(),
        source: event.source.as_deref(),
        correlation_id: event.correlation_id.as_deref(),
        metadata: &event.metadata,
    };
    serde_json::to_string(&sent).expect("its keys are texts and its values JSON")
}

/// The event that a message carries. Its topic is what the sender wrote into it, which need not be the one that it was
/// published on: who publishes on `registry:instances` writes `registry:instances:ID`.
///
/// What only people read is taken as it comes: without an id it gets one, without a time that can be read it is of now.
pub(crate) fn decode(message: &[u8]) -> Result<Event, Undecodable> {
    let received: Received<'_> = serde_json::from_slice(message)?;
    let kind = KINDS.iter().find(|(_, word)| *word == received.r#type);
    let Some((kind, _)) = kind else {
        return Err(Undecodable::Kind(
            received.r#type.chars().take(64).collect(),
        ));
    };
    let topic = Topic::new(&received.topic)?;
    let id = received.event_id.as_ref().and_then(Value::as_str);
    Ok(Event {
        id: id.map_or_else(Uuid::new_v4, uuid_of),
        timestamp: received
            .timestamp
            .as_ref()
            .and_then(Value::as_str)
            .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
            .map_or_else(Utc::now, |time| time.to_utc()),
        source: text(received.source.as_ref()),
        correlation_id: text(received.correlation_id.as_ref()),
        metadata: received.metadata.unwrap_or_default(),
        ..Event::new(topic, *kind, received.payload.unwrap_or_default())
    })
}

/// Ids are texts of any form to others. The same text is the same id.
fn uuid_of(text: &str) -> Uuid {
    Uuid::parse_str(text).unwrap_or_else(|_| {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(text.as_bytes());
        let bytes = digest.first_chunk().expect("a digest has 32 bytes");
        Uuid::from_bytes(*bytes)
    })
}

fn text(value: Option<&Value>) -> Option<Arc<str>> {
    value.and_then(Value::as_str).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_survives_the_way_through_a_message() {
        for (kind, word) in KINDS {
            let payload = json!({"instance_id": "a", "revision": 7});
            let event = Event {
                // Microseconds are what the others write.
                timestamp: "2026-01-02T03:04:05.123456Z".parse().unwrap(),
                correlation_id: Some("c".into()),
                metadata: json!({"k": [1]}).as_object().unwrap().clone(),
                ..Event::new(
                    Topic::new("registry:bots").unwrap(),
                    kind,
                    payload.as_object().unwrap().clone(),
                )
            }
            .from_source("node");
            let message = encode(&event);
            assert!(
                message.contains(&format!(r#""type":"{word}""#)),
                "{message}"
            );
            assert_eq!(decode(message.as_bytes()).unwrap(), event);
        }
    }

    /// As `Event.to_dict` of dataknobs-common 1.x gives it.
    #[test]
    fn what_python_writes_is_understood() {
        let message = r#"{"type":"updated","topic":"registry:instances:my-bot","payload":{"instance_id":"my-bot"},
            "timestamp":"2026-01-02T03:04:05.123456+00:00","event_id":"0e4c4b0e-5b0f-4d0a-9a9e-0123456789ab",
            "source":"caching_manager","correlation_id":null,"metadata":{}}"#;
        let event = decode(message.as_bytes()).unwrap();
        assert_eq!(event.kind, EventKind::Updated);
        assert_eq!(event.topic.as_str(), "registry:instances:my-bot");
        assert_eq!(event.payload["instance_id"], "my-bot");
        assert_eq!(event.source.as_deref(), Some("caching_manager"));
        assert_eq!(
            event.timestamp.to_rfc3339(),
            "2026-01-02T03:04:05.123456+00:00"
        );
    }

    #[test]
    fn only_kind_and_topic_are_needed() {
        let event = decode(br#"{"type":"deleted","topic":"t","event_id":"sqs:1","timestamp":7}"#);
        let again = decode(br#"{"type":"deleted","topic":"t","event_id":"sqs:1"}"#);
        assert_eq!(event.unwrap().id, again.unwrap().id);
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for message in [
            "",
            "null",
            "[]",
            r#"{"type":"updated"}"#,
            r#"{"topic":"t"}"#,
            r#"{"type":"exploded","topic":"t"}"#,
            r#"{"type":"updated","topic":"a b"}"#,
            r#"{"type":"updated","topic":"t","payload":[]}"#,
            "\u{0}",
        ] {
            assert!(decode(message.as_bytes()).is_err(), "{message}");
        }
        assert!(decode(b"\xff").is_err());
    }
}

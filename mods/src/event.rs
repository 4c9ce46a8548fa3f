use crate::destination::Destination;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// The longest name of an event in bytes.
const MAX_NAME_BYTES: usize = 256;

/// Names what is asked or told: two or more parts with dots between them, as in `wiki.page.create`.
///
/// Each part begins with a lower-case letter and goes on with lower-case letters, digits and `_`, at least two characters
/// in all. Clients of OpenAgents drop an event of any other name without a word.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventName(Arc<str>);

/// A text that cannot be an [`EventName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the name of an event: use two or more parts of lower-case letters, digits and `_`, as in `wiki.page.create`"
)]
pub struct InvalidEventName(String);

impl EventName {
    /// Parses a name.
    pub fn new(text: &str) -> Result<Self, InvalidEventName> {
        let mut parts = 0;
        let fits = text.split('.').all(|part| {
            parts += 1;
            let rest =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            part.len() >= 2 && part.as_bytes()[0].is_ascii_lowercase() && part.bytes().all(rest)
        });
        if fits && parts >= 2 && text.len() <= MAX_NAME_BYTES {
            Ok(Self(text.into()))
        } else {
            Err(InvalidEventName(text.chars().take(64).collect()))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventName({})", self.0)
    }
}

/// What an agent or a mod asks or tells.
#[derive(Debug, Clone, PartialEq)]
pub struct ModEvent {
    /// Tells this event from others, in the words of whoever sent it.
    pub id: Arc<str>,
    /// What is asked or told.
    pub name: EventName,
    /// Who sent it. Whoever hands the event in has made sure of it.
    pub source: Arc<str>,
    /// The group of the sender, if it has one.
    pub source_group: Option<Arc<str>>,
    /// Who is meant.
    pub destination: Destination,
    /// What about.
    pub payload: Map<String, Value>,
    /// What joins a request to its answer and to all that comes of it.
    pub correlation_id: Arc<str>,
    /// When it was sent. For people: nothing may be decided by it.
    pub timestamp: DateTime<Utc>,
}

impl ModEvent {
    /// A new event, sent now, that begins a correlation of its own.
    pub fn new(name: EventName, source: &str, payload: Map<String, Value>) -> Self {
        let id: Arc<str> = Uuid::new_v4().to_string().into();
        Self {
            id: Arc::clone(&id),
            name,
            source: source.into(),
            source_group: None,
            destination: Destination::System,
            payload,
            correlation_id: id,
            timestamp: Utc::now(),
        }
    }

    /// The same event for somebody.
    #[must_use]
    pub fn to(mut self, destination: Destination) -> Self {
        self.destination = destination;
        self
    }

    /// The same event from a member of a group.
    #[must_use]
    pub fn from_group(mut self, group: &str) -> Self {
        self.source_group = Some(group.into());
        self
    }

    /// The same event as part of what another began.
    #[must_use]
    pub fn correlated(mut self, correlation_id: &Arc<str>) -> Self {
        self.correlation_id = Arc::clone(correlation_id);
        self
    }

    /// A text of the payload; `None` if it is not there, empty or no text.
    pub fn text(&self, key: &str) -> Option<&str> {
        let text = self.payload.get(key).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    }
}

/// What a mod answers to an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// Whether it did what was asked.
    pub success: bool,
    /// What happened, for people.
    pub message: String,
    /// What was asked for; null if there is nothing.
    pub data: Value,
}

impl Response {
    /// It was done.
    pub fn ok(message: impl Into<String>, data: Value) -> Self {
        Self {
            success: true,
            message: message.into(),
            data,
        }
    }

    /// It was not done: the message says why, and stands in the data too, where clients of OpenAgents look for it.
    pub fn refused(message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            success: false,
            data: serde_json::json!({ "success": false, "error": message }),
            message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_two_parts_or_more_of_two_characters_or_more() {
        for good in [
            "wiki.page",
            "system.mod.load",
            "a1.b_",
            "project.global_state.set",
        ] {
            assert_eq!(EventName::new(good).unwrap().as_str(), good);
        }
        let long = format!("aa.{}", "b".repeat(300));
        for bad in [
            "",
            "wiki",
            "wiki.",
            ".wiki",
            "wiki..page",
            "Wiki.page",
            "wiki.p",
            "1a.bb",
            "wiki.pä",
            &long,
        ] {
            assert!(EventName::new(bad).is_err(), "{bad}");
        }
    }
}

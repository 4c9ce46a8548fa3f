use hotbed_mods::EventName;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// What becomes of an event. What was understood and not done is an answer too: status 200 and `success` false.
///
/// `Debug` shows no data: it may hold a secret that was just handed out.
#[derive(Clone, PartialEq, Serialize)]
pub struct EventResponse {
    /// Whether it was done.
    pub success: bool,
    /// What happened, for people.
    pub message: String,
    /// As in the event.
    #[serde(serialize_with = "crate::event::text")]
    pub event_id: Arc<str>,
    /// What was asked for; null if there is nothing.
    pub data: Value,
    /// As in the event.
    pub event_name: String,
}

/// What is to be answered, before it is known to what.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) success: bool,
    pub(crate) message: String,
    pub(crate) data: Value,
}

impl Reply {
    pub(crate) fn done(message: impl Into<String>, data: Value) -> Self {
        Self {
            success: true,
            message: message.into(),
            data,
        }
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::refused_with(message, Value::Null)
    }

    pub(crate) fn refused_with(message: impl Into<String>, data: Value) -> Self {
        Self {
            success: false,
            message: message.into(),
            data,
        }
    }

    pub(crate) fn to(self, event_id: Arc<str>, event_name: &EventName) -> EventResponse {
        EventResponse {
            success: self.success,
            message: self.message,
            event_id,
            data: self.data,
            event_name: event_name.as_str().to_owned(),
        }
    }
}

impl std::fmt::Debug for EventResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventResponse")
            .field("success", &self.success)
            .field("message", &self.message)
            .field("event_id", &self.event_id)
            .field("event_name", &self.event_name)
            .finish_non_exhaustive()
    }
}

use crate::Topic;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::sync::Arc;
use uuid::Uuid;

/// A fact: what happened, about which topic, and who said so.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Tells two tellings of one fact from two facts.
    pub id: Uuid,
    /// What it is about.
    pub topic: Topic,
    /// What happened.
    pub kind: EventKind,
    /// Names the subject, never its content.
    pub payload: Map<String, Value>,
    /// When it was said, by the sender's clock. For people: nothing may be decided by it.
    pub timestamp: DateTime<Utc>,
    /// Who said it.
    pub source: Option<Arc<str>>,
    /// What joins it to others, a request to its answer for example.
    pub correlation_id: Option<Arc<str>>,
    /// What else its sender wants known. Never needed to understand it.
    pub metadata: Map<String, Value>,
}

/// What happened to the subject of an [`Event`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// It is new.
    Created,
    /// It changed.
    Updated,
    /// It is gone.
    Deleted,
    /// It came into service.
    Activated,
    /// It left service.
    Deactivated,
    /// Something about it failed.
    Error,
    /// None of these: its topic and payload say what.
    Custom,
}

impl Event {
    /// A new event, said now.
    pub fn new(topic: Topic, kind: EventKind, payload: Map<String, Value>) -> Self {
        Self {
            id: Uuid::new_v4(),
            topic,
            kind,
            payload,
            timestamp: Utc::now(),
            source: None,
            correlation_id: None,
            metadata: Map::new(),
        }
    }

    /// The same event with its sender named.
    #[must_use]
    pub fn from_source(mut self, source: &str) -> Self {
        self.source = Some(source.into());
        self
    }
}

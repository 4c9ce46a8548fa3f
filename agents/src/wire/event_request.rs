use super::{Fields, Malformed};
use crate::event::Visibility;
use crate::secret::Claimed;
use hotbed_mods::{Destination, EventName};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// Names that clients of OpenAgents refuse although they have two parts.
const EMPTY_NAMES: [&str; 3] = ["transport.message", "base.event", "system.event"];

/// What an agent sends: `POST /api/send_event`. `Debug` shows neither the secret, wherever the sender put it, nor what the
/// event is about.
#[derive(Clone)]
pub struct EventRequest {
    /// What is asked or told.
    pub event_name: EventName,
    /// Who says that he sends it, as he wrote it.
    pub source_id: String,
    /// Tells this event from others of the same sender, in at most 256 bytes. Default: a new one.
    pub event_id: Arc<str>,
    /// Who is meant.
    pub destination: Destination,
    /// What about.
    pub payload: Map<String, Value>,
    /// What else the sender says.
    pub metadata: Map<String, Value>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Who may see it, if it is restricted.
    pub allowed_agents: Option<BTreeSet<String>>,
    /// For older clients.
    pub relevant_mod: Option<Arc<str>>,
    /// Whether the sender waits for an answer.
    pub requires_response: bool,
    /// The event that this one answers.
    pub response_to: Option<Arc<str>>,
    /// What clients show events together by.
    pub thread_name: Option<Arc<str>>,
    /// The same for people.
    pub text_representation: Option<Arc<str>>,
    /// By what the sender proves who he is.
    pub secret: Claimed,
}

impl EventRequest {
    /// An event with nothing said but what must be.
    pub fn new(
        event_name: EventName,
        source_id: &str,
        secret: Claimed,
        payload: Map<String, Value>,
    ) -> Self {
        Self {
            event_name,
            source_id: source_id.to_owned(),
            event_id: new_id(),
            destination: Destination::System,
            payload,
            metadata: Map::new(),
            visibility: Visibility::default(),
            allowed_agents: None,
            relevant_mod: None,
            requires_response: false,
            response_to: None,
            thread_name: None,
            text_representation: None,
            secret,
        }
    }

    /// Reads a body. The destination is `target_agent_id`, as clients write it, or `destination_id`, as events have it.
    /// Unknown fields are passed over, and so is a timestamp: the network has its own.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::parse(body)?;
        let name = fields.text("event_name")?;
        let source_id = fields.text("source_id")?;
        let (Some(name), Some(source_id)) = (name, source_id) else {
            let what = "event_name and source_id are";
            return Err(Malformed::Missing { what });
        };
        let event_name = EventName::new(&name).map_err(Malformed::Name)?;
        if EMPTY_NAMES.contains(&&*name) {
            return Err(Malformed::EmptyName(name));
        }
        let target = fields.text("target_agent_id")?;
        let destination = fields.text("destination_id")?;
        let visibility = match fields.text("visibility")? {
            None => Visibility::default(),
            Some(text) => Visibility::parse(&text).ok_or(Malformed::WrongType {
                field: "visibility",
                expected: "public, network, channel, direct, restricted or mod_only",
            })?,
        };
        Ok(Self {
            event_name,
            source_id,
            event_id: fields.shared_text("event_id")?.unwrap_or_else(new_id),
            destination: Destination::parse(&target.or(destination).unwrap_or_default()),
            payload: fields.object("payload")?,
            metadata: fields.object("metadata")?,
            visibility,
            allowed_agents: fields.set_of_texts("allowed_agents")?,
            relevant_mod: fields.shared_text("relevant_mod")?,
            requires_response: fields.flag("requires_response")?,
            response_to: fields.shared_text("response_to")?,
            thread_name: fields.shared_text("thread_name")?,
            text_representation: fields.shared_text("text_representation")?,
            secret: fields.secret()?,
        })
    }
}

fn new_id() -> Arc<str> {
    Uuid::new_v4().to_string().into()
}

impl std::fmt::Debug for EventRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |text: &dyn std::fmt::Display| {
            let text = text.to_string();
            let secret = self.secret.expose();
            let holds_it = secret.is_some_and(|secret| text.contains(secret));
            if holds_it { "…".to_owned() } else { text }
        };
        f.debug_struct("EventRequest")
            .field("event_name", &shown(&self.event_name))
            .field("source_id", &shown(&self.source_id))
            .field("event_id", &shown(&self.event_id))
            .field("destination", &shown(&self.destination))
            .finish_non_exhaustive()
    }
}

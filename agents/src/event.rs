use chrono::Utc;
use hotbed_mods::{Destination, EventName};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// An event as agents receive it. It has no field for a secret, so none can be forwarded.
///
/// Serializes as clients of OpenAgents read it: the name fits their rule, the time is in whole seconds, and the
/// visibility is one that they know. What breaks one of these they drop without a word.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentEvent {
    /// What is told.
    #[serde(serialize_with = "name")]
    pub event_name: EventName,
    /// Who tells it: an agent's id, `mod:PATH`, or `system:system`.
    #[serde(serialize_with = "text")]
    pub source_id: Arc<str>,
    /// Tells this event from others, in the words of whoever sent it.
    #[serde(serialize_with = "text")]
    pub event_id: Arc<str>,
    /// When this network took it in, in seconds since 1970.
    pub timestamp: i64,
    /// What tells it.
    pub source_type: SourceType,
    /// Who is meant.
    #[serde(serialize_with = "destination", rename = "destination_id")]
    pub destination: Destination,
    /// For older clients.
    #[serde(serialize_with = "optional_text")]
    pub relevant_mod: Option<Arc<str>>,
    /// Whether the sender waits for an answer.
    pub requires_response: bool,
    /// The event that this one answers.
    #[serde(serialize_with = "optional_text")]
    pub response_to: Option<Arc<str>>,
    /// What clients show events together by.
    #[serde(serialize_with = "optional_text")]
    pub thread_name: Option<Arc<str>>,
    /// What about.
    pub payload: Map<String, Value>,
    /// What else the sender says.
    pub metadata: Map<String, Value>,
    /// The same for people.
    #[serde(serialize_with = "optional_text")]
    pub text_representation: Option<Arc<str>>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Who may see it, if it is restricted.
    pub allowed_agents: Option<BTreeSet<String>>,
    /// The group of the agent that tells it.
    #[serde(serialize_with = "optional_text")]
    pub source_agent_group: Option<Arc<str>>,
}

/// What tells an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceType {
    /// An agent.
    Agent,
    /// A mod, or the network itself.
    Mod,
}

/// Who may see an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Every agent of the network.
    #[default]
    Network,
    /// Who is in its channel.
    Channel,
    /// The one agent that it is for.
    Direct,
    /// The agents that it names.
    Restricted,
    /// Mods and no agent.
    ModOnly,
}

impl Visibility {
    /// Reads a visibility; `None` if there is none of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "public" => Self::Public,
            "network" => Self::Network,
            "channel" => Self::Channel,
            "direct" => Self::Direct,
            "restricted" => Self::Restricted,
            "mod_only" => Self::ModOnly,
            _ => return None,
        })
    }
}

/// The source of what the network itself tells.
pub(crate) const SYSTEM: &str = "system:system";

impl AgentEvent {
    /// What the network itself tells, now.
    pub(crate) fn of_system(name: EventName, payload: Map<String, Value>) -> Self {
        Self {
            event_name: name,
            source_id: SYSTEM.into(),
            event_id: uuid::Uuid::new_v4().to_string().into(),
            timestamp: Utc::now().timestamp(),
            source_type: SourceType::Mod,
            destination: Destination::Broadcast,
            relevant_mod: None,
            requires_response: false,
            response_to: None,
            thread_name: None,
            payload,
            metadata: Map::new(),
            text_representation: None,
            visibility: Visibility::Network,
            allowed_agents: None,
            source_agent_group: None,
        }
    }

    /// Whether an agent may see it, being meant.
    pub(crate) fn is_visible_to(&self, agent: &str) -> bool {
        match self.visibility {
            Visibility::Public | Visibility::Network => true,
            Visibility::Channel => matches!(self.destination, Destination::Channel(_)),
            Visibility::Direct => {
                matches!(&self.destination, Destination::Agent(meant) if **meant == *agent)
            }
            Visibility::Restricted => self
                .allowed_agents
                .as_ref()
                .is_some_and(|allowed| allowed.contains(agent)),
            Visibility::ModOnly => false,
        }
    }
}

fn name<S: Serializer>(name: &EventName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name.as_str())
}

fn destination<S: Serializer>(to: &Destination, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(to)
}

pub(crate) fn text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference")]
fn optional_text<S: Serializer>(text: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_deref().serialize(serializer)
}

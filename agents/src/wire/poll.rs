use super::Malformed;
use crate::event::AgentEvent;
use crate::secret::Claimed;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// Asks for what waits: `GET /api/poll?agent_id=…&secret=…`. `Debug` does not show the secret.
#[derive(Debug, Clone)]
pub struct PollRequest {
    /// Who asks.
    pub agent_id: String,
    /// By what he proves who he is.
    pub secret: Claimed,
}

/// What waited for an agent, the oldest first. It waits no longer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PollAnswer {
    /// Whether the agent is known and proved it.
    pub success: bool,
    /// The events.
    #[serde(serialize_with = "each")]
    pub messages: Vec<Arc<AgentEvent>>,
    /// As it was asked.
    pub agent_id: String,
    /// How many events were dropped since the last time, all older than the first of these, since too many waited.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropped: u64,
    /// Why nothing was handed out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

impl PollRequest {
    /// Takes the two parameters of a query. Of an empty one nothing was said.
    pub fn new(agent_id: Option<String>, secret: Option<String>) -> Result<Self, Malformed> {
        let agent_id = agent_id.filter(|id| !id.is_empty());
        let what = "agent_id is";
        Ok(Self {
            agent_id: agent_id.ok_or(Malformed::Missing { what })?,
            secret: Claimed::new(secret),
        })
    }
}

/// The events one after the other: as one list they are in the JSON, shared they stay.
fn each<S: Serializer>(events: &[Arc<AgentEvent>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(events.iter().map(|event| &**event))
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

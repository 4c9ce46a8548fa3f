use crate::agent::Agent;
use crate::agent_id::AgentId;
use crate::network::AgentNetwork;
use crate::roster::{Caller, Roster};
use crate::wire::{Fields, Malformed, Reply};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

/// A system event of an agent that proved who it is.
pub(super) struct Ask<'a> {
    pub(super) network: &'a AgentNetwork,
    pub(super) caller: Caller,
    fields: Fields,
    /// By what the agent tells answers from each other.
    request_id: Option<Value>,
}

/// What is answered, or the refusal that is answered instead.
pub(super) type Answer = Result<Reply, Reply>;

impl<'a> Ask<'a> {
    pub(super) fn new(
        network: &'a AgentNetwork,
        caller: Caller,
        payload: Map<String, Value>,
    ) -> Self {
        let mut fields = Fields::of(payload);
        Self {
            network,
            caller,
            request_id: fields.take("request_id"),
            fields,
        }
    }

    pub(super) fn id(&self) -> &AgentId {
        &self.caller.id
    }

    /// Refuses whoever asks in the name of another: `agent_id` may be left out, and otherwise is the sender's.
    pub(super) fn only_for_itself(&mut self) -> Result<(), Reply> {
        match self.text("agent_id")? {
            Some(id) if id != self.caller.id.as_str() => {
                Err(Reply::refused("agent_id must be that of the sender"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the sender may change mods and members.
    pub(super) fn has_authority(&self) -> bool {
        let allowed = &self.network.settings().authority;
        allowed.contains(&*self.caller.group)
    }

    /// Does something with the roster for the sender, who must be there still: whoever has its id by now has not asked.
    pub(super) fn in_roster<T>(
        &self,
        work: impl FnOnce(&mut Roster, Instant) -> Result<T, Reply>,
    ) -> Result<T, Reply> {
        self.network.with_roster(|roster, now| {
            let member = roster.member(&self.caller);
            member.map_err(|error| Reply::refused(error.to_string()))?;
            work(roster, now)
        })
    }

    /// Does something with what the network keeps of the sender.
    pub(super) fn in_member<T>(
        &self,
        work: impl FnOnce(&mut Agent) -> Result<T, Reply>,
    ) -> Result<T, Reply> {
        self.network.with_roster(|roster, _| {
            let member = roster.member(&self.caller);
            work(member.map_err(|error| Reply::refused(error.to_string()))?)
        })
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<Option<String>, Reply> {
        self.fields.text(field).map_err(refusal)
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, field: &'static str) -> Result<String, Reply> {
        self.text(field)?
            .ok_or_else(|| Reply::refused(format!("Missing {field} parameter")))
    }

    pub(super) fn texts(&mut self, field: &'static str) -> Result<Vec<String>, Reply> {
        let texts = self.fields.texts(field).map_err(refusal)?;
        Ok(texts.unwrap_or_default())
    }

    pub(super) fn object(&mut self, field: &'static str) -> Result<Map<String, Value>, Reply> {
        self.fields.object(field).map_err(refusal)
    }

    pub(super) fn value(&mut self, field: &str) -> Option<Value> {
        self.fields.take(field)
    }

    /// The data of an answer, as clients expect it of the system: an object, with these entries.
    pub(super) fn data(&self, command: &str, entries: &[(&str, Value)]) -> Value {
        let mut data = Map::new();
        data.insert("type".to_owned(), json!("system_response"));
        data.insert("command".to_owned(), json!(command));
        for (key, value) in entries {
            data.insert((*key).to_owned(), value.clone());
        }
        if let Some(request_id) = &self.request_id {
            data.insert("request_id".to_owned(), request_id.clone());
        }
        Value::Object(data)
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands where a function is wanted"
)]
fn refusal(malformed: Malformed) -> Reply {
    Reply::refused(malformed.to_string())
}

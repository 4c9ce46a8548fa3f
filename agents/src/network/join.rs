use super::AgentNetwork;
use crate::admission::admit;
use crate::agent_id::AgentId;
use crate::deliverer::Fact;
use crate::event::json_bytes;
use crate::register::{RegisterError, Registered};
use crate::roster::Joining;
use crate::wire::RegisterRequest;

impl AgentNetwork {
    /// Lets an agent join: `POST /api/register`. The id of a member is refused, unless its secret is shown: then it gets a
    /// new one, and the old one is worth nothing.
    pub fn register(&self, request: RegisterRequest) -> Result<Registered, RegisterError> {
        let settings = self.settings();
        let id = AgentId::of_source(&request.agent_id)?;
        let bytes = json_bytes(&request.metadata);
        let limit = settings.max_metadata_bytes;
        if bytes > limit {
            return Err(RegisterError::Metadata { bytes, limit });
        }
        let wanted = request.agent_group.as_deref();
        let group = admit(settings, request.password_hash.expose(), wanted)?;
        let fact = Fact::Joined {
            id: id.clone(),
            metadata: request.metadata.clone(),
        };
        let joining = Joining {
            id,
            group: group.as_str().into(),
            metadata: request.metadata,
            transport: request.transport,
            claimed: request.secret,
        };
        let secret = self.with_roster(|roster, now| {
            let secret = roster.join(joining, settings, now)?;
            self.tell_mods(fact);
            Ok::<_, RegisterError>(secret)
        })?;
        Ok(Registered {
            secret,
            group,
            network_name: settings.network_name.clone(),
            network_id: settings.network_id.clone(),
        })
    }
}

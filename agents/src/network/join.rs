use super::AgentNetwork;
use crate::admission::admit;
use crate::agent_id::AgentId;
use crate::deliverer::Fact;
use crate::register::{RegisterError, Registered};
use crate::roster::Joining;
use crate::secret::Secret;
use crate::size::json_bytes;
use crate::wire::RegisterRequest;
use std::sync::Arc;

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
        let metadata = Arc::new(request.metadata);
        let fact = Fact::Joined {
            id: id.clone(),
            metadata: Arc::clone(&metadata),
        };
        let secret = Secret::random();
        let joining = Joining {
            id,
            group: group.as_str().into(),
            metadata,
            transport: request.transport,
            shown: request.secret.digest(),
            secret: secret.digest(),
        };
        self.with_roster(|roster, now| {
            roster.join(joining, settings, now)?;
            self.tell_mods(fact);
            Ok::<_, RegisterError>(())
        })?;
        Ok(Registered {
            secret,
            group,
            network_name: settings.network_name.clone(),
            network_id: settings.network_id.clone(),
        })
    }
}

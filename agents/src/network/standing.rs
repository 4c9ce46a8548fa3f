use super::AgentNetwork;
use crate::auth::NotAuthenticated;
use crate::secret::Claimed;
use std::sync::Arc;

/// What an agent is in the network, for transports that do something else for it than carry its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The group that it belongs to.
    pub group: Arc<str>,
    /// Whether it may change mods: a member of this group may.
    pub has_authority: bool,
}

impl AgentNetwork {
    /// What an agent is now that proves who it is. It was heard of thereby.
    pub fn standing(&self, agent_id: &str, secret: &Claimed) -> Result<Standing, NotAuthenticated> {
        let caller = self.authenticate(agent_id, secret)?;
        Ok(Standing {
            has_authority: self.settings().authority.contains(&*caller.group),
            group: caller.group,
        })
    }
}

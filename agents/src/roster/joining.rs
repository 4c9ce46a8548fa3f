use super::Roster;
use crate::agent::Agent;
use crate::agent_id::AgentId;
use crate::register::RegisterError;
use crate::secret::SecretDigest;
use crate::settings::NetworkSettings;
use crate::transport::Transport;
use chrono::Utc;
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::time::Instant;

/// An agent that may join, if its id is free.
#[derive(Debug)]
pub(crate) struct Joining {
    pub(crate) id: AgentId,
    pub(crate) group: Arc<str>,
    pub(crate) metadata: Arc<Map<String, Value>>,
    pub(crate) transport: Transport,
    /// By what the member of this id proves that it is that.
    pub(crate) shown: SecretDigest,
    /// By what it proves who it is from now on.
    pub(crate) secret: SecretDigest,
}

impl Roster {
    /// Lets an agent in. A member keeps what waits for it, what it subscribed to and where it is in; its streams end, for
    /// whoever opened them had the old secret.
    pub(crate) fn join(
        &mut self,
        joining: Joining,
        settings: &NetworkSettings,
        now: Instant,
    ) -> Result<(), RegisterError> {
        let Joining {
            id,
            group,
            metadata,
            transport,
            shown,
            secret,
        } = joining;
        let outside = self.kicked.get(&id).filter(|until| now < **until);
        if let Some(until) = outside {
            let wait = until.duration_since(now);
            let id = id.to_string();
            return Err(RegisterError::Kicked { id, wait });
        }
        if self.agents.contains_key(&id) {
            let Ok((_, agent)) = self.authenticate(id.as_str(), &shown, now) else {
                let id = id.to_string();
                return Err(RegisterError::Taken { id });
            };
            agent.secret = secret;
            agent.group = group;
            agent.metadata = metadata;
            agent.transport = transport;
            agent.streams.clear();
            return Ok(());
        }
        let limit = settings.max_agents;
        if self.agents.len() >= limit {
            return Err(RegisterError::Full { limit });
        }
        self.memberships += 1;
        let agent = Agent {
            membership: self.memberships,
            secret,
            group,
            metadata,
            transport,
            last_seen: now,
            last_seen_at: Utc::now(),
            mailbox: crate::mailbox::Mailbox::default(),
            subscriptions: crate::subscriptions::Subscriptions::default(),
            recent: crate::recent::Recent::default(),
            streams: Vec::new(),
        };
        self.agents.insert(id, agent);
        self.expires_not_before(now + settings.idle_after);
        Ok(())
    }
}

//! Who is in the network, and what waits for whom: all that changes, behind one lock.

mod delivery;
mod joining;

use crate::agent::Agent;
use crate::agent_id::AgentId;
use crate::auth::NotAuthenticated;
use crate::channels::Channels;
use crate::secret::SecretDigest;
use crate::stream::Inlet;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use subtle::Choice;
use tokio::time::Instant;

pub(crate) use delivery::Reached;
pub(crate) use joining::Joining;

/// Who is in the network. Who expires when is a function of the times that it is told; the clock is read for people only.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    pub(crate) agents: BTreeMap<AgentId, Agent>,
    pub(crate) channels: Channels,
    pub(crate) observers: Vec<Inlet>,
    /// Until when those who were kicked stay outside.
    kicked: BTreeMap<AgentId, Instant>,
    /// Nobody expires before.
    next_expiry: Option<Instant>,
    /// Events that were put where they wait, each for each agent.
    pub(crate) delivered: u64,
    /// How many have joined so far.
    memberships: u64,
}

/// An agent that proved who it is. Once it has left it is nobody, even if another has its id by then.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) id: AgentId,
    pub(crate) group: Arc<str>,
    membership: u64,
}

impl Roster {
    /// Lets go of agents that have said nothing for too long, and of those whose time outside is over.
    pub(crate) fn expire(&mut self, now: Instant, idle_after: Duration) -> Vec<(AgentId, Agent)> {
        if self.next_expiry.is_none_or(|next| now < next) {
            return Vec::new();
        }
        self.kicked.retain(|_, until| now < *until);
        let mut gone = Vec::new();
        let mut next: Option<Instant> = self.kicked.values().min().copied();
        for (id, agent) in &mut self.agents {
            if now.duration_since(agent.last_seen) >= idle_after && agent.is_attached() {
                agent.touch(now);
            }
            let expires = agent.last_seen + idle_after;
            if expires <= now {
                gone.push(id.clone());
            } else {
                next = Some(next.map_or(expires, |next| next.min(expires)));
            }
        }
        self.next_expiry = next;
        let gone = gone.into_iter();
        gone.filter_map(|id| Some((id.clone(), self.remove(id.as_str())?)))
            .collect()
    }

    /// When to look for the next that expires.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.next_expiry
    }

    fn expires_not_before(&mut self, at: Instant) {
        self.next_expiry = Some(self.next_expiry.map_or(at, |next| next.min(at)));
    }

    /// Finds out who asks, and notes that he was heard of. Takes as long for an agent that is not there.
    pub(crate) fn authenticate(
        &mut self,
        source: &str,
        shown: &SecretDigest,
        now: Instant,
    ) -> Result<(Caller, &mut Agent), NotAuthenticated> {
        let id = source.strip_prefix("agent:").unwrap_or(source);
        let nobody = SecretDigest::of_nothing();
        let known = self.agents.get(id).map(|agent| &agent.secret);
        let is_there = Choice::from(u8::from(known.is_some()));
        let is_it = known.unwrap_or(&nobody).is(shown) & is_there;
        if !bool::from(is_it) {
            return Err(NotAuthenticated);
        }
        let (id, _) = self.agents.get_key_value(id).ok_or(NotAuthenticated)?;
        let id = id.clone();
        let agent = self.agents.get_mut(&id).ok_or(NotAuthenticated)?;
        agent.touch(now);
        let caller = Caller {
            id,
            group: Arc::clone(&agent.group),
            membership: agent.membership,
        };
        Ok((caller, agent))
    }

    /// The agent that proved who it is, if it is there still.
    pub(crate) fn member(&mut self, caller: &Caller) -> Result<&mut Agent, NotAuthenticated> {
        let agent = self.agents.get_mut(&caller.id);
        agent
            .filter(|agent| agent.membership == caller.membership)
            .ok_or(NotAuthenticated)
    }

    /// Takes an agent out, and all that is there for it: to be dropped when the roster is free again. `None` if there is
    /// no agent of this id.
    pub(crate) fn remove(&mut self, id: &str) -> Option<Agent> {
        self.channels.leave_all(id);
        self.agents.remove(id)
    }

    /// Keeps an agent outside for a while. Of too many who were kicked the first to come back comes back sooner.
    pub(crate) fn keep_outside(&mut self, id: AgentId, until: Instant, limit: usize) {
        self.kicked.insert(id, until);
        if self.kicked.len() > limit {
            let first = self.kicked.iter().min_by_key(|(_, until)| **until);
            if let Some(first) = first.map(|(id, _)| id.clone()) {
                self.kicked.remove(&first);
            }
        }
        self.expires_not_before(until);
    }
}

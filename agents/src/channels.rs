//! Channels and who is in them.

use crate::agent_id::AgentId;
use std::collections::{BTreeMap, BTreeSet};

/// A channel is there as long as somebody is in it.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    members: BTreeMap<String, BTreeSet<AgentId>>,
}

/// There are too many already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManyChannels;

impl Channels {
    pub(crate) fn add(
        &mut self,
        channel: &str,
        agent: AgentId,
        limit: usize,
    ) -> Result<(), TooManyChannels> {
        if !self.members.contains_key(channel) && self.members.len() >= limit {
            return Err(TooManyChannels);
        }
        let members = self.members.entry(channel.to_owned()).or_default();
        members.insert(agent);
        Ok(())
    }

    /// False if the agent is not in the channel.
    pub(crate) fn remove(&mut self, channel: &str, agent: &str) -> bool {
        let Some(members) = self.members.get_mut(channel) else {
            return false;
        };
        let was_in = members.remove(agent);
        if members.is_empty() {
            self.members.remove(channel);
        }
        was_in
    }

    /// False if there is no such channel.
    pub(crate) fn close(&mut self, channel: &str) -> bool {
        self.members.remove(channel).is_some()
    }

    /// Takes an agent out of all channels.
    pub(crate) fn leave_all(&mut self, agent: &str) {
        self.members.retain(|_, members| {
            members.remove(agent);
            !members.is_empty()
        });
    }

    /// `None` if there is no such channel.
    pub(crate) fn members(&self, channel: &str) -> Option<&BTreeSet<AgentId>> {
        self.members.get(channel)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(name: &str) -> AgentId {
        AgentId::new(name).unwrap()
    }

    #[test]
    fn a_channel_goes_with_its_last_member() {
        let mut channels = Channels::default();
        channels.add("ops", agent("alice"), 1).unwrap();
        channels.add("ops", agent("bob"), 1).unwrap();
        assert_eq!(channels.add("dev", agent("alice"), 1), Err(TooManyChannels));
        assert!(channels.remove("ops", "alice"));
        assert!(!channels.remove("ops", "alice"));
        assert_eq!(channels.names().collect::<Vec<_>>(), ["ops"]);
        channels.leave_all("bob");
        assert_eq!(channels.names().count(), 0);
        assert!(!channels.close("ops"));
    }
}

//! Channels and who is in them.

use crate::agent_id::AgentId;
use std::collections::{BTreeMap, BTreeSet};

/// How many channels an agent may be in.
pub(crate) const MAX_OF_AGENT: usize = 256;
/// The longest name of a channel in bytes.
const MAX_NAME_BYTES: usize = 128;

/// A channel is there as long as somebody is in it.
///
/// Both maps say the same: who is in a channel, and in which channels an agent is.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    members: BTreeMap<String, BTreeSet<AgentId>>,
    of_agents: BTreeMap<AgentId, BTreeSet<String>>,
}

/// Why an agent does not come into a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAdded {
    /// The network has no room for another channel.
    #[error("there are {limit} channels already, and more are not allowed")]
    Channels {
        /// How many there may be.
        limit: usize,
    },
    /// The agent is in as many as it may be.
    #[error("an agent may be in {MAX_OF_AGENT} channels, and in no more")]
    OfAgent,
}

/// Whether a text may name a channel.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_NAME_BYTES && !text.chars().any(char::is_control)
}

impl Channels {
    pub(crate) fn add(
        &mut self,
        channel: &str,
        agent: AgentId,
        limit: usize,
    ) -> Result<(), NotAdded> {
        let is_new = !self.members.contains_key(channel);
        if is_new && self.members.len() >= limit {
            return Err(NotAdded::Channels { limit });
        }
        let of_agent = self.of_agents.get(&agent);
        let is_in = of_agent.is_some_and(|channels| channels.contains(channel));
        if !is_in && of_agent.map_or(0, BTreeSet::len) >= MAX_OF_AGENT {
            return Err(NotAdded::OfAgent);
        }
        let of_agent = self.of_agents.entry(agent.clone()).or_default();
        of_agent.insert(channel.to_owned());
        let members = self.members.entry(channel.to_owned()).or_default();
        members.insert(agent);
        Ok(())
    }

    /// False if the agent is not in the channel.
    pub(crate) fn remove(&mut self, channel: &str, agent: &str) -> bool {
        take_out(&mut self.of_agents, agent, channel);
        take_out(&mut self.members, channel, agent)
    }

    /// False if there is no such channel.
    pub(crate) fn close(&mut self, channel: &str) -> bool {
        let Some(members) = self.members.remove(channel) else {
            return false;
        };
        for agent in members {
            take_out(&mut self.of_agents, agent.as_str(), channel);
        }
        true
    }

    /// Takes an agent out of all channels.
    pub(crate) fn leave_all(&mut self, agent: &str) {
        for channel in self.of_agents.remove(agent).into_iter().flatten() {
            take_out(&mut self.members, &channel, agent);
        }
    }

    /// `None` if there is no such channel.
    pub(crate) fn members(&self, channel: &str) -> Option<&BTreeSet<AgentId>> {
        self.members.get(channel)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }
}

/// Takes one out of the set of a key, and the key with its last. False if it was not in it.
fn take_out<K, V>(sets: &mut BTreeMap<K, BTreeSet<V>>, key: &str, value: &str) -> bool
where
    K: Ord + std::borrow::Borrow<str>,
    V: Ord + std::borrow::Borrow<str>,
{
    let Some(set) = sets.get_mut(key) else {
        return false;
    };
    let was_in = set.remove(value);
    if set.is_empty() {
        sets.remove(key);
    }
    was_in
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn agent(name: &str) -> AgentId {
        AgentId::new(name).unwrap()
    }

    #[test]
    fn a_channel_goes_with_its_last_member() {
        let mut channels = Channels::default();
        channels.add("ops", agent("alice"), 1).unwrap();
        channels.add("ops", agent("bob"), 1).unwrap();
        let full = Err(NotAdded::Channels { limit: 1 });
        assert_eq!(channels.add("dev", agent("alice"), 1), full);
        assert!(channels.remove("ops", "alice"));
        assert!(!channels.remove("ops", "alice"));
        assert_eq!(channels.names().collect::<Vec<_>>(), ["ops"]);
        channels.leave_all("bob");
        assert_eq!(channels.names().count(), 0);
        assert!(!channels.close("ops"));
    }

    /// Caught: no limit for one agent; a channel that was closed and counts on.
    #[test]
    fn an_agent_is_in_so_many_channels_and_in_no_more() {
        let mut channels = Channels::default();
        for n in 0..MAX_OF_AGENT {
            let name = format!("c{n}");
            channels.add(&name, agent("alice"), 1_000).unwrap();
        }
        let more = channels.add("more", agent("alice"), 1_000);
        assert_eq!(more, Err(NotAdded::OfAgent));
        channels.add("c0", agent("alice"), 1_000).unwrap();
        channels.add("more", agent("bob"), 1_000).unwrap();
        channels.close("c0");
        channels.add("more", agent("alice"), 1_000).unwrap();
    }

    proptest! {
        /// Caught: members of a closed channel that stay in it; an agent that left and stays a member.
        #[test]
        fn both_sides_say_the_same(acts in prop::collection::vec((0..4_u8, 0..3_usize, 0..3_usize), 0..60)) {
            let mut channels = Channels::default();
            for (act, channel, who) in acts {
                let (channel, who) = (["c0", "c1", "c2"][channel], ["a0", "a1", "a2"][who]);
                match act {
                    0 => channels.add(channel, agent(who), 2).unwrap_or_default(),
                    1 => drop(channels.remove(channel, who)),
                    2 => drop(channels.close(channel)),
                    _ => channels.leave_all(who),
                }
                let mut turned: BTreeMap<AgentId, BTreeSet<String>> = BTreeMap::new();
                for (channel, members) in &channels.members {
                    prop_assert!(!members.is_empty());
                    for member in members {
                        turned.entry(member.clone()).or_default().insert(channel.clone());
                    }
                }
                prop_assert_eq!(&turned, &channels.of_agents);
            }
        }
    }
}

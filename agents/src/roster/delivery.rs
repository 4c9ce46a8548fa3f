use super::Roster;
use crate::agent::Agent;
use crate::mailbox::Room;
use crate::parcel::Parcel;
use crate::stream::Inlet;
use hotbed_mods::Destination;

/// Whom an event reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// So many agents.
    Agents(usize),
    /// It is for an agent, a channel or a group that is not there.
    Nowhere,
    /// It is for no agent.
    NotMeant,
}

impl Roster {
    /// Puts an event where it waits for those who are meant. What is for many never goes back to `except`.
    pub(crate) fn deliver(&mut self, parcel: &Parcel, except: Option<&str>, room: Room) -> Reached {
        let mut reached = 0;
        let mut give = |id: &str, agent: &mut Agent| {
            reached += usize::from(agent.receive(id, parcel, room));
        };
        match &parcel.event.destination {
            Destination::System | Destination::Mod(_) => return Reached::NotMeant,
            Destination::Agent(id) => match self.agents.get_mut(&**id) {
                Some(agent) => give(id, agent),
                None => return Reached::Nowhere,
            },
            Destination::Broadcast => {
                for (id, agent) in &mut self.agents {
                    if except != Some(id.as_str()) {
                        give(id.as_str(), agent);
                    }
                }
            }
            Destination::Channel(channel) => {
                let Some(members) = self.channels.members(channel) else {
                    return Reached::Nowhere;
                };
                for id in members {
                    let agent = self.agents.get_mut(id);
                    if let Some(agent) = agent.filter(|_| except != Some(id.as_str())) {
                        give(id.as_str(), agent);
                    }
                }
            }
            Destination::Group(group) => {
                let mut is_there = false;
                for (id, agent) in &mut self.agents {
                    if *agent.group == **group {
                        is_there = true;
                        if except != Some(id.as_str()) {
                            give(id.as_str(), agent);
                        }
                    }
                }
                if !is_there {
                    return Reached::Nowhere;
                }
            }
        }
        self.delivered += reached as u64;
        Reached::Agents(reached)
    }

    /// Shows an event to those who look on.
    pub(crate) fn show(&mut self, parcel: &Parcel) {
        self.observers.retain(Inlet::is_read);
        for observer in &self.observers {
            observer.offer(parcel);
        }
    }
}

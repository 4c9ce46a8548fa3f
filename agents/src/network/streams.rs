use super::AgentNetwork;
use crate::auth::NotAuthenticated;
use crate::mailbox::Room;
use crate::secret::Claimed;
use crate::stream::{EventStream, Inlet, stream};
use hotbed_mods::EventPattern;

/// Why there is no stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// It is for an agent, and whoever asks did not prove to be that.
    #[error(transparent)]
    NotAuthenticated(#[from] NotAuthenticated),
    /// There are too many already: close one.
    #[error("there are {limit} streams already, and more are not allowed")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
}

impl AgentNetwork {
    /// A stream of what comes to an agent from now on, of the names that the pattern matches. What it subscribed to and
    /// muted holds for it too. The same events wait for the next poll as well, as far as there is room.
    ///
    /// As long as it is open the agent is not idle. It ends when the agent leaves or registers anew.
    pub fn subscribe(
        &self,
        agent_id: &str,
        secret: &Claimed,
        pattern: EventPattern,
    ) -> Result<EventStream, StreamError> {
        let shown = secret.digest();
        self.with_roster(|roster, now| {
            let (_, agent) = roster.authenticate(agent_id, &shown, now)?;
            agent.streams.retain(Inlet::is_read);
            self.attach(&mut agent.streams, pattern)
        })
    }

    /// A stream of everything that agents, mods and the network tell from now on, of the names that the pattern matches,
    /// whomever it is for; system events and their answers are not in it. Whoever hands it out has made sure that the
    /// observer may see all.
    pub fn observe(&self, pattern: EventPattern) -> Result<EventStream, StreamError> {
        self.with_roster(|roster, _| {
            roster.observers.retain(Inlet::is_read);
            self.attach(&mut roster.observers, pattern)
        })
    }

    fn attach(
        &self,
        streams: &mut Vec<Inlet>,
        pattern: EventPattern,
    ) -> Result<EventStream, StreamError> {
        let limit = self.settings().max_streams;
        if streams.len() >= limit {
            return Err(StreamError::TooMany { limit });
        }
        let room = Room {
            events: self.settings().stream_events,
            bytes: self.settings().queue_bytes,
        };
        let (inlet, stream) = stream(pattern, room);
        streams.push(inlet);
        Ok(stream)
    }
}

use crate::mailbox::{Mailbox, Room};
use crate::parcel::Parcel;
use crate::recent::Recent;
use crate::secret::SecretDigest;
use crate::stream::Inlet;
use crate::subscriptions::Subscriptions;
use crate::transport::Transport;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::time::Instant;

/// An agent that is registered, and what waits for it.
#[derive(Debug)]
pub(crate) struct Agent {
    /// Tells it from all who had its id before.
    pub(crate) membership: u64,
    pub(crate) secret: SecretDigest,
    pub(crate) group: Arc<str>,
    pub(crate) metadata: Arc<Map<String, Value>>,
    pub(crate) transport: Transport,
    /// When it was last heard of: what its expiry is decided by.
    pub(crate) last_seen: Instant,
    /// The same for people.
    pub(crate) last_seen_at: DateTime<Utc>,
    pub(crate) mailbox: Mailbox,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) recent: Recent,
    pub(crate) streams: Vec<Inlet>,
}

impl Agent {
    pub(crate) fn touch(&mut self, now: Instant) {
        self.last_seen = now;
        self.last_seen_at = Utc::now();
    }

    /// Whether it holds a stream open: then it is there, though it says nothing.
    pub(crate) fn is_attached(&mut self) -> bool {
        self.streams.retain(Inlet::is_read);
        !self.streams.is_empty()
    }

    /// Puts an event where it waits for the agent; false if the agent does not want it or may not see it.
    pub(crate) fn receive(&mut self, id: &str, parcel: &Parcel, room: Room) -> bool {
        if !parcel.event.is_visible_to(id) || !self.subscriptions.want(&parcel.event) {
            return false;
        }
        for stream in &self.streams {
            stream.offer(parcel);
        }
        self.mailbox.put(parcel.clone(), room);
        true
    }
}

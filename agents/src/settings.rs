use crate::transport::Transport;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;
use uuid::Uuid;

/// As good as never, and far from where arithmetic on times overflows.
const NEVER: Duration = Duration::from_hours(10 * 365 * 24);

/// What a network of agents is called, who may join it, and how much each may have.
#[derive(Debug, Clone)]
pub struct NetworkSettings {
    /// The id of the network, for programs. Default `hotbed`.
    pub network_id: String,
    /// The name of the network, for people. Default `hotbed`.
    pub network_name: String,
    /// Tells this network from others of the same id. Default: a new one.
    pub network_uuid: Uuid,
    /// The groups beside the default one, by name. Default: none.
    pub groups: BTreeMap<String, Group>,
    /// The group of agents that ask for none and have no password of one; if it has a password itself, they stay outside.
    /// Default `guest`.
    pub default_group: String,
    /// Whether agents without the password of a group stay outside, whatever the default group is. Default: no.
    pub requires_password: bool,
    /// The groups whose members may change mods and kick agents. Default `admin`.
    pub authority: BTreeSet<String>,
    /// The ways in which agents reach the network. Default: HTTP.
    pub transports: Vec<Transport>,
    /// How long an agent may say nothing before it is gone. Default 90 s.
    pub idle_after: Duration,
    /// How long an agent that was kicked stays outside. Default 60 s.
    pub kicked_for: Duration,
    /// How many agents there may be at once. Default 10,000.
    pub max_agents: usize,
    /// The largest metadata of an agent, as JSON, in bytes. Default 16 KiB.
    pub max_metadata_bytes: usize,
    /// The largest event, all its fields together, as JSON, in bytes. Default 1 MiB. One that takes more memory than this
    /// and than `queue_bytes` is too large as well.
    pub max_event_bytes: usize,
    /// How many events wait for an agent at most; the oldest are dropped for the newest. Default 1,000; 0 is 1.
    pub queue_events: usize,
    /// How many bytes of events wait for an agent at most, and in each stream, as memory and not as JSON. One event is always
    /// kept. Default 8 MiB.
    pub queue_bytes: usize,
    /// How many events wait in a stream at most; the oldest are dropped for the newest. Default 1,000; 0 is 1.
    pub stream_events: usize,
    /// How many streams there may be, of one agent and of all observers together. Default 64.
    pub max_streams: usize,
    /// How many channels there may be. Default 10,000.
    pub max_channels: usize,
    /// How many subscriptions one agent may have, how many patterns and how many channels in all of them together, and how
    /// many muted patterns. Default 64.
    pub max_subscriptions: usize,
    /// The last how many events of an agent are recognised when they are sent again, and so how many may be processed at the
    /// same time. Default 256; with 0 none is recognised.
    pub recent_events: usize,
}

/// A group that agents may belong to.
#[derive(Clone, Default)]
pub struct Group {
    /// What it is for, for people.
    pub description: String,
    /// The hash of its password, as agents send it. Without one everybody may join who asks for the group by name.
    pub password_hash: Option<String>,
    /// What else clients show of it.
    pub metadata: Map<String, Value>,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            network_id: "hotbed".to_owned(),
            network_name: "hotbed".to_owned(),
            network_uuid: Uuid::new_v4(),
            groups: BTreeMap::new(),
            default_group: "guest".to_owned(),
            requires_password: false,
            authority: BTreeSet::from(["admin".to_owned()]),
            transports: vec![Transport::Http],
            idle_after: Duration::from_secs(90),
            kicked_for: Duration::from_mins(1),
            max_agents: 10_000,
            max_metadata_bytes: 16 * 1024,
            max_event_bytes: 1024 * 1024,
            queue_events: 1_000,
            queue_bytes: 8 * 1024 * 1024,
            stream_events: 1_000,
            max_streams: 64,
            max_channels: 10_000,
            max_subscriptions: 64,
            recent_events: 256,
        }
    }
}

impl NetworkSettings {
    /// The same settings with each value where it can be worked with.
    pub(crate) fn bounded(mut self) -> Self {
        self.idle_after = self.idle_after.min(NEVER);
        self.kicked_for = self.kicked_for.min(NEVER);
        self.queue_events = self.queue_events.max(1);
        self.stream_events = self.stream_events.max(1);
        self
    }

    /// Whether agents without any password stay outside.
    pub(crate) fn needs_password(&self) -> bool {
        let default = self.groups.get(&self.default_group);
        self.requires_password || default.is_some_and(|group| group.password_hash.is_some())
    }
}

/// Does not show the hash: whoever knows it can join.
impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("description", &self.description)
            .field("has_password", &self.password_hash.is_some())
            .field("metadata", &self.metadata)
            .finish()
    }
}

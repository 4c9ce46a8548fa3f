use crate::authority::Authority;
use crate::body::BodyMemory;
use crate::chats::Chats;
use crate::metrics::Metrics;
use crate::once::NamedWrites;
use crate::tail::Tail;
use crate::{Access, Limits};
use hotbed_agents::AgentNetwork;
use hotbed_api::Readiness;
use hotbed_bots::Bot;
use hotbed_cache::CachingRegistryManager;
use hotbed_desk::Desk;
use hotbed_fleet::{Fleet, NodeId};
use hotbed_hotreload::Handle;
use hotbed_registry::{Admission, Reader, Registry};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a server speaks for.
#[derive(Debug, Clone)]
pub struct ServerState {
    /// The door to the bots' registrations.
    pub registry: Registry,
    /// The bots themselves.
    pub bots: Arc<CachingRegistryManager<Bot>>,
    /// The loop that follows the registry.
    pub hot_reload: Handle,
    /// Where mods are loaded, changed and unloaded.
    pub mods: Desk,
    /// How far this node follows what is registered of them.
    pub mods_reload: Handle,
    /// The agents, and what mods and they tell each other.
    pub agents: AgentNetwork,
    /// Who may change mods.
    pub authority: Authority,
    /// The chat servers from which commands come.
    pub chats: Chats,
    /// The nodes that this one sees.
    pub fleet: Fleet,
    /// What this node says of itself.
    pub info: NodeInfo,
    /// Who may speak to it.
    pub access: Access,
    /// How much it takes. What is looked at for each request (`body_bytes`, `body_read`, `request`, `catch_up`) may change
    /// while it runs; the others are as they were at its start.
    pub limits: watch::Receiver<Limits>,
    /// Whether it takes requests.
    pub readiness: watch::Receiver<Readiness>,
    /// Cancelled when the server is to end: watchers end at once, requests under way are finished.
    pub shutdown: CancellationToken,
}

/// What a node says of itself on its health page.
#[derive(Debug, Clone)]
pub struct NodeInfo {
    /// Which node of its fleet it is.
    pub node: NodeId,
    /// The version of the program.
    pub version: String,
    /// When it started.
    pub started: Instant,
    /// The environment that configurations are bound to.
    pub environment: String,
    /// Where the registry is, without secrets.
    pub registry: String,
    /// Where the event bus is, without secrets.
    pub bus: String,
    /// How the registry treats configurations that no bot can be built from.
    pub admission: Admission,
    /// What whoever runs this node should know, as it is now. That the registry cannot be reached need not be among it:
    /// the health page sees that for itself.
    pub warnings: watch::Receiver<Vec<String>>,
}

/// A running server: what it speaks for, and what it counts.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) state: ServerState,
    pub(crate) reader: Reader,
    pub(crate) metrics: Metrics,
    /// One permit per request under way.
    pub(crate) requests: Semaphore,
    /// One permit per answer that stays open: streams, long polls and long lists.
    pub(crate) streams: Arc<Semaphore>,
    /// What large bodies take.
    pub(crate) bodies: BodyMemory,
    /// The newest part of the log.
    pub(crate) tail: Tail,
    /// The newest writes that clients may send again.
    pub(crate) named: Arc<NamedWrites>,
    /// The writes under way, which go on without the clients that hung up. Each ends with the registry's own part of it,
    /// for which draining the registry waits.
    pub(crate) writes: TaskTracker,
}

impl Node {
    pub(crate) fn new(state: ServerState) -> Arc<Self> {
        let reader = state.registry.reader();
        let limits = *state.limits.borrow();
        Arc::new(Self {
            tail: Tail::new(reader.clone(), state.hot_reload.reached()),
            reader,
            metrics: Metrics::new(),
            requests: Semaphore::new(limits.requests),
            streams: Arc::new(Semaphore::new(limits.streams)),
            bodies: BodyMemory::new(&limits),
            named: Arc::default(),
            writes: TaskTracker::new(),
            state,
        })
    }

    /// How much it takes now.
    pub(crate) fn limits(&self) -> Limits {
        *self.state.limits.borrow()
    }
}

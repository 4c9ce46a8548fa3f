//! The mods of a server, and the agents that use them.

use crate::network;
use crate::serve_args::ServeArgs;
use crate::storage::Storage;
use anyhow::Context;
use hotbed::backends::{DiskSnapshot, SnapshotKey, StoreAt};
use hotbed::configs::Environment;
use hotbed::events::{EventBus, MemoryBus};
use hotbed::hotreload::{Handle, HotReloadManager, ReloadTarget};
use hotbed::mods::{BuiltIns, ModHost};
use hotbed::registry::{Admission, ConnectingBackend, Registry, Retention};
use hotbed_agents::{AgentNetwork, Deliverer};
use hotbed_desk::{Desk, Follower};
use hotbed_server::Authority;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a start waits for its mods: those that take longer come into service when they are ready.
const START: Duration = Duration::from_secs(10);

/// The mods of a server and its agents, opened. Nothing of it runs before [`follow`](Self::follow).
#[derive(Debug)]
pub(crate) struct Opened {
    mods: Mods,
    snapshot: Arc<DiskSnapshot>,
    deliverer: Deliverer,
    hot_reload: HotReloadManager,
    waiting: Option<Arc<ConnectingBackend>>,
}

/// What a server has of mods and agents.
#[derive(Debug)]
pub(crate) struct Mods {
    pub(crate) desk: Desk,
    pub(crate) host: ModHost,
    pub(crate) follower: Arc<Follower>,
    pub(crate) network: AgentNetwork,
    pub(crate) handle: Handle,
    pub(crate) registry: Registry,
    pub(crate) store: Arc<StoreAt>,
}

/// What mods share with the bots of a server.
pub(crate) struct Surroundings<'a> {
    pub(crate) args: &'a ServeArgs,
    pub(crate) environment: &'a Environment,
    pub(crate) authority: &'a Authority,
    pub(crate) bots: &'a Arc<StoreAt>,
    pub(crate) bus: Arc<dyn EventBus>,
    pub(crate) poll_interval: Duration,
    pub(crate) retention: Retention,
    /// Who the announcements say that they are from.
    pub(crate) source: &'a str,
}

impl Opened {
    pub(crate) async fn open(
        around: Surroundings<'_>,
        key: Option<SnapshotKey>,
    ) -> anyhow::Result<Self> {
        let args = around.args;
        let settings = network::settings(around.environment, around.authority)?;
        let (storage, collection) = Storage::open_mods(args, around.bots, key).await?;
        let Storage {
            snapshot,
            store,
            backend,
            waiting,
        } = storage;
        // What is this node's own is no news for others: their revisions have nothing to do with these.
        let is_own = !Arc::ptr_eq(&store, around.bots);
        let bus: Arc<dyn EventBus> = if is_own {
            Arc::new(MemoryBus::new())
        } else {
            around.bus
        };
        let topic = Registry::topic_of(&collection);
        let registry = Registry::builder(collection.clone(), backend, Arc::clone(&bus))
            .source(around.source)
            .admission(Admission::Strict)
            .retention(around.retention)
            .snapshot(Arc::clone(&snapshot) as _)
            .build();
        let last_served = registry.reader().last_served();
        let last_served = last_served.context("the registry was built with a snapshot")?;
        registry.add_observer(Arc::clone(&last_served) as _);
        let (host, emissions) = ModHost::builder().loader(BuiltIns::standard()).build();
        let environment = Arc::new(around.environment.clone());
        let follower = Follower::new(registry.reader(), host.clone(), environment);
        registry.add_check(Arc::new(follower.check()));
        registry.add_observer(Arc::clone(&follower) as _);
        let desk = Desk::new(registry.clone(), host.clone(), Arc::clone(&follower));
        let (network, deliverer) =
            AgentNetwork::new(settings, host.clone(), emissions, Arc::new(desk.clone()));
        let targets: Vec<Arc<dyn ReloadTarget>> = vec![last_served, Arc::clone(&follower) as _];
        let reload = args.reload.mode(around.poll_interval, bus, topic.into());
        let hot_reload = HotReloadManager::new(registry.reader(), reload, targets).of(collection);
        let mods = Mods {
            desk,
            host,
            follower,
            network,
            handle: hot_reload.handle(),
            registry,
            store,
        };
        Ok(Self {
            mods,
            snapshot,
            deliverer,
            hot_reload,
            waiting,
        })
    }

    /// Begins to keep what must be kept until the last write.
    pub(crate) fn keep_up(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        tasks.spawn(Arc::clone(&self.snapshot).run(stop.clone()));
        let (registry, stop) = (self.mods.registry.clone(), stop.clone());
        tasks.spawn(async move { registry.maintain(stop).await });
    }

    /// Begins to follow the registry, and waits until the mods are up, as far as they are soon.
    pub(crate) async fn follow(self, tasks: &TaskTracker, stop: &CancellationToken) -> Mods {
        let Self {
            mods,
            deliverer,
            hot_reload,
            waiting,
            ..
        } = self;
        tasks.spawn(hot_reload.run(stop.clone()));
        tasks.spawn(deliverer.run(stop.clone()));
        tasks.spawn({
            let (follower, stop) = (Arc::clone(&mods.follower), stop.clone());
            async move { follower.run(stop).await }
        });
        tasks.spawn({
            let (host, stop) = (mods.host.clone(), stop.clone());
            async move { host.run(stop).await }
        });
        if let Some(waiting) = waiting {
            let stop = stop.clone();
            tasks.spawn(async move { waiting.run(stop).await });
        }
        if let Err(error) = mods.handle.sync().await {
            tracing::debug!(%error, "registry of mods is followed later");
        }
        match tokio::time::timeout(START, mods.follower.settled()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "mods come up later"),
            Err(_) => tracing::warn!("mods take long to come up: the server starts without them"),
        }
        mods
    }
}

impl Mods {
    /// Stops the mods, once nothing changes them any more. What does not end before the deadline is the error.
    pub(crate) async fn stop(&self, deadline: Instant) -> anyhow::Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.host.stop(left).await?;
        tokio::time::timeout_at(deadline, self.registry.drain())
            .await
            .context("writes of mods did not end in time")
    }
}

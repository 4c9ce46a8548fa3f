use crate::clock::Clock;
use crate::entry::Entry;
use crate::get::GetOrCreate;
use crate::machine::{Answer, Effect};
use crate::outage::Outage;
use crate::places::Places;
use crate::queue::Queue;
use crate::shared::Shared;
use crate::stats::Counters;
use crate::surroundings::{Bound, Surroundings};
use crate::waiter::Asked;
use crate::{
    CacheSettings, Chance, CloseError, DoorCheck, Failure, GetError, Held, InstanceFactory, Lease,
    Stats, build, keeper, reaper, refresher,
};
use hotbed_configs::{ConfigSchema, Environment};
use hotbed_lease::Lender;
use hotbed_registry::{Change, Id, Observer, Reader, Revision};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Keeps live instances of registered configurations: hands out leases by id, rebuilds what it is told has changed,
/// and never takes a working instance away before its successor works.
///
/// # Guarantees
/// - A call that starts after [`observe`](Self::observe) returned gets that revision or a newer one, unless it cannot
///   be built: then the last good one serves, and [`held`](Self::held) says so.
/// - At most one build per id runs at a time; a caller that goes away cancels nothing; a failing id is built once per
///   back-off step, however many ask; a slow id delays no other.
/// - At most [`builds`](CacheSettings::builds) read the registry at once, and one at a time while it answers nobody.
/// - An instance is destroyed exactly once, after its last lease.
/// - A hit takes no lock, allocates nothing and makes no system call.
///
/// Time is tokio's, so tests can pause it; what depends on it is late by a tick of at most 100 ms.
pub struct CachingRegistryManager<T> {
    shared: Arc<Shared<T>>,
    destroyed: watch::Receiver<u64>,
    /// Ends the tasks when the manager is dropped without being closed.
    _tasks_end: DropGuard,
}

/// Puts a [`CachingRegistryManager`] together.
#[must_use]
pub struct ManagerBuilder<T> {
    reader: Reader,
    factory: Arc<dyn InstanceFactory<T>>,
    settings: CacheSettings,
    chance: Chance,
    bound: Bound,
}

/// What a reload by hand did to an id.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Reloaded {
    /// It had no instance and has one now.
    Added(Revision),
    /// It has a new instance in place of the old one.
    Refreshed(Revision),
    /// It is no longer registered, or out of service.
    Removed,
    /// No new instance could be built; the last good one, if there is one, goes on serving.
    Failed(Arc<Failure>),
}

impl<T: Send + Sync + 'static> ManagerBuilder<T> {
    /// How the cache behaves; the defaults unless said.
    pub fn settings(mut self, settings: CacheSettings) -> Self {
        self.settings = settings;
        self
    }

    /// What spreads trust and back-off over time; random unless said.
    pub fn chance(mut self, chance: Chance) -> Self {
        self.chance = chance;
        self
    }

    /// What references and variables in configurations are bound to; without one, configurations are used as stored.
    pub fn environment(mut self, environment: Arc<Environment>) -> Self {
        self.bound.environment = Some(environment);
        self
    }

    /// What every configuration must fit once it is bound to its environment; anything does without one. It is held
    /// against it at the door, where the schema's own types are given to what comes from variables, and again when an
    /// instance is built.
    pub fn schema(mut self, schema: Arc<ConfigSchema>) -> Self {
        self.bound.schema = Some(schema);
        self
    }

    /// Starts the cache.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn build(self) -> CachingRegistryManager<T> {
        let (to_keeper, ended) = mpsc::channel(keeper::BACKLOG);
        #[expect(
            clippy::disallowed_methods,
            reason = "bounded by the instances that exist"
        )]
        let (to_reaper, returns) = mpsc::unbounded_channel();
        let (count, destroyed) = watch::channel(0);
        let shutdown = CancellationToken::new();
        let settings = self.settings.bounded();
        let chance = Arc::new(self.chance);
        let shared = Arc::new(Shared {
            reader: self.reader,
            surroundings: Surroundings::new(self.bound),
            index: Shared::index(&settings),
            clock: Clock::new(),
            generation: AtomicU64::new(0),
            touches: Shared::touches(),
            to_keeper,
            queue: Queue::new(),
            places: Places::new(&settings),
            outage: Outage::new(Arc::clone(&chance)),
            chance,
            lender: Lender::new(move |returned| {
                // Without a reaper the runtime is gone; the value is dropped in place.
                drop(to_reaper.send(returned));
            }),
            counters: Counters::default(),
            tasks: TaskTracker::new(),
            shutdown: shutdown.clone(),
            settings: RwLock::new(Arc::new(settings)),
            factory: self.factory,
        });
        shared.tasks.spawn(keeper::run(Arc::clone(&shared), ended));
        shared.tasks.spawn(refresher::run(Arc::clone(&shared)));
        // Not tracked: it ends after the last lease, which may outlive the cache.
        let deadline = shared.settings().destroy_deadline;
        let reaper = reaper::run(Arc::clone(&shared.factory), returns, deadline, count);
        drop(TaskTracker::new().spawn(reaper));
        CachingRegistryManager {
            shared,
            destroyed,
            _tasks_end: shutdown.drop_guard(),
        }
    }
}

impl<T> fmt::Debug for ManagerBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagerBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl<T: Send + Sync + 'static> CachingRegistryManager<T> {
    /// Begins a cache of what `factory` makes of the registrations that `reader` reads.
    pub fn builder(reader: Reader, factory: impl InstanceFactory<T>) -> ManagerBuilder<T> {
        ManagerBuilder {
            reader,
            factory: Arc::new(factory),
            settings: CacheSettings::default(),
            chance: Chance::default(),
            bound: Bound::default(),
        }
    }

    /// Leases the instance of an id: at once if it is ready, else after building it. Cancel-safe.
    #[inline]
    pub fn get_or_create<'a, Q: AsRef<str> + ?Sized>(&'a self, id: &'a Q) -> GetOrCreate<'a, T> {
        GetOrCreate::new(self, id.as_ref())
    }

    /// Leases the instance of an id if it is ready, without waiting and without building.
    #[inline]
    pub fn hit(&self, id: &str) -> Option<Lease<T>> {
        let shared = &*self.shared;
        let index = shared.index.pin();
        let entry = index.get(id)?;
        let used = || {
            // Full: the keeper finds the mark on its next round.
            drop(shared.touches.push(Arc::clone(&entry.slot)));
        };
        let generation = shared.generation.load(Ordering::Acquire);
        let lease = entry.hit(shared.clock.coarse_ms(), generation, used)?;
        shared.counters.hit();
        Some(lease)
    }

    pub(crate) async fn miss(&self, text: &str) -> Result<Lease<T>, GetError> {
        let id = Id::new(text)?;
        let shared = &self.shared;
        Counters::add(&shared.counters.misses);
        loop {
            if shared.shutdown.is_cancelled() {
                return Err(GetError::Closed { id });
            }
            let slot = shared.slot(&id);
            let told = match slot.ask(shared) {
                Asked::Told { told, refresh } => {
                    if refresh {
                        shared.queue.push(&slot);
                    }
                    told
                }
                Asked::Wait { waiter, start } => {
                    if start {
                        let build = build::run(Arc::clone(shared), Arc::clone(&slot), None);
                        shared.tasks.spawn(build);
                    }
                    tokio::select! {
                        biased;
                        told = waiter.told() => told,
                        () = shared.shutdown.cancelled() => return Err(GetError::Closed { id }),
                    }
                }
            };
            match told.answer {
                Answer::Serve => {
                    if let Some(lease) = told.lease {
                        if slot.entry(&shared.index.pin()).is_some_and(Entry::touch) {
                            drop(shared.touches.push(slot));
                        }
                        return Ok(lease);
                    }
                    // Only a cache that closes takes what it has promised: the next round says so.
                }
                Answer::Absent => return Err(GetError::NotFound { id }),
                Answer::Inactive(revision) => return Err(GetError::Inactive { id, revision }),
                Answer::Failed(failure, retry_at) => {
                    let retry_in = retry_at.saturating_duration_since(shared.clock.now());
                    return Err(GetError::Failed {
                        id,
                        failure,
                        retry_in,
                    });
                }
                Answer::Retired => shared.unlist(&slot),
            }
        }
    }

    /// Notes that a registration changed: from now on nobody gets an older instance, unless the new one cannot be
    /// built. Never blocks; old news is ignored; an id that nobody holds costs a look-up.
    pub fn observe(&self, change: &Change) {
        self.shared.outage.doubt(self.shared.clock.now());
        let slot = self
            .shared
            .index
            .pin()
            .get(&change.id)
            .map(|entry| Arc::clone(&entry.slot));
        if let Some(slot) = slot
            && slot.observe(&self.shared, change) == Effect::Refresh
        {
            self.shared.queue.push(&slot);
        }
    }

    /// Has the instance of an id built anew before it is handed out again, even at the same revision.
    pub fn invalidate(&self, id: &Id) {
        self.shared.outage.doubt(self.shared.clock.now());
        let slot = self
            .shared
            .index
            .pin()
            .get(id)
            .map(|entry| Arc::clone(&entry.slot));
        if let Some(slot) = slot {
            slot.invalidate(&self.shared);
        }
    }

    /// Says that the registry, which somebody could not reach, is reached again: what could not be read meanwhile is read
    /// without waiting for its own next attempt, what was used last first.
    pub fn registry_is_back(&self) {
        self.shared.outage.end();
    }

    /// Has every instance built anew before it is handed out again. Takes the same short time whatever the number of
    /// instances. Those that were used within the last TTL are rebuilt without being asked for, the ones used last
    /// first, at most [`refreshes`](CacheSettings::refreshes) at once; the others when somebody asks.
    pub fn invalidate_all(&self) {
        self.shared.outage.doubt(self.shared.clock.now());
        self.shared.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Changes how many ids may hold an instance, and for how long an instance is trusted, from the next tick on. Who is
    /// too many leaves in the order of the policy; trust that was given for longer is cut.
    pub fn resize(&self, capacity: u64, ttl: Duration) {
        let mut settings = self
            .shared
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let changed = CacheSettings {
            capacity,
            ttl,
            ..CacheSettings::clone(&settings)
        };
        *settings = Arc::new(changed.bounded());
    }

    /// Puts another environment and schema in the place of those that configurations are bound to. Returns at once.
    ///
    /// Every instance is checked in the background, the ones used last first: one whose resolved configuration is
    /// another now, also by a secret that was rotated, is rebuilt, and serves until its successor works; the others stay
    /// as they are. What could not be built for want of something in the old environment is tried again.
    pub fn rebind(&self, environment: Arc<Environment>, schema: Option<Arc<ConfigSchema>>) {
        self.shared.surroundings.replace(Bound {
            environment: Some(environment),
            schema,
        });
    }

    /// Forgets all revisions: the registry was replaced by another one, whose revisions may be smaller.
    pub fn begin_era(&self) {
        self.shared.outage.doubt(self.shared.clock.now());
        let _hold = self.shared.queue.hold();
        for slot in self.shared.slots() {
            slot.begin_era(&self.shared);
            // Also those whose registration is not in the new registry: no change will be told of them.
            if slot.look(crate::machine::Machine::is_live) {
                self.shared.queue.push(&slot);
            }
        }
    }

    /// Builds an id anew and tells how that went. The instance that serves now serves on until the new one is ready.
    pub async fn reload(&self, id: &Id) -> Reloaded {
        let before = self.peek(id);
        self.invalidate(id);
        match self.get_or_create(id).await {
            Ok(lease) => match self.failure(id) {
                Some(failure) => Reloaded::Failed(failure),
                None if before.is_some() => Reloaded::Refreshed(lease.revision()),
                None => Reloaded::Added(lease.revision()),
            },
            Err(GetError::Failed { failure, .. }) => Reloaded::Failed(failure),
            Err(_) => Reloaded::Removed,
        }
    }

    /// The installed instance of an id, however old, without building.
    pub fn peek(&self, id: &Id) -> Option<Lease<T>> {
        self.shared
            .index
            .pin()
            .get(id)
            .and_then(|entry| entry.slot.lease())
    }

    /// Whether somebody may yet be answered that an id is registered without the registry being asked again: so it is
    /// known here, or a build is under way that may have read the registry already.
    pub fn may_tell_of(&self, id: &Id) -> bool {
        let index = self.shared.index.pin();
        let entry = index.get(id);
        entry.is_some_and(|entry| entry.slot.look(crate::machine::Machine::may_tell_of_it))
    }

    fn failure(&self, id: &Id) -> Option<Arc<Failure>> {
        let index = self.shared.index.pin();
        index
            .get(id)
            .and_then(|entry| entry.slot.look(crate::machine::Machine::failure))
            .map(|(failure, _)| failure)
    }

    /// What is held for one id; `None` if nothing is.
    pub fn held_for(&self, id: &Id) -> Option<Held> {
        let now = self.shared.clock.now();
        self.shared
            .index
            .pin()
            .get(id)
            .map(|entry| entry.slot.held(now))
    }

    /// What is held, for all ids, in no particular order.
    pub fn held(&self) -> Vec<Held> {
        let now = self.shared.clock.now();
        self.shared
            .slots()
            .iter()
            .map(|slot| slot.held(now))
            .collect()
    }

    /// The ids that are held, with or without an instance.
    pub fn ids(&self) -> Vec<Id> {
        let index = self.shared.index.pin();
        index.values().map(|entry| entry.slot.id.clone()).collect()
    }

    /// What the cache has done and holds.
    pub fn stats(&self) -> Stats {
        self.shared
            .counters
            .snapshot(self.shared.index.len(), self.shared.lender.outstanding())
    }

    /// A judge for the write door: whether this cache could build an instance.
    pub fn door_check(&self) -> DoorCheck<T> {
        DoorCheck::new(Arc::clone(&self.shared))
    }

    /// Stops building, drops every instance, and waits until all are destroyed, those on lease too; at the deadline
    /// it names those that are not.
    pub async fn close(&self, deadline: Duration) -> Result<(), CloseError> {
        let shared = &self.shared;
        shared.shutdown.cancel();
        shared.tasks.close();
        let drained = async {
            shared.tasks.wait().await;
            let mut destroyed = self.destroyed.clone();
            while shared.lender.outstanding() > 0 {
                if destroyed.changed().await.is_err() {
                    break;
                }
            }
        };
        if tokio::time::timeout(deadline, drained).await.is_ok() {
            return Ok(());
        }
        let name = |s: hotbed_lease::Straggler| {
            format!("{}@{} ({} leases)", s.name, s.generation, s.leases)
        };
        let mut stragglers: Vec<String> =
            shared.lender.stragglers().into_iter().map(name).collect();
        if !shared.tasks.is_empty() {
            stragglers.push("a factory that does not stop".into());
        }
        Err(CloseError { stragglers })
    }
}

impl<T: Send + Sync + 'static> Observer for CachingRegistryManager<T> {
    fn observe(&self, change: &Change) {
        CachingRegistryManager::observe(self, change);
    }
}

impl<T> fmt::Debug for CachingRegistryManager<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachingRegistryManager")
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

//! A registry that can fail, a factory that does what it is told, and a cache between them.

use async_trait::async_trait;
use hotbed_cache::{
    BoxError, CacheSettings, CachingRegistryManager, GetError, Id, InstanceFactory, InstanceState,
    Lease, Revision,
};
use hotbed_events::MemoryBus;
use hotbed_registry::{
    Access, ChangeNote, Changes, CollectionName, Draft, Error, MemoryBackend, Page, Past,
    PortableConfig, Precondition, Query, Registration, Registry, RegistryBackend, Retention,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::sync::Semaphore;

pub(crate) struct World {
    pub(crate) backend: Arc<Faulty>,
    pub(crate) registry: Registry,
    pub(crate) cache: Arc<CachingRegistryManager<Thing>>,
    pub(crate) workshop: Workshop,
}

impl World {
    /// A cache that its registry tells of each write.
    pub(crate) fn new(settings: CacheSettings) -> Self {
        let world = Self::deaf(settings);
        world.registry.add_observer(world.cache.clone());
        world
    }

    /// A cache that nobody tells of anything.
    pub(crate) fn deaf(settings: CacheSettings) -> Self {
        let backend = Arc::new(Faulty::default());
        let registry = Registry::builder(
            CollectionName::bots(),
            backend.clone(),
            Arc::new(MemoryBus::new()),
        )
        .build();
        let workshop = Workshop::default();
        let cache = CachingRegistryManager::builder(registry.reader(), workshop.clone());
        Self {
            cache: Arc::new(cache.settings(settings).build()),
            backend,
            registry,
            workshop,
        }
    }

    pub(crate) async fn put(&self, id: &str) -> Revision {
        let admitted = self
            .registry
            .put(&name(id), draft(), Precondition::Any)
            .await
            .unwrap();
        admitted.registration.revision
    }

    pub(crate) async fn delete(&self, id: &str) -> Revision {
        self.registry
            .delete(&name(id), Precondition::Any)
            .await
            .unwrap()
    }

    pub(crate) async fn deactivate(&self, id: &str) -> Revision {
        let inactive = self.registry.deactivate(&name(id), Precondition::Any).await;
        inactive.unwrap().revision
    }

    pub(crate) async fn activate(&self, id: &str) -> Revision {
        let active = self.registry.activate(&name(id), Precondition::Any).await;
        active.unwrap().revision
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Lease<Thing>, GetError> {
        self.cache.get_or_create(id).await
    }

    /// The revision that a reader gets.
    pub(crate) async fn serves(&self, id: &str) -> Revision {
        self.get(id).await.unwrap().revision()
    }

    pub(crate) fn state(&self, id: &str) -> Option<InstanceState> {
        self.cache.held_for(&name(id)).map(|held| held.state)
    }

    /// Asks in a task of its own.
    pub(crate) fn ask(
        &self,
        tasks: &mut tokio::task::JoinSet<Result<Lease<Thing>, GetError>>,
        id: &str,
    ) {
        let (cache, id) = (Arc::clone(&self.cache), id.to_owned());
        tasks.spawn(async move { cache.get_or_create(&id).await });
    }
}

fn draft() -> Draft {
    Draft::active(PortableConfig::from_value(serde_json::json!({})).unwrap())
}

pub(crate) fn name(id: &str) -> Id {
    Id::new(id).unwrap()
}

/// Waits until something holds, and fails when it has not for a minute.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let minute = Duration::from_mins(1);
    assert!(
        tokio::time::timeout(minute, wait).await.is_ok(),
        "never: {what}"
    );
}

/// Lets every task that can run do so, for a while of tokio's time.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// What the factory makes.
#[derive(Debug)]
pub(crate) struct Thing {
    pub(crate) serial: usize,
    id: String,
    workshop: Workshop,
}

/// What the factory does with an id.
#[derive(Debug, Clone, Default)]
pub(crate) enum Behaviour {
    #[default]
    Build,
    Fail,
    Panic,
    Hang,
    /// Waits for a permit for each build.
    Gate(Arc<Semaphore>),
    /// Blocks its thread until the other end is dropped.
    Block(Arc<Mutex<mpsc::Receiver<()>>>),
    /// As long as this.
    Take(Duration),
    /// Is built, and panics when it is destroyed.
    PanicInDestroy,
    HangInDestroy,
}

/// Makes things, counts them, and fails when told to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workshop {
    inside: Arc<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    behaviours: Mutex<HashMap<String, Behaviour>>,
    /// Of all that were not told otherwise.
    usual: Mutex<Behaviour>,
    begun: Mutex<BTreeMap<String, usize>>,
    order: Mutex<Vec<String>>,
    at_once: AtOnce,
    at_work: Mutex<HashMap<String, usize>>,
    serial: AtomicUsize,
    made: AtomicUsize,
    destroyed: Mutex<HashMap<usize, usize>>,
}

impl Workshop {
    pub(crate) fn behave(&self, id: &str, behaviour: Behaviour) {
        let mut behaviours = self.inside.behaviours.lock().unwrap();
        behaviours.insert(id.to_owned(), behaviour);
    }

    /// What it does with every id that is not told otherwise.
    pub(crate) fn usually(&self, behaviour: Behaviour) {
        *self.inside.usual.lock().unwrap() = behaviour;
    }

    /// Holds builds of an id back; each permit lets one through.
    pub(crate) fn gate(&self, id: &str) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.behave(id, Behaviour::Gate(Arc::clone(&gate)));
        gate
    }

    fn behaviour(&self, id: &str) -> Behaviour {
        let behaviours = self.inside.behaviours.lock().unwrap();
        let usual = || self.inside.usual.lock().unwrap().clone();
        behaviours.get(id).cloned().unwrap_or_else(usual)
    }

    /// Calls of the factory for an id.
    pub(crate) fn begun(&self, id: &str) -> usize {
        self.inside
            .begun
            .lock()
            .unwrap()
            .get(id)
            .copied()
            .unwrap_or(0)
    }

    /// Calls of the factory for all ids.
    pub(crate) fn all_begun(&self) -> usize {
        self.inside.begun.lock().unwrap().values().sum()
    }

    /// The ids of the calls of the factory since this was last asked, in their order.
    pub(crate) fn take_order(&self) -> Vec<String> {
        std::mem::take(&mut *self.inside.order.lock().unwrap())
    }

    /// The most calls of the factory at once since this was last asked.
    pub(crate) fn most_at_once(&self) -> usize {
        self.inside.at_once.take_most()
    }

    /// Things made and not destroyed.
    pub(crate) fn alive(&self) -> usize {
        self.inside.made.load(SeqCst) - self.inside.destroyed.lock().unwrap().len()
    }

    /// Whether a thing was destroyed; fails if it was twice.
    pub(crate) fn destroyed(&self, serial: usize) -> bool {
        match self.inside.destroyed.lock().unwrap().get(&serial) {
            None => false,
            Some(times) => {
                assert_eq!(*times, 1, "destroyed more than once");
                true
            }
        }
    }
}

/// Counts one call of the factory as at work for as long as it is, also when it is cancelled.
struct AtWork(Workshop, String);

impl AtWork {
    fn new(workshop: &Workshop, id: &str) -> Self {
        *workshop
            .inside
            .begun
            .lock()
            .unwrap()
            .entry(id.to_owned())
            .or_default() += 1;
        workshop.inside.order.lock().unwrap().push(id.to_owned());
        workshop.inside.at_once.enter();
        let mut at_work = workshop.inside.at_work.lock().unwrap();
        let now = at_work.entry(id.to_owned()).or_default();
        *now += 1;
        assert_eq!(*now, 1, "two builds of {id} at once");
        Self(workshop.clone(), id.to_owned())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.inside.at_once.leave();
        *self
            .0
            .inside
            .at_work
            .lock()
            .unwrap()
            .get_mut(&self.1)
            .unwrap() -= 1;
    }
}

#[async_trait]
impl InstanceFactory<Thing> for Workshop {
    async fn create(
        &self,
        id: &Id,
        _: Revision,
        _: hotbed_configs::ResolvedConfig,
    ) -> Result<Thing, BoxError> {
        let _at_work = AtWork::new(self, id.as_str());
        match self.behaviour(id.as_str()) {
            Behaviour::Build | Behaviour::PanicInDestroy | Behaviour::HangInDestroy => {}
            Behaviour::Fail => return Err("told to fail".into()),
            Behaviour::Panic => panic!("told to panic"),
            Behaviour::Hang => std::future::pending().await,
            Behaviour::Gate(gate) => gate.acquire().await.unwrap().forget(),
            Behaviour::Block(until) => drop(until.lock().unwrap().recv()),
            Behaviour::Take(time) => tokio::time::sleep(time).await,
        }
        self.inside.made.fetch_add(1, SeqCst);
        Ok(Thing {
            serial: self.inside.serial.fetch_add(1, SeqCst),
            id: id.to_string(),
            workshop: self.clone(),
        })
    }

    async fn destroy(&self, thing: Thing) {
        *self
            .inside
            .destroyed
            .lock()
            .unwrap()
            .entry(thing.serial)
            .or_default() += 1;
        match thing.workshop.behaviour(&thing.id) {
            Behaviour::PanicInDestroy => panic!("told to panic"),
            Behaviour::HangInDestroy => std::future::pending().await,
            _ => {}
        }
    }
}

/// Counts how many do something at once.
#[derive(Debug, Default)]
struct AtOnce {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl AtOnce {
    fn enter(&self) {
        let now = self.now.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(now, SeqCst);
    }

    fn leave(&self) {
        self.now.fetch_sub(1, SeqCst);
    }

    fn take_most(&self) -> usize {
        self.most.swap(self.now.load(SeqCst), SeqCst)
    }
}

/// How a backend does.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) enum Health {
    #[default]
    Well,
    Down,
    Hanging,
    Panicking,
    /// Well, but as slow as this.
    Slow(Duration),
}

/// A memory backend that fails on demand and counts what it is asked.
#[derive(Debug, Default)]
pub(crate) struct Faulty {
    inner: Mutex<Arc<MemoryBackend>>,
    health: Mutex<Health>,
    unreadable: Mutex<Option<Id>>,
    gets: AtomicUsize,
    at_once: AtOnce,
}

impl Faulty {
    pub(crate) fn set(&self, health: Health) {
        *self.health.lock().unwrap() = health;
    }

    /// An empty registry takes the place of the one there was.
    pub(crate) fn replace(&self) {
        *self.inner.lock().unwrap() = Arc::default();
    }

    /// What is stored of this id cannot be understood.
    pub(crate) fn corrupt(&self, id: Option<Id>) {
        *self.unreadable.lock().unwrap() = id;
    }

    /// Reads of one registration so far.
    pub(crate) fn gets(&self) -> usize {
        self.gets.load(SeqCst)
    }

    /// The most reads of one registration at once since this was last asked.
    pub(crate) fn most_at_once(&self) -> usize {
        self.at_once.take_most()
    }

    /// Somebody else writes, who still can.
    pub(crate) async fn change(&self, id: &str) -> Revision {
        let put = self
            .truth()
            .put(&name(id), draft(), Precondition::Any)
            .await;
        put.unwrap().revision
    }

    fn truth(&self) -> Arc<MemoryBackend> {
        Arc::clone(&self.inner.lock().unwrap())
    }

    async fn well(&self) -> Result<Arc<MemoryBackend>, Error> {
        let health = *self.health.lock().unwrap();
        match health {
            Health::Well => Ok(self.truth()),
            Health::Slow(time) => {
                tokio::time::sleep(time).await;
                Ok(self.truth())
            }
            Health::Down => Err(Error::Unavailable {
                operation: "do anything",
                reason: "it is down".into(),
                source: None,
            }),
            Health::Hanging => std::future::pending().await,
            Health::Panicking => panic!("told to panic"),
        }
    }
}

/// Counts one out, also when it is cancelled.
struct Leaves<'a>(&'a AtOnce);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl RegistryBackend for Faulty {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        self.gets.fetch_add(1, SeqCst);
        self.at_once.enter();
        let _leaves = Leaves(&self.at_once);
        let well = self.well().await?;
        if self.unreadable.lock().unwrap().as_ref() == Some(id) {
            return Err(Error::Corrupt {
                place: id.to_string(),
                reason: "told to be".into(),
            });
        }
        well.get(id).await
    }

    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error> {
        self.well().await?.put(id, draft, when).await
    }

    async fn delete(
        &self,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        self.well().await?.delete(id, when, note).await
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        self.well().await?.list(query).await
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        self.well().await?.count(query).await
    }

    async fn head(&self) -> Result<Revision, Error> {
        self.well().await?.head().await
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        self.well().await?.heads(after, limit).await
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        self.well().await?.changes(after, limit).await
    }

    async fn touch(&self, accesses: &[Access]) -> Result<(), Error> {
        self.well().await?.touch(accesses).await
    }

    async fn compact(&self, keep: Retention) -> Result<Revision, Error> {
        self.well().await?.compact(keep).await
    }

    async fn history(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        self.well().await?.history(id, before, limit).await
    }

    async fn past(&self, id: &Id, revision: Revision) -> Result<Option<Past>, Error> {
        self.well().await?.past(id, revision).await
    }
}

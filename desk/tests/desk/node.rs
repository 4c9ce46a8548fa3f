//! Nodes on one registry and bus, each as a server puts it together.

use crate::backend::Line;
use crate::shop::Shop;
use hotbed_configs::{Environment, PortableConfig};
use hotbed_desk::{Desk, Follower, Order};
use hotbed_events::{EventBus, MemoryBus};
use hotbed_hotreload::{HotReloadManager, ReloadMode, ReloadTarget};
use hotbed_mods::{
    CommandReply, EventName, HostSettings, ModEvent, ModHost, ModId, ModStatus, Outcome,
};
use hotbed_registry::{
    Admission, ChangeNote, CollectionName, Draft, Id, MemoryBackend, Precondition, Registry,
    RegistryBackend, Revision, Snapshot,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What nodes have in common.
pub(crate) struct Fleet {
    pub(crate) store: Arc<MemoryBackend>,
    pub(crate) bus: MemoryBus,
    pub(crate) shop: Shop,
    pub(crate) poll_interval: Duration,
}

/// One node: a host, its follower and desk, and the loop that tells the follower of changes.
pub(crate) struct Node {
    pub(crate) desk: Desk,
    pub(crate) host: ModHost,
    pub(crate) follower: Arc<Follower>,
    pub(crate) registry: Registry,
    pub(crate) line: Arc<Line>,
    pub(crate) shop: Shop,
    end: CancellationToken,
    tasks: TaskTracker,
}

impl Fleet {
    pub(crate) fn new() -> Self {
        Self {
            store: Arc::default(),
            bus: MemoryBus::new(),
            shop: Shop::default(),
            poll_interval: Duration::from_secs(5),
        }
    }

    /// A node that runs.
    pub(crate) fn node(&self) -> Node {
        let node = self.opened(None);
        node.run();
        node
    }

    /// A node, of which nothing runs yet.
    pub(crate) fn opened(&self, snapshot: Option<Arc<dyn Snapshot>>) -> Node {
        let line = Line::to(Arc::clone(&self.store));
        let bus: Arc<dyn EventBus> = Arc::new(self.bus.clone());
        let collection = CollectionName::new("mods").unwrap();
        let mut builder = Registry::builder(
            collection.clone(),
            Arc::clone(&line) as Arc<dyn RegistryBackend>,
            Arc::clone(&bus),
        )
        .admission(Admission::Strict);
        if let Some(snapshot) = snapshot {
            builder = builder.snapshot(snapshot);
        }
        let registry = builder.build();
        let shop = self.shop.branch();
        let builder = ModHost::builder().settings(HostSettings::default());
        let (host, _) = builder.loader(shop.clone()).build();
        let environment = Arc::new(Environment::empty("test"));
        let follower = Follower::new(registry.reader(), host.clone(), environment);
        let mut targets: Vec<Arc<dyn ReloadTarget>> = Vec::new();
        if let Some(last_served) = registry.reader().last_served() {
            registry.add_observer(Arc::clone(&last_served) as _);
            targets.push(last_served);
        }
        registry.add_check(Arc::new(follower.check()));
        registry.add_observer(Arc::clone(&follower) as _);
        targets.push(Arc::clone(&follower) as _);
        let desk = Desk::new(registry.clone(), host.clone(), Arc::clone(&follower));
        let mode = ReloadMode::Hybrid {
            bus,
            topics: Registry::topic_of(&collection).into(),
            every: self.poll_interval,
        };
        let hot_reload = HotReloadManager::new(registry.reader(), mode, targets).of(collection);
        let (end, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(hot_reload.run(end.clone()));
        Node {
            desk,
            host,
            follower,
            registry,
            line,
            shop,
            end,
            tasks,
        }
    }

    /// Writes to the registry as another node would, past every check, and announces nothing.
    pub(crate) async fn write(&self, name: &str, registration: Value) -> Revision {
        write_to(&self.store, name, registration).await
    }

    pub(crate) async fn delete(&self, name: &str) {
        let (id, when) = (id(name), Precondition::Any);
        let deleted = self.store.delete(&id, when, &ChangeNote::NONE);
        deleted.await.unwrap();
    }

    /// What is registered of one mod.
    pub(crate) async fn registered(&self, name: &str) -> Option<Value> {
        let found = self.store.get(&id(name)).await.unwrap();
        found.map(|it| Value::Object(it.config.as_map().clone()))
    }
}

pub(crate) async fn write_to(store: &MemoryBackend, name: &str, registration: Value) -> Revision {
    let draft = Draft::active(PortableConfig::from_value(registration).unwrap());
    let written = store.put(&id(name), draft, Precondition::Any).await;
    written.unwrap().revision
}

impl Node {
    /// Begins to follow, and to look after the mods.
    pub(crate) fn run(&self) {
        let (follower, stop) = (Arc::clone(&self.follower), self.end.clone());
        self.tasks.spawn(async move { follower.run(stop).await });
        let (host, stop) = (self.host.clone(), self.end.clone());
        self.tasks.spawn(async move { host.run(stop).await });
    }

    /// Loads the usual mod of a name with this configuration.
    pub(crate) async fn load(&self, name: &str, config: Value) -> Result<ModStatus, String> {
        let loaded = self.desk.load(order(name, config)).await;
        let (_, entry) = loaded.map_err(|error| error.to_string())?;
        Ok(entry.status.unwrap())
    }

    /// What the mod of a name answers when it is asked: what it is built from.
    pub(crate) async fn ask(&self, name: &str) -> Option<Value> {
        let event = EventName::new(&format!("to_{name}.ping")).unwrap();
        let event = ModEvent::new(event, "alice", Map::new());
        match self.host.dispatch(event).await.outcome {
            Outcome::Answered { response, .. } => Some(response.data),
            _ => None,
        }
    }

    pub(crate) fn status(&self, name: &str) -> Option<ModStatus> {
        self.host.status(name)
    }

    /// The mods in service.
    pub(crate) fn running(&self) -> Vec<String> {
        let statuses = self.host.statuses().into_iter();
        let running = statuses.filter(|status| status.generation.is_some());
        running.map(|status| status.id.to_string()).collect()
    }

    /// Ends what follows the registry, and waits for it.
    pub(crate) async fn end(&self) {
        self.end.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Returns when the node ends.
    pub(crate) async fn ended(&self) {
        self.end.cancelled().await;
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.end.is_cancelled()
    }

    /// Takes the node away as a kill would: nothing of it reaches the registry any more, and nobody stops its mods.
    pub(crate) async fn kill(&self) {
        self.line.rule(|_, _| crate::backend::Fault::Hang);
        self.end().await;
    }

    /// Stops everything, and fails if anything is left.
    pub(crate) async fn assert_ends_empty(&self) {
        self.end().await;
        let stopped = self.host.stop(Duration::from_mins(10)).await;
        assert_eq!(stopped, Ok(()));
        assert!(
            self.host.leftovers().is_empty(),
            "{:?}",
            self.host.leftovers()
        );
        assert_eq!(self.shop.alive(), 0);
        self.shop.assert_sound();
    }
}

/// A disk that survives its node.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    kept: Mutex<BTreeMap<Id, hotbed_registry::Registration>>,
}

impl Snapshot for Disk {
    fn load(&self, id: &Id) -> Option<hotbed_registry::Registration> {
        self.kept.lock().unwrap().get(id).cloned()
    }

    fn save(&self, registration: &hotbed_registry::Registration) {
        let mut kept = self.kept.lock().unwrap();
        kept.insert(registration.id.clone(), registration.clone());
    }

    fn forget(&self, id: &Id) {
        self.kept.lock().unwrap().remove(id);
    }

    fn revisions(&self) -> Vec<(Id, Revision)> {
        let kept = self.kept.lock().unwrap();
        kept.iter()
            .map(|(id, it)| (id.clone(), it.revision))
            .collect()
    }

    fn len(&self) -> usize {
        self.kept.lock().unwrap().len()
    }
}

pub(crate) fn id(name: &str) -> Id {
    Id::new(name).unwrap()
}

pub(crate) fn mod_id(name: &str) -> ModId {
    ModId::new(name).unwrap()
}

pub(crate) fn path(name: &str) -> String {
    format!("test.{name}")
}

/// What is registered of the usual mod of a name.
pub(crate) fn registration(name: &str, config: Value) -> Value {
    Value::from_iter([("path", Value::from(path(name))), ("config", config)])
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("no object: {other}"),
    }
}

pub(crate) fn order(name: &str, config: Value) -> Order {
    Order {
        id: None,
        registration: object(registration(name, config)),
        metadata: None,
        note: note("tests"),
    }
}

pub(crate) fn note(by: &str) -> ChangeNote {
    ChangeNote {
        by: Some(by.to_owned()),
        reason: None,
    }
}

/// Replaces the configuration of a registration.
pub(crate) fn configure(config: Value) -> impl Fn(&mut Map<String, Value>) + Send + Sync {
    move |registered| {
        registered.insert("config".to_owned(), config.clone());
    }
}

pub(crate) fn texts(reply: &CommandReply) -> Vec<&str> {
    let messages = reply.messages.iter();
    messages.map(|message| message.text.as_str()).collect()
}

/// Runs something beside the test.
pub(crate) fn beside<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    TaskTracker::new().spawn(work)
}

/// Waits until something holds, and fails when it has not for so long.
pub(crate) async fn within(time: Duration, what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        let mut pause = Duration::from_millis(1);
        while !holds() {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    };
    let waited = tokio::time::timeout(time, wait).await;
    assert!(waited.is_ok(), "never: {what}");
}

/// The same within a minute.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    within(Duration::from_mins(1), what, holds).await;
}

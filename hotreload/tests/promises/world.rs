//! One node: a cache and a loop that keeps it up to date with a backend of the test's.

use crate::backend::FaultyBackend;
use crate::bus::FaultyBus;
use crate::workshop::Workshop;
use hotbed_cache::{CacheSettings, CachingRegistryManager};
use hotbed_events::{EventBus, Topic};
use hotbed_hotreload::{Handle, HotReloadManager, ReloadMode, ReloadTarget};
use hotbed_registry::{
    Change, ChangeKind, ChangeNote, CollectionName, Draft, Id, PortableConfig, Precondition,
    Reader, Registry, RegistryBackend, Revision, event_from_change,
};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// A loop that runs for as long as this lives.
pub(crate) struct Node {
    pub(crate) handle: Handle,
    _runs: DropGuard,
}

impl Node {
    /// A loop that tells `targets` of what `backend` stores.
    pub(crate) fn start(
        backend: &Arc<FaultyBackend>,
        mode: ReloadMode,
        targets: Vec<Arc<dyn ReloadTarget>>,
    ) -> Self {
        let manager = HotReloadManager::new(reader(backend), mode, targets);
        let manager = manager.of(CollectionName::bots());
        let handle = manager.handle();
        let shutdown = CancellationToken::new();
        drop(TaskTracker::new().spawn(manager.run(shutdown.clone())));
        Self {
            handle,
            _runs: shutdown.drop_guard(),
        }
    }
}

pub(crate) fn reader(backend: &Arc<FaultyBackend>) -> Reader {
    Reader::new(Arc::clone(backend) as Arc<dyn RegistryBackend>)
}

pub(crate) fn cache(
    backend: &Arc<FaultyBackend>,
    workshop: &Workshop,
) -> Arc<CachingRegistryManager<usize>> {
    let builder = CachingRegistryManager::builder(reader(backend), workshop.clone());
    Arc::new(builder.settings(CacheSettings::default()).build())
}

pub(crate) fn polling(every: Duration) -> ReloadMode {
    ReloadMode::Polling { every }
}

/// By nothing but events.
pub(crate) fn event_driven(bus: &Arc<FaultyBus>) -> ReloadMode {
    ReloadMode::EventDriven {
        bus: Arc::clone(bus) as Arc<dyn EventBus>,
        topics: topic().into(),
    }
}

pub(crate) fn topic() -> Topic {
    Registry::topic_of(&CollectionName::bots())
}

pub(crate) fn name(id: &str) -> Id {
    Id::new(id).unwrap()
}

pub(crate) fn draft() -> Draft {
    Draft::active(PortableConfig::from_value(serde_json::json!({})).unwrap())
}

/// Writes to what the backend stores, and tells nobody.
pub(crate) async fn write(backend: &FaultyBackend, id: &str) -> Revision {
    let written = backend
        .truth()
        .put(&name(id), draft(), Precondition::Any)
        .await;
    written.unwrap().revision
}

/// Deletes from what the backend stores, and tells nobody.
pub(crate) async fn delete(backend: &FaultyBackend, id: &str) -> Revision {
    let deleted = backend
        .truth()
        .delete(&name(id), Precondition::Any, &ChangeNote::NONE)
        .await;
    deleted.unwrap()
}

/// Says that an id was updated.
pub(crate) async fn announce(bus: &FaultyBus, id: &str, revision: Revision) {
    let change = Change {
        id: name(id),
        revision,
        kind: ChangeKind::Updated,
        at: chrono::Utc::now(),
    };
    let event = event_from_change(&change, topic());
    bus.publish(&[event]).await.unwrap();
}

/// Lets time pass for every task.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Lets every task do what it can do now.
pub(crate) async fn settle() {
    pass(Duration::from_millis(1)).await;
}

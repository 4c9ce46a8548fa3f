use async_trait::async_trait;
use hotbed_cache::{CachingRegistryManager, ConfigWatcher, Held, Reloaded};
use hotbed_registry::{Change, Id, LastServed, Observer, Revision};

/// Something that is built from the registry and must follow it.
#[async_trait]
pub trait ReloadTarget: Send + Sync + 'static {
    /// Notes a change. Cheap, idempotent, never blocks; old news is ignored.
    fn observe(&self, change: &Change);

    /// What it holds, or may hold next, and at which revision: what a node that missed part of the log compares with the
    /// registry.
    fn revisions(&self) -> Vec<(Id, Revision)>;

    /// Somebody says that an id is not what it was, and the log does not show why: build it anew. Without effect on what
    /// is told of changes alone.
    fn invalidate(&self, _id: &Id) {}

    /// The registry was replaced by another: revisions begin anew.
    fn begin_era(&self);

    /// The registry, which could not be read, is read again: what failed meanwhile is worth another attempt.
    fn registry_is_back(&self) {}

    /// What it holds, for a status page.
    fn held(&self) -> Vec<Held> {
        Vec::new()
    }

    /// Builds one id anew; `None` if it builds nothing.
    async fn reload(&self, _id: &Id) -> Option<Reloaded> {
        None
    }
}

#[async_trait]
impl<T: Send + Sync + 'static> ReloadTarget for CachingRegistryManager<T> {
    fn observe(&self, change: &Change) {
        CachingRegistryManager::observe(self, change);
    }

    fn revisions(&self) -> Vec<(Id, Revision)> {
        let held = CachingRegistryManager::held(self).into_iter();
        // What it knows without an instance counts as well: that an id is out of service, or gone.
        held.map(|held| {
            (
                held.id,
                held.observed.max(held.revision.unwrap_or_default()),
            )
        })
        .collect()
    }

    fn invalidate(&self, id: &Id) {
        CachingRegistryManager::invalidate(self, id);
    }

    fn begin_era(&self) {
        CachingRegistryManager::begin_era(self);
    }

    fn registry_is_back(&self) {
        CachingRegistryManager::registry_is_back(self);
    }

    fn held(&self) -> Vec<Held> {
        CachingRegistryManager::held(self)
    }

    async fn reload(&self, id: &Id) -> Option<Reloaded> {
        Some(CachingRegistryManager::reload(self, id).await)
    }
}

#[async_trait]
impl ReloadTarget for ConfigWatcher {
    fn observe(&self, change: &Change) {
        Observer::observe(self, change);
    }

    fn revisions(&self) -> Vec<(Id, Revision)> {
        ConfigWatcher::revisions(self)
    }

    fn begin_era(&self) {
        for (id, _) in self.revisions() {
            self.look_again(&id);
        }
    }
}

/// Must be the first target: what it forgets must be forgotten before anybody is told that it is gone.
#[async_trait]
impl ReloadTarget for LastServed {
    fn observe(&self, change: &Change) {
        Observer::observe(self, change);
    }

    /// What is in the snapshot, so that deletions which happened while this node was away are found at its start.
    fn revisions(&self) -> Vec<(Id, Revision)> {
        LastServed::revisions(self)
    }

    fn begin_era(&self) {
        LastServed::begin_era(self);
    }
}

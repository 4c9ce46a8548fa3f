//! A target that remembers all it is told.

use hotbed_hotreload::ReloadTarget;
use hotbed_registry::{Change, ChangeKind, Id, Revision};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

#[derive(Debug, Default)]
pub(crate) struct Recorder {
    told: Mutex<Vec<Change>>,
    eras: AtomicUsize,
    returns: AtomicUsize,
}

impl Recorder {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The revisions it was told of, in order.
    pub(crate) fn revisions(&self) -> Vec<u64> {
        let told = self.told.lock().unwrap();
        told.iter().map(|change| change.revision.0).collect()
    }

    /// What it was told of one id.
    pub(crate) fn of(&self, id: &str) -> Vec<(ChangeKind, u64)> {
        let told = self.told.lock().unwrap();
        let told = told.iter().filter(|change| change.id.as_str() == id);
        told.map(|change| (change.kind, change.revision.0))
            .collect()
    }

    pub(crate) fn forget(&self) {
        self.told.lock().unwrap().clear();
    }

    pub(crate) fn eras(&self) -> usize {
        self.eras.load(SeqCst)
    }

    /// How often it was told that the registry is back.
    pub(crate) fn returns(&self) -> usize {
        self.returns.load(SeqCst)
    }
}

impl ReloadTarget for Recorder {
    fn observe(&self, change: &Change) {
        self.told.lock().unwrap().push(change.clone());
    }

    fn revisions(&self) -> Vec<(Id, Revision)> {
        Vec::new()
    }

    fn begin_era(&self) {
        self.eras.fetch_add(1, SeqCst);
    }

    fn registry_is_back(&self) {
        self.returns.fetch_add(1, SeqCst);
    }
}

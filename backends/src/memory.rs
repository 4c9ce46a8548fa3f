use hotbed_registry::{CollectionName, MemoryBackend};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Collections that live as long as this does.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    collections: Mutex<HashMap<CollectionName, Arc<MemoryBackend>>>,
}

impl MemoryStore {
    pub(crate) fn collection(&self, name: &CollectionName) -> Arc<MemoryBackend> {
        let mut collections = self
            .collections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(collections.entry(name.clone()).or_default())
    }
}

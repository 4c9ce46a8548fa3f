use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use crate::returned::Settled;
use crate::sync::{AtomicU64, Counted, Handles, Mutex, MutexGuard, Ordering};

/// Names a value that is not destroyed yet, and how many still use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Straggler {
    /// The name the value was lent under.
    pub name: Arc<str>,
    /// The generation the value was lent as.
    pub generation: u64,
    /// How many leases are out; 0 when the last has ended and the value is being destroyed.
    pub leases: usize,
}

/// The list of what is lent and not yet destroyed.
///
/// Nothing of a user's runs under its lock: entries hold no value, and are dropped after the lock is released.
pub(crate) struct Ledger {
    next_key: AtomicU64,
    /// Ordered, so that the oldest straggler is named first; a tree also never pauses a lender to rehash.
    entries: Mutex<BTreeMap<u64, Entry>>,
}

struct Entry {
    name: Arc<str>,
    generation: u64,
    handles: Handles,
}

impl Ledger {
    /// Takes a key for the value about to be lent under it. Keys are never used twice.
    pub(crate) fn reserve(self: &Arc<Self>) -> Settled {
        let key = self.next_key.fetch_add(1, Ordering::Relaxed);
        Settled::new(Arc::clone(self), key)
    }

    pub(crate) fn enter<S: Any + Send + Sync>(
        &self,
        key: u64,
        name: Arc<str>,
        generation: u64,
        shared: &Counted<S>,
    ) {
        let handles = Handles::of(shared);
        let entry = Entry {
            name,
            generation,
            handles,
        };
        self.entries().insert(key, entry);
    }

    pub(crate) fn strike(&self, key: u64) {
        // Named, so that it is freed after the lock is released.
        let _entry = self.entries().remove(&key);
    }

    pub(crate) fn outstanding(&self) -> usize {
        self.entries().len()
    }

    pub(crate) fn stragglers(&self) -> Vec<Straggler> {
        self.entries()
            .values()
            .map(|entry| Straggler {
                name: Arc::clone(&entry.name),
                generation: entry.generation,
                leases: entry.handles.count(),
            })
            .collect()
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<u64, Entry>> {
        // Each holder makes one call on the map, so a panic leaves it whole.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            next_key: AtomicU64::new(0),
            entries: Mutex::new(BTreeMap::new()),
        }
    }
}

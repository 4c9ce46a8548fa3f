use crate::clock::Clock;
use crate::entry::Entry;
use crate::key::Key;
use crate::outage::Outage;
use crate::places::Places;
use crate::queue::Queue;
use crate::slot::Slot;
use crate::stats::Counters;
use crate::surroundings::Surroundings;
use crate::{CacheSettings, Chance, InstanceFactory};
use crossbeam_queue::ArrayQueue;
use hotbed_lease::Lender;
use hotbed_registry::{Id, Reader};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Uses that the keeper has not looked at yet. Beyond it a use is only marked, and found by the next round.
const TOUCHES: usize = 4096;

/// The index: ids to slots, read without a lock.
pub(crate) type Index<T> = papaya::HashMap<Key, Entry<T>, foldhash::fast::RandomState>;

/// The index while it is read: what is found stays in memory as long as this does.
pub(crate) type IndexRef<'a, T> =
    papaya::HashMapRef<'a, Key, Entry<T>, foldhash::fast::RandomState, papaya::LocalGuard<'a>>;

/// The largest number of ids that the index makes room for at once; beyond it grows.
const INDEX_CAPACITY: usize = 1 << 21;

/// What the manager and its tasks share.
pub(crate) struct Shared<T> {
    pub(crate) factory: Arc<dyn InstanceFactory<T>>,
    pub(crate) reader: Reader,
    pub(crate) surroundings: Surroundings,
    /// Replaced when they are changed, see [`settings`](Self::settings).
    pub(crate) settings: RwLock<Arc<CacheSettings>>,
    /// Spreads trust and back-off.
    pub(crate) chance: Arc<Chance>,
    pub(crate) index: Index<T>,
    pub(crate) clock: Clock,
    /// Counts invalidations of everything.
    pub(crate) generation: AtomicU64,
    pub(crate) touches: ArrayQueue<Arc<Slot<T>>>,
    /// Slots whose build ended, for the keeper to house.
    pub(crate) to_keeper: Sender<Arc<Slot<T>>>,
    pub(crate) queue: Queue<T>,
    pub(crate) places: Places,
    pub(crate) outage: Outage,
    pub(crate) lender: Lender<T>,
    pub(crate) counters: Counters,
    pub(crate) tasks: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

impl<T: Send + Sync + 'static> Shared<T> {
    pub(crate) fn touches() -> ArrayQueue<Arc<Slot<T>>> {
        ArrayQueue::new(TOUCHES)
    }

    /// An index with room for all that may stay: until a growing one has moved its last entry, reads cost seven times
    /// as much (`benches/cached_hit.rs` shows it without this).
    pub(crate) fn index(settings: &CacheSettings) -> Index<T> {
        let ids = settings.capacity.saturating_add(settings.vacancies());
        let room = usize::try_from(ids)
            .unwrap_or(usize::MAX)
            .min(INDEX_CAPACITY);
        papaya::HashMap::builder()
            .capacity(room)
            .hasher(foldhash::fast::RandomState::default())
            .build()
    }

    /// How the cache behaves, as of now.
    pub(crate) fn settings(&self) -> Arc<CacheSettings> {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&settings)
    }

    /// The slot of an id, made if need be.
    pub(crate) fn slot(&self, id: &Id) -> Arc<Slot<T>> {
        let make = || {
            let now = self.clock.now();
            Entry::new(Arc::new(Slot::new(
                id.clone(),
                now,
                self.clock.to_ms(now),
                self.generation.load(Ordering::Acquire),
            )))
        };
        Arc::clone(&self.index.pin().get_or_insert_with(Key::of(id), make).slot)
    }

    /// All slots, in no particular order.
    pub(crate) fn slots(&self) -> Vec<Arc<Slot<T>>> {
        let index = self.index.pin();
        index
            .values()
            .map(|entry| Arc::clone(&entry.slot))
            .collect()
    }

    /// Takes a retired slot out of the index, unless another has its place already.
    pub(crate) fn unlist(&self, slot: &Arc<Slot<T>>) {
        let index = self.index.pin();
        if index
            .remove_if(&slot.id, |_, entry| Arc::ptr_eq(&entry.slot, slot))
            .is_err()
        {
            tracing::trace!(id = %slot.id, "another slot has taken its place");
        }
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}

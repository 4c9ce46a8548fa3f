use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What a cache has done since it was built, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Leases handed out without waiting.
    pub hits: u64,
    /// Calls that had to ask, wait, or were told that there is nothing.
    pub misses: u64,
    /// Instances created.
    pub builds: u64,
    /// Builds that failed, at whatever step.
    pub build_failures: u64,
    /// Times that an instance was confirmed against the registry instead of being rebuilt.
    pub renewals: u64,
    /// Ids that left because the cache was full or they were idle.
    pub evictions: u64,
    /// Ids known now, with or without an instance.
    pub size: u64,
    /// Instances not yet destroyed, in the cache or still on lease.
    pub instances: u64,
}

/// Threads that count on a stripe of their own; later ones share one more.
const OWN_STRIPES: usize = 31;

/// The counters. Hits are counted per thread: one shared counter, even one atomic addition, is a large part of a hit.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    hits: [Stripe; OWN_STRIPES + 1],
    pub(crate) misses: AtomicU64,
    pub(crate) builds: AtomicU64,
    pub(crate) build_failures: AtomicU64,
    pub(crate) renewals: AtomicU64,
    pub(crate) evictions: AtomicU64,
}

/// A counter alone on its cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe(AtomicU64);

thread_local! {
    static STRIPE: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed).min(OWN_STRIPES));
}
/// Threads that have hit any cache. Never counted down: a stripe has one owner for good.
static THREADS: AtomicUsize = AtomicUsize::new(0);

impl Counters {
    pub(crate) fn hit(&self) {
        let stripe = STRIPE.get();
        let hits = &self.hits[stripe].0;
        if stripe < OWN_STRIPES {
            // No other thread writes it, so nothing is lost between the load and the store.
            hits.store(hits.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        } else {
            hits.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self, size: usize, instances: usize) -> Stats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            hits: self.hits.iter().map(|stripe| get(&stripe.0)).sum(),
            misses: get(&self.misses),
            builds: get(&self.builds),
            build_failures: get(&self.build_failures),
            renewals: get(&self.renewals),
            evictions: get(&self.evictions),
            size: size as u64,
            instances: instances as u64,
        }
    }
}

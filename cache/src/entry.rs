use crate::Lease;
use crate::slot::Slot;
use hotbed_lease::{Lease as Loan, WeakLease as WeakLoan};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What the index holds for an id: its slot, and a short cut to the instance for hits.
///
/// All that a hit reads before it takes its lease stands here, beside the key: a hit looks into no more places of
/// memory than a plain map does, and what the places cost is most of a hit. Leases do not change it either, so one
/// reader's lease does not cost the others their look at it.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) slot: Arc<Slot<T>>,
    /// Weak, for the index frees what it replaced in its own time, and no instance may wait for that.
    instance: Option<WeakLoan<T>>,
    /// Until when the instance may be handed out without asking its slot, in the clock's milliseconds; 0 is not at all.
    fresh_until: AtomicU64,
    /// The invalidation of everything that the instance outlived.
    generation: AtomicU64,
    /// Used since the keeper last looked.
    touched: AtomicBool,
}

impl<T> Entry<T> {
    /// An entry without an instance.
    pub(crate) fn new(slot: Arc<Slot<T>>) -> Self {
        Self {
            slot,
            instance: None,
            fresh_until: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            touched: AtomicBool::new(false),
        }
    }

    /// The entry that comes in the place of this one, with another instance or none, not to be handed out yet. From
    /// here on this one is not handed out any more.
    pub(crate) fn replaced(&self, instance: Option<&Loan<T>>) -> Self {
        self.fresh_until.store(0, Ordering::Release);
        Self {
            slot: Arc::clone(&self.slot),
            instance: instance.map(Loan::downgrade),
            fresh_until: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            touched: AtomicBool::new(self.touched.load(Ordering::Relaxed)),
        }
    }

    /// Says until when the instance may be handed out. Only its slot does, under its lock.
    pub(crate) fn publish(&self, fresh_until_ms: u64, generation: u64) {
        if self.generation.load(Ordering::Relaxed) != generation {
            // The old promise ends before the new generation is seen: no reader may take one with the other.
            self.fresh_until.store(0, Ordering::Relaxed);
            self.generation.store(generation, Ordering::Release);
        }
        self.fresh_until.store(fresh_until_ms, Ordering::Release);
    }

    /// The instance, if it may be handed out without asking its slot: a few atomic steps, no lock. `used` is called if
    /// this is its first use since the keeper looked.
    #[inline]
    pub(crate) fn hit(
        &self,
        coarse_ms: u64,
        generation: u64,
        used: impl FnOnce(),
    ) -> Option<Lease<T>> {
        // Acquire pairs with `publish`, in this order: whoever learned of a write sees the 0 that it left here, and
        // whoever sees the new generation sees no older promise.
        let is_fresh = self.generation.load(Ordering::Acquire) == generation
            && coarse_ms < self.fresh_until.load(Ordering::Acquire);
        if !is_fresh {
            return None;
        }
        let lease = Lease::new(self.instance.as_ref()?.upgrade()?);
        if self.touch() {
            used();
        }
        Some(lease)
    }

    /// Notes a use; true the first time since the keeper looked.
    #[inline]
    pub(crate) fn touch(&self) -> bool {
        !self.touched.load(Ordering::Relaxed) && !self.touched.swap(true, Ordering::Relaxed)
    }

    /// The keeper looks.
    pub(crate) fn untouch(&self) -> bool {
        self.touched.swap(false, Ordering::Relaxed)
    }
}

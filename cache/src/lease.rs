use hotbed_lease::Lease as Loan;
use hotbed_registry::Revision;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The use of an instance: it stays alive and whole until the last clone of this is dropped, whatever happens to its
/// registration, and is destroyed after that. Derefs to the instance.
pub struct Lease<T> {
    loan: Loan<Instance<T>>,
}

/// An instance, and what decides whether it may be leased again.
pub(crate) struct Instance<T> {
    pub(crate) value: T,
    promise: Arc<Promise>,
}

/// Whether an instance may be handed out. In memory of its own, which readers only read: beside the count that every
/// lease changes, one reader's lease would cost the others their look at it.
#[derive(Debug, Default)]
pub(crate) struct Promise {
    /// Until when it may be handed out without asking its slot, in the clock's milliseconds; 0 is not at all.
    fresh_until: AtomicU64,
    /// The invalidation of everything that it outlived.
    generation: AtomicU64,
    /// Used since the keeper last looked.
    touched: AtomicBool,
}

impl<T> Instance<T> {
    /// An instance that nobody may have yet.
    pub(crate) fn new(value: T) -> Self {
        Self {
            value,
            promise: Arc::default(),
        }
    }

    #[inline]
    pub(crate) fn promise(&self) -> &Arc<Promise> {
        &self.promise
    }
}

impl Promise {
    /// Says until when it may be handed out. Only its slot does, under its lock.
    pub(crate) fn publish(&self, fresh_until_ms: u64, generation: u64) {
        if self.generation.load(Ordering::Relaxed) != generation {
            // The old promise ends before the new generation is seen: no reader may take one with the other.
            self.fresh_until.store(0, Ordering::Relaxed);
            self.generation.store(generation, Ordering::Release);
        }
        self.fresh_until.store(fresh_until_ms, Ordering::Release);
    }

    #[inline]
    pub(crate) fn is_fresh(&self, coarse_ms: u64, generation: u64) -> bool {
        // Acquire pairs with `publish`, in this order: whoever learned of a write sees the 0 that it left here, and
        // whoever sees the new generation sees no older promise.
        self.generation.load(Ordering::Acquire) == generation
            && coarse_ms < self.fresh_until.load(Ordering::Acquire)
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

impl<T> Lease<T> {
    #[inline]
    pub(crate) fn new(loan: Loan<Instance<T>>) -> Self {
        Self { loan }
    }

    pub(crate) fn promise(&self) -> &Promise {
        self.loan.promise()
    }

    /// The id whose instance this is.
    pub fn id(&self) -> &str {
        self.loan.name()
    }

    /// The revision that the instance was built from.
    pub fn revision(&self) -> Revision {
        Revision(self.loan.generation())
    }
}

impl<T> Deref for Lease<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.loan.value
    }
}

impl<T> Clone for Lease<T> {
    fn clone(&self) -> Self {
        Self {
            loan: self.loan.clone(),
        }
    }
}

impl<T> fmt::Debug for Lease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({}@{})", self.id(), self.revision())
    }
}

use std::fmt;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::ledger::Ledger;
use crate::returned::Returned;
use crate::sync::Counted;

pub(crate) type OnReturn<T> = dyn Fn(Returned<T>) + Send + Sync;

/// Keeps a lent value alive and usable for as long as it is held.
///
/// A clone is one more lease of the same value, at the price of one atomic increment. There is no way to take the
/// value out of a lease. A lease that is leaked ([`std::mem::forget`]) keeps its value outstanding for ever.
pub struct Lease<T> {
    shared: Counted<Shared<T>>,
}

/// What all leases of one value point at; its own end is the end of the last lease.
///
/// In this order in memory, so that the value stands beside the count that each new lease touches.
#[repr(C)]
struct Shared<T> {
    /// `None` only within `drop`.
    lent: Option<Returned<T>>,
    on_return: Arc<OnReturn<T>>,
}

impl<T: Send + Sync + 'static> Lease<T> {
    pub(crate) fn open(
        ledger: &Arc<Ledger>,
        on_return: Arc<OnReturn<T>>,
        name: Arc<str>,
        generation: u64,
        value: T,
    ) -> Self {
        let settled = ledger.reserve();
        let key = settled.key();
        let shared = Counted::new(Shared {
            lent: Some(Returned::new(value, Arc::clone(&name), generation, settled)),
            on_return,
        });
        ledger.enter(key, name, generation, &shared);
        Self { shared }
    }
}

impl<T> Lease<T> {
    /// Names the value for people, as it was given to [`Lender::lend`](crate::Lender::lend).
    pub fn name(&self) -> &str {
        self.lent().name()
    }

    /// Tells this value from others of its name, as it was given to [`Lender::lend`](crate::Lender::lend).
    pub fn generation(&self) -> u64 {
        self.lent().generation()
    }

    fn lent(&self) -> &Returned<T> {
        self.shared
            .lent
            .as_ref()
            .expect("only the end of the last lease takes it")
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        let Some(returned) = self.lent.take() else {
            return;
        };
        // A lease may end in a thread that is already unwinding; a second panic there would abort the process.
        // What panicked is told by the panic hook.
        drop(catch_unwind(AssertUnwindSafe(|| {
            (self.on_return)(returned);
        })));
    }
}

impl<T> Deref for Lease<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.lent().value()
    }
}

impl<T> Clone for Lease<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Counted::clone(&self.shared),
        }
    }
}

impl<T> fmt::Debug for Lease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("name", &self.name())
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}

/// Finds a lent value again without keeping it: a look-up table may hold these and never delays a destruction.
#[cfg(not(hotbed_loom))]
pub struct WeakLease<T> {
    shared: std::sync::Weak<Shared<T>>,
}

#[cfg(not(hotbed_loom))]
impl<T> Lease<T> {
    /// A reference to the value that is no lease.
    pub fn downgrade(&self) -> WeakLease<T> {
        WeakLease {
            shared: Arc::downgrade(&self.shared),
        }
    }
}

#[cfg(not(hotbed_loom))]
impl<T> WeakLease<T> {
    /// One more lease of the value, unless its last has ended already.
    pub fn upgrade(&self) -> Option<Lease<T>> {
        self.shared.upgrade().map(|shared| Lease { shared })
    }
}

#[cfg(not(hotbed_loom))]
impl<T> Clone for WeakLease<T> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

#[cfg(not(hotbed_loom))]
impl<T> fmt::Debug for WeakLease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakLease").finish_non_exhaustive()
    }
}

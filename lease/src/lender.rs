use std::fmt;
use std::sync::Arc;

use crate::lease::{Lease, OnReturn};
use crate::ledger::{Ledger, Straggler};
use crate::returned::Returned;

/// Hands out values and knows which of them are not destroyed yet.
///
/// Clones are handles to the same lender. Leases keep working, and values keep being returned, after the last handle
/// is gone.
pub struct Lender<T> {
    on_return: Arc<OnReturn<T>>,
    ledger: Arc<Ledger>,
}

impl<T: Send + Sync + 'static> Lender<T> {
    /// Makes a lender that gives each value, once its last lease has ended, to `on_return`.
    ///
    /// `on_return` is called exactly once per value, on the thread that dropped the last lease, which may be any
    /// thread: it must not block. It may use the lender and drop other leases; no lock is held. It is kept until the
    /// last handle and the last lease are gone, so it must not own a handle or a lease of its own lender, or neither
    /// is ever freed.
    ///
    /// If it panics, the panic hook reports that and the panic ends there: the thread that dropped the lease goes on,
    /// the value is dropped and settled unless `on_return` had already passed it on, and later values are returned as
    /// usual.
    pub fn new(on_return: impl Fn(Returned<T>) + Send + Sync + 'static) -> Self {
        Self {
            on_return: Arc::new(on_return),
            ledger: Arc::default(),
        }
    }

    /// Lends `value` until the returned lease and all its clones are dropped.
    ///
    /// `name` and `generation` tell people which value this is; they need not be unique.
    pub fn lend(&self, name: Arc<str>, generation: u64, value: T) -> Lease<T> {
        Lease::open(
            &self.ledger,
            Arc::clone(&self.on_return),
            name,
            generation,
            value,
        )
    }
}

impl<T> Lender<T> {
    /// Tells how many values are lent or not fully destroyed: those whose [`Settled`](crate::Settled) still exists.
    pub fn outstanding(&self) -> usize {
        self.ledger.outstanding()
    }

    /// Names the outstanding values, in the order they were lent, for whoever waits for them.
    ///
    /// Lending and settling wait while the list is made, so call it at a deadline rather than in a loop.
    pub fn stragglers(&self) -> Vec<Straggler> {
        self.ledger.stragglers()
    }
}

impl<T> Clone for Lender<T> {
    fn clone(&self) -> Self {
        Self {
            on_return: Arc::clone(&self.on_return),
            ledger: Arc::clone(&self.ledger),
        }
    }
}

impl<T> fmt::Debug for Lender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lender")
            .field("outstanding", &self.outstanding())
            .finish_non_exhaustive()
    }
}

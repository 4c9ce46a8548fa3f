use std::fmt;
use std::sync::Arc;

use crate::ledger::Ledger;

/// Carries a value that nobody uses any more to its destruction.
///
/// Dropping it destroys the value in place, then settles it.
#[repr(C)]
pub struct Returned<T> {
    // Declared, and so dropped, before `settled`: the value counts as outstanding until it is destroyed.
    value: T,
    name: Arc<str>,
    generation: u64,
    settled: Settled,
}

impl<T> Returned<T> {
    pub(crate) fn new(value: T, name: Arc<str>, generation: u64, settled: Settled) -> Self {
        Self {
            value,
            name,
            generation,
            settled,
        }
    }

    /// Names the value for people, as it was given to [`Lender::lend`](crate::Lender::lend).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells this value from others of its name, as it was given to [`Lender::lend`](crate::Lender::lend).
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Takes the value out for destruction; drop the token when that is done, however it went.
    pub fn into_value(self) -> (T, Settled) {
        (self.value, self.settled)
    }

    pub(crate) fn value(&self) -> &T {
        &self.value
    }
}

impl<T> fmt::Debug for Returned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Returned")
            .field("name", &self.name)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// Says, by being dropped, that one value is destroyed.
///
/// Until then the value counts in [`Lender::outstanding`](crate::Lender::outstanding).
#[must_use = "dropping it says that the value is destroyed: hold it until it is"]
pub struct Settled {
    ledger: Arc<Ledger>,
    key: u64,
}

impl Settled {
    pub(crate) fn new(ledger: Arc<Ledger>, key: u64) -> Self {
        Self { ledger, key }
    }

    pub(crate) fn key(&self) -> u64 {
        self.key
    }
}

impl Drop for Settled {
    fn drop(&mut self) {
        self.ledger.strike(self.key);
    }
}

impl fmt::Debug for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settled")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

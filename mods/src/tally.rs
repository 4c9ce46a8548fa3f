use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What became of the events and commands of one generation, for people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many ended well.
    pub done: u64,
    /// How many ended with an error, a panic, or at their deadline.
    pub failed: u64,
    /// How many were refused, since too many waited.
    pub refused: u64,
    /// What the last that did not end well said.
    pub last_error: Option<String>,
}

/// A [`Tally`] that is kept.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    done: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    last_error: Mutex<Option<String>>,
}

impl Counters {
    pub(crate) fn done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self, error: &str) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.note(error);
    }

    pub(crate) fn refused(&self, error: &str) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.note(error);
    }

    pub(crate) fn tally(&self) -> Tally {
        let last_error = self.last_error.lock();
        Tally {
            done: self.done.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            last_error: last_error.unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    fn note(&self, error: &str) {
        // One assignment.
        *self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(error.to_owned());
    }
}

//! What all worlds together came to, so that a run which proves nothing is seen.

use std::collections::BTreeMap;
use std::sync::Mutex;

#[derive(Debug, Default)]
pub(crate) struct Census {
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

impl Census {
    /// So many more of these.
    pub(crate) fn add(&self, what: &'static str, n: u64) {
        *self.counts.lock().unwrap().entry(what).or_default() += n;
    }

    /// One more.
    pub(crate) fn note(&self, what: &'static str) {
        self.add(what, 1);
    }

    /// So many, or none if nobody counted any.
    pub(crate) fn of(&self, what: &'static str) -> u64 {
        self.counts.lock().unwrap().get(what).copied().unwrap_or(0)
    }

    /// Adds all that another one counted.
    pub(crate) fn absorb(&self, other: &Self) {
        for (what, n) in &*other.counts.lock().unwrap() {
            self.add(what, *n);
        }
    }
}

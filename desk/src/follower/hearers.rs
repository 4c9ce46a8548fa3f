//! Who hears what looks do.

use hotbed_mods::Report;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Those who hear.
#[derive(Debug, Default)]
pub(super) struct Hearers(Mutex<Vec<Weak<Mutex<Report>>>>);

/// What was done since somebody began to hear of it.
#[derive(Debug, Default)]
pub(crate) struct Heard(Arc<Mutex<Report>>);

impl Hearers {
    /// Hears what is done from now on, until what it answers is dropped.
    pub(super) fn hear(&self) -> Heard {
        let heard = Heard::default();
        lock(&self.0).push(Arc::downgrade(&heard.0));
        heard
    }

    /// Tells of one look.
    pub(super) fn tell(&self, report: &Report) {
        lock(&self.0).retain(|hearer| {
            let Some(heard) = hearer.upgrade() else {
                return false;
            };
            lock(&heard).then(report.clone());
            true
        });
    }
}

impl Heard {
    /// What was done so far.
    pub(crate) fn report(&self) -> Report {
        lock(&self.0).clone()
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

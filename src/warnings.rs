//! What whoever runs this node should know, as it is now.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// Where a warning comes from; told in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// How the server was started.
    Start,
    /// The bots of domain files, as they were registered.
    Bots,
    /// The mods of mod files, as they were registered.
    Mods,
    /// The configuration directory, as it was read last.
    Directory,
}

/// The warnings of all subjects. What a subject says takes the place of what it said before.
#[derive(Debug)]
pub(crate) struct Warnings {
    by_subject: Mutex<BTreeMap<Subject, Vec<String>>>,
    told: watch::Sender<Vec<String>>,
}

impl Warnings {
    /// None yet, and whoever wants to see them.
    pub(crate) fn new() -> (Self, watch::Receiver<Vec<String>>) {
        let (told, seen) = watch::channel(Vec::new());
        let by_subject = Mutex::default();
        (Self { by_subject, told }, seen)
    }

    /// Says all that there is to say of a subject.
    pub(crate) fn tell(&self, subject: Subject, warnings: Vec<String>) {
        let mut by_subject = self
            .by_subject
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        by_subject.insert(subject, warnings);
        // Under the lock, so that what is told last is what was said last.
        self.told
            .send_replace(by_subject.values().flatten().cloned().collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_says_what_is_so_now() {
        let (warnings, seen) = Warnings::new();
        let told = |texts: &[&str]| texts.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        warnings.tell(Subject::Directory, told(&["broken"]));
        warnings.tell(Subject::Start, told(&["deaf", "empty"]));
        assert_eq!(*seen.borrow(), told(&["deaf", "empty", "broken"]));
        warnings.tell(Subject::Directory, Vec::new());
        assert_eq!(*seen.borrow(), told(&["deaf", "empty"]));
    }
}

//! What the one writer keeps.

use crate::desired::Desired;
use crate::generation::Installed;
use crate::id::ModId;
use crate::settings::HostSettings;
use std::collections::BTreeMap;
use tokio::time::Instant;

#[derive(Default)]
pub(crate) struct Book {
    /// As it was said last.
    pub(crate) desired: BTreeMap<ModId, Desired>,
    /// What is in service.
    pub(crate) running: BTreeMap<ModId, Installed>,
    /// What is not as desired.
    pub(crate) failed: BTreeMap<ModId, Failed>,
    pub(crate) closed: bool,
}

/// Why a mod is not as desired, and when it is tried again.
pub(crate) struct Failed {
    pub(crate) message: String,
    /// What could not be done.
    pub(crate) against: Desired,
    /// How often in a row.
    pub(crate) times: u32,
    pub(crate) retry: Retry,
}

/// When something that failed is worth another try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Retry {
    /// From then on: it failed because of itself.
    At(Instant),
    /// Whenever this one is tried: without it, it cannot come into service.
    With(ModId),
    /// Always: something is missing, and that is found before anything is built.
    Always,
}

impl Book {
    /// Those in service that depend on a mod, directly or through others.
    pub(crate) fn dependents(&self, id: &ModId) -> Vec<ModId> {
        let mut found: Vec<ModId> = Vec::new();
        let mut next = vec![id];
        while let Some(on) = next.pop() {
            for (dependent, installed) in &self.running {
                let depends = installed.keeping.manifest.dependencies.contains(on);
                if depends && dependent != id && !found.contains(dependent) {
                    found.push(dependent.clone());
                    next.push(dependent);
                }
            }
        }
        found.sort();
        found
    }

    /// Notes that something could not be done because of itself.
    pub(crate) fn note_failure(
        &mut self,
        desired: &Desired,
        message: String,
        settings: &HostSettings,
    ) {
        let before = self.failed.get(&desired.id);
        let times = before
            .filter(|before| before.against.has_substance_of(desired))
            .map_or(0, |before| before.times)
            .saturating_add(1);
        self.failed.insert(
            desired.id.clone(),
            Failed {
                message,
                against: desired.clone(),
                times,
                retry: Retry::At(Instant::now() + settings.wait(times)),
            },
        );
    }

    /// Notes that something could not be done because of another.
    pub(crate) fn note_wait(&mut self, desired: &Desired, message: String, retry: Retry) {
        self.failed.insert(
            desired.id.clone(),
            Failed {
                message,
                against: desired.clone(),
                times: 0,
                retry,
            },
        );
    }

    /// When the next failure is worth another try.
    pub(crate) fn next_retry(&self) -> Option<Instant> {
        self.failed
            .values()
            .filter_map(|failed| match failed.retry {
                Retry::At(at) => Some(at),
                Retry::With(_) | Retry::Always => None,
            })
            .min()
    }
}

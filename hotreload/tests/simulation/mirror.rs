//! A target that believes what it is told: what a node makes of the registry.

use crate::complaints::Complaints;
use crate::truth::Truth;
use hotbed_hotreload::ReloadTarget;
use hotbed_registry::{Change, ChangeKind, Id, Revision};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct Mirror {
    node: usize,
    truth: Arc<Truth>,
    complaints: Arc<Complaints>,
    began: Instant,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    ids: BTreeMap<Id, Entry>,
    /// When each was last invalidated.
    invalidated: BTreeMap<Id, Instant>,
    /// The newest revision that it was told of in this era.
    newest: Revision,
    eras: u64,
    /// When the last of them began, or its process.
    era_began: Option<Instant>,
}

/// What was told of an id. No revision: of this era, nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) revision: Option<Revision>,
    pub(crate) is_gone: bool,
}

impl Mirror {
    pub(crate) fn new(node: usize, truth: Arc<Truth>, complaints: Arc<Complaints>) -> Self {
        Self {
            node,
            truth,
            complaints,
            began: Instant::now(),
            told: Mutex::default(),
        }
    }

    /// The ids that it believes are registered.
    pub(crate) fn there(&self) -> BTreeMap<Id, Option<Revision>> {
        let told = self.told();
        let there = told.ids.iter().filter(|(_, entry)| !entry.is_gone);
        there
            .map(|(id, entry)| (id.clone(), entry.revision))
            .collect()
    }

    pub(crate) fn of(&self, id: &Id) -> Option<Entry> {
        self.told().ids.get(id).copied()
    }

    pub(crate) fn invalidated(&self, id: &Id) -> Option<Instant> {
        self.told().invalidated.get(id).copied()
    }

    pub(crate) fn eras(&self) -> u64 {
        self.told().eras
    }

    /// The newest revision that it was told of.
    pub(crate) fn newest(&self) -> Revision {
        self.told().newest
    }

    /// Whether it was told of the last restore, or is younger.
    pub(crate) fn knows_the_registry(&self) -> bool {
        self.told().era_began.unwrap_or(self.began) > self.truth.era_began()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap()
    }
}

impl ReloadTarget for Mirror {
    fn observe(&self, change: &Change) {
        let Change { id, revision, .. } = change;
        self.complaints.trace().note((
            "told",
            self.node,
            id.as_str(),
            revision.0,
            change.kind.as_str(),
        ));
        let is_gone = change.kind == ChangeKind::Deleted;
        if !is_gone && !self.truth.was_written(id, *revision) {
            self.complaints.add(self.node, || {
                format!("told of {id} at {revision}, which nobody wrote")
            });
        }
        let mut told = self.told();
        told.newest = told.newest.max(*revision);
        let entry = Entry {
            revision: Some(*revision),
            is_gone,
        };
        let before = told.ids.get(id).and_then(|known| known.revision);
        if before.is_none_or(|before| before < *revision) {
            told.ids.insert(id.clone(), entry);
        }
    }

    fn revisions(&self) -> Vec<(Id, Revision)> {
        let there = self.there().into_iter();
        there
            .map(|(id, revision)| (id, revision.unwrap_or_default()))
            .collect()
    }

    fn invalidate(&self, id: &Id) {
        self.complaints
            .trace()
            .note(("invalidated", self.node, id.as_str()));
        self.told().invalidated.insert(id.clone(), Instant::now());
    }

    fn begin_era(&self) {
        self.complaints.trace().note(("era", self.node));
        let mut told = self.told();
        told.eras += 1;
        told.newest = Revision::ZERO;
        told.era_began = Some(Instant::now());
        for entry in told.ids.values_mut() {
            entry.revision = None;
        }
    }
}

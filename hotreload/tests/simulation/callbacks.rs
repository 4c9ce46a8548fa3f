//! What a node's `on_change` was called with.

use crate::census::Census;
use crate::complaints::Complaints;
use crate::truth::Truth;
use hotbed_cache::ConfigChange;
use hotbed_registry::{Id, Registration, Revision};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct Callbacks {
    node: usize,
    truth: Arc<Truth>,
    complaints: Arc<Complaints>,
    census: Arc<Census>,
    began: Instant,
    /// What the callbacks so far add up to.
    known: Mutex<BTreeMap<Id, Revision>>,
}

impl Callbacks {
    pub(crate) fn new(
        node: usize,
        truth: Arc<Truth>,
        complaints: Arc<Complaints>,
        census: Arc<Census>,
    ) -> Self {
        Self {
            node,
            truth,
            complaints,
            census,
            began: Instant::now(),
            known: Mutex::default(),
        }
    }

    /// What was there before the first.
    pub(crate) fn begin(&self, revisions: Vec<(Id, Revision)>) {
        *self.known.lock().unwrap() = revisions.into_iter().collect();
    }

    /// Each must begin where the one before it ended, and lead on.
    pub(crate) fn call(&self, change: &ConfigChange) {
        let revision = |it: &Option<Registration>| it.as_ref().map(|found| found.revision);
        let (id, old, new) = (&change.id, revision(&change.old), revision(&change.new));
        self.census.note("callbacks");
        self.complaints.trace().note((
            "callback",
            self.node,
            id.as_str(),
            old.map(|it| it.0),
            new.map(|it| it.0),
        ));
        let mut known = self.known.lock().unwrap();
        let before = match new {
            Some(new) => known.insert(id.clone(), new),
            None => known.remove(id),
        };
        let was_restored = self.truth.era_began() >= self.began;
        let goes_back = new.is_some() && new <= old && !was_restored;
        if before != old || goes_back {
            self.complaints.add(self.node, || {
                format!("callback of {id} from {old:?} to {new:?} after one to {before:?}")
            });
        }
    }

    pub(crate) fn known(&self) -> BTreeMap<Id, Revision> {
        self.known.lock().unwrap().clone()
    }
}

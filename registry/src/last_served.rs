#[cfg(test)]
mod tests;

use crate::{Change, ChangeKind, Id, Observer, Registration, Revision, Snapshot};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Decides what a [`Snapshot`] keeps: the newest that the registry said of each id, in whatever order its answers and
/// the news of deletions arrive.
///
/// # Guarantees
/// - What a [`Reader`](crate::Reader) reads to build from is kept before the read returns, so before anybody is served
///   from it; that an id is gone, before the read says so, and before [`observe`](Observer::observe) returns.
/// - An older revision never replaces a newer one, and a read that began before a deletion never brings back what was
///   deleted; unless the registry was replaced by another since, for that one's revisions begin anew.
/// - Of ids that are not kept, nothing stays in memory once no read of them is under way.
///
/// So it must be told before whoever answers from what it is told: it is the first observer of a
/// [`Registry`](crate::Registry), and the first target of the loop that follows its log.
pub struct LastServed {
    snapshot: Arc<dyn Snapshot>,
    order: Mutex<Order>,
}

#[derive(Debug, Default)]
struct Order {
    /// Counts what happened.
    clock: u64,
    /// When the registry was replaced last.
    era_began: u64,
    /// Those kept since before this process, or before the registry was replaced: whatever the registry says now is
    /// newer, for a backup may have been restored meanwhile.
    unconfirmed: HashSet<Id>,
    under_way: HashMap<Id, UnderWay>,
}

/// What those who read an id must know of what happened since they began.
#[derive(Debug, Default)]
struct UnderWay {
    reads: usize,
    saved: u64,
    gone: Gone,
}

#[derive(Debug, Default, Clone, Copy)]
struct Gone {
    when: u64,
    /// The revision of the deletion, unless it was only found to be gone.
    at: Option<Revision>,
}

/// A read of one id that is under way.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    of: &'a LastServed,
    id: &'a Id,
    began: u64,
}

/// What became of an answer of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noted {
    /// It is kept, or what is kept is newer.
    Yes,
    /// Another answer came meanwhile, and nobody can say which of them is newer: read again.
    Overtaken,
}

impl LastServed {
    pub(crate) fn new(snapshot: Arc<dyn Snapshot>) -> Self {
        let last_served = Self {
            snapshot,
            order: Mutex::default(),
        };
        last_served.begin_era();
        last_served
    }

    /// Which ids are kept, and at which revision.
    pub fn revisions(&self) -> Vec<(Id, Revision)> {
        self.snapshot.revisions()
    }

    /// The registry was replaced by another: revisions begin anew. Must be called before whoever serves from what is
    /// read in the new era begins it.
    pub fn begin_era(&self) {
        let mut order = self.order();
        order.era_began = order.tick();
        order.unconfirmed = self.revisions().into_iter().map(|(id, _)| id).collect();
    }

    /// A read of an id begins.
    pub(crate) fn begin<'a>(&'a self, id: &'a Id) -> Reading<'a> {
        let mut order = self.order();
        order.under_way.entry(id.clone()).or_default().reads += 1;
        Reading {
            of: self,
            id,
            began: order.clock,
        }
    }

    pub(crate) fn snapshot(&self) -> &dyn Snapshot {
        &*self.snapshot
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        // Every update is complete before the next line can panic.
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Order {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
}

impl Reading<'_> {
    /// The registry answered.
    pub(crate) fn note(&self, found: Option<&Registration>) -> Noted {
        let Self { of, id, began } = *self;
        let order = &mut *of.order();
        let now = order.tick();
        let under_way = order.under_way.entry(id.clone()).or_default();
        if order.era_began > began {
            return Noted::Overtaken;
        }
        match found {
            Some(found) => {
                let Gone { when, at } = under_way.gone;
                if when > began && at.is_none_or(|at| found.revision < at) {
                    return Noted::Overtaken;
                }
                let known = of.snapshot.revision(id);
                let is_older = known.is_some_and(|known| found.revision < known);
                if is_older && !order.unconfirmed.contains(id) {
                    return Noted::Yes;
                }
                of.snapshot.save(found);
                under_way.saved = now;
            }
            None if under_way.saved > began => return Noted::Overtaken,
            None => {
                of.snapshot.forget(id);
                under_way.gone = Gone {
                    when: now,
                    at: None,
                };
            }
        }
        order.unconfirmed.remove(id);
        Noted::Yes
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let mut order = self.of.order();
        if let Some(under_way) = order.under_way.get_mut(self.id) {
            under_way.reads -= 1;
            if under_way.reads == 0 {
                order.under_way.remove(self.id);
            }
        }
    }
}

impl Observer for LastServed {
    /// Forgets what was deleted or taken out of service, unless it has been read anew since.
    fn observe(&self, change: &Change) {
        let Change {
            id, revision, kind, ..
        } = change;
        if !matches!(kind, ChangeKind::Deleted | ChangeKind::Deactivated) {
            return;
        }
        let order = &mut *self.order();
        let known = self.snapshot.revision(id);
        let is_back = known.is_some_and(|known| known >= *revision);
        if is_back && !order.unconfirmed.contains(id) {
            return;
        }
        if known.is_some() {
            self.snapshot.forget(id);
        }
        order.unconfirmed.remove(id);
        let now = order.tick();
        if let Some(under_way) = order.under_way.get_mut(id) {
            let before = under_way.gone;
            under_way.gone = Gone {
                when: now,
                // One of which the revision is not known may be newer than this.
                at: match before {
                    Gone { when: 0, .. } => Some(*revision),
                    Gone { at, .. } => at.map(|at| at.max(*revision)),
                },
            };
        }
    }
}

impl fmt::Debug for LastServed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastServed")
            .field("snapshot", &self.snapshot)
            .finish_non_exhaustive()
    }
}

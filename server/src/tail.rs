//! The newest part of the log, read once for all who follow it.

#[cfg(test)]
mod tests;

use crate::fault::{Fault, Kind};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use hotbed_registry::{Change, Changes, Reader, Revision};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Entries that are kept. Who is further behind reads the registry.
const KEPT: usize = 4_096;
/// Entries per read.
const PAGE: usize = 1_000;
/// How long one read may take: many wait for it.
const READ_DEADLINE: Duration = Duration::from_secs(5);

/// The newest part of the log, up to where this node has caught up.
///
/// Each step forward is read from the registry once, by whoever of the watchers comes first, and copied by the others.
#[derive(Debug)]
pub(crate) struct Tail {
    reader: Reader,
    reached: watch::Receiver<Revision>,
    recent: Mutex<Recent>,
}

#[derive(Debug)]
struct Recent {
    /// Without a gap, oldest first; the last one is at `end`. Empty where nothing before `end` is kept.
    entries: VecDeque<Arc<Change>>,
    end: Revision,
    /// A read of what follows `end`. Weak, for one that nobody waits for any more is not to be finished later.
    reading: Option<WeakShared<Reading>>,
}

type Reading = BoxFuture<'static, Arc<Read>>;

/// A part of the log as it was read.
#[derive(Debug)]
struct Read {
    after: Revision,
    /// Where this node was when the read began: what is before that must be there.
    reached: Revision,
    changes: Result<Changes, Fault>,
}

/// What a watcher finds.
#[derive(Debug)]
pub(crate) struct Found {
    /// The next entries; empty at the end of the log.
    pub(crate) changes: Vec<Arc<Change>>,
    /// Where to go on.
    pub(crate) next: Revision,
    /// The newest revision of the log, as far as is known where it was read.
    pub(crate) head: Revision,
}

impl Tail {
    pub(crate) fn new(reader: Reader, reached: watch::Receiver<Revision>) -> Self {
        let recent = Mutex::new(Recent {
            entries: VecDeque::new(),
            end: *reached.borrow(),
            reading: None,
        });
        Self {
            reader,
            reached,
            recent,
        }
    }

    /// What follows a revision, up to where this node has caught up; `None` where that is not kept, because the
    /// revision is too old or this node does not know it.
    pub(crate) async fn after(
        &self,
        after: Revision,
        limit: usize,
    ) -> Result<Option<Found>, Fault> {
        loop {
            let reading = {
                let mut recent = self.recent();
                // Looked at under the lock, so that it never seems to go back unless it does.
                let reached = *self.reached.borrow();
                recent.prepare(reached);
                if recent.end == reached {
                    return Ok(recent.after(after, limit));
                }
                let under_way = recent.reading.as_ref().and_then(WeakShared::upgrade);
                under_way.unwrap_or_else(|| {
                    let reading = self.read_on(recent.end, reached);
                    recent.reading = reading.downgrade();
                    reading
                })
            };
            let read = reading.await;
            self.recent().append(&read, *self.reached.borrow())?;
        }
    }

    fn read_on(&self, after: Revision, reached: Revision) -> Shared<Reading> {
        let reader = self.reader.clone();
        let read = async move {
            let changes =
                match tokio::time::timeout(READ_DEADLINE, reader.changes(after, PAGE)).await {
                    Ok(changes) => changes.map_err(Fault::from),
                    Err(_) => Err(Fault::new(
                        Kind::Unavailable,
                        "the registry does not answer: try again later",
                    )
                    .retry_after(Duration::from_secs(1))),
                };
            Arc::new(Read {
                after,
                reached,
                changes,
            })
        };
        read.boxed().shared()
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        // Consistent between any two lines that could panic.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    /// Gives up what is kept where reading on makes no sense: after another registry took the place of this one, whose
    /// revisions begin anew, and after a leap that would leave nothing of it.
    fn prepare(&mut self, reached: Revision) {
        if reached < self.end || reached.0 - self.end.0 > KEPT as u64 {
            self.forget(reached);
        }
    }

    fn forget(&mut self, reached: Revision) {
        self.entries.clear();
        self.end = reached;
        self.reading = None;
    }

    /// Takes over what was read, if nobody did before.
    fn append(&mut self, read: &Read, reached: Revision) -> Result<(), Fault> {
        if self.end != read.after {
            return Ok(());
        }
        self.reading = None;
        match &read.changes {
            Err(fault) => return Err(fault.clone()),
            Ok(Changes::Log { changes, head }) => {
                let known = changes.iter().filter(|change| change.revision <= reached);
                self.entries.extend(known.cloned().map(Arc::new));
                self.end = self.entries.back().map_or(self.end, |last| last.revision);
                let excess = self.entries.len().saturating_sub(KEPT);
                self.entries.drain(..excess);
                let is_all = changes.last().is_none_or(|last| last.revision >= *head);
                if is_all && self.end < read.reached {
                    // The log is shorter than it was.
                    self.forget(reached);
                }
            }
            Ok(Changes::Compacted { .. }) => self.forget(reached),
        }
        Ok(())
    }

    fn after(&self, after: Revision, limit: usize) -> Option<Found> {
        let is_kept = after == self.end
            || (after < self.end
                && self
                    .entries
                    .front()
                    .is_some_and(|first| first.revision <= after.next()));
        if !is_kept {
            return None;
        }
        let from = self
            .entries
            .partition_point(|change| change.revision <= after);
        let changes: Vec<_> = self.entries.range(from..).take(limit).cloned().collect();
        Some(Found {
            next: changes.last().map_or(after, |last| last.revision),
            changes,
            head: self.end,
        })
    }
}

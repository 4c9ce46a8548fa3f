use crate::history;
use crate::{
    Access, ChangeNote, Changes, Draft, Error, HistoryRetention, Id, Page, Past, Precondition,
    Query, Registration, Revision,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use std::fmt;
use std::time::Duration;

/// Stores one collection of registrations and the log of their changes: the truth.
///
/// A value of this type is connected and ready; dropping it releases what it holds.
///
/// # Guarantees that every implementation gives
/// - A write is atomic, durable when it returns, and decided by its [`Precondition`] in the same step.
/// - Each write that changes something takes the next revision, and its log entry becomes visible with it:
///   nobody ever sees a revision and later a smaller one that was not there before.
/// - A read that starts after a write returned sees it, whoever wrote.
/// - A dropped future may still complete the write; it never half completes it.
///
/// The `conformance` module (feature `conformance`) checks all of this for your own backend.
#[async_trait]
pub trait RegistryBackend: fmt::Debug + Send + Sync + 'static {
    /// Reads one registration; `None` if there is none.
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error>;

    /// Creates or replaces a registration if `when` holds; answers what is stored now.
    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error>;

    /// Deletes a registration if `when` holds; answers the revision of the deletion. Where a history is kept, it keeps
    /// the note too.
    ///
    /// Where there is nothing to delete: [`Error::NotFound`], or [`Error::Conflict`] if `when` demanded that
    /// there be something, at whatever revision or at a certain one.
    async fn delete(
        &self,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error>;

    /// Lists registrations: filter, order, offset and limit in one consistent read.
    async fn list(&self, query: &Query) -> Result<Page, Error>;

    /// Counts the registrations that match the filters of a query.
    async fn count(&self, query: &Query) -> Result<u64, Error>;

    /// The newest revision of the collection.
    async fn head(&self) -> Result<Revision, Error>;

    /// Which id stands at which revision, in id order from the first id greater than `after`, at most `limit`.
    /// For a reader whose cursor was [`Changes::Compacted`].
    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error>;

    /// The log after a revision, at most `limit` entries. The cost follows what changed, not what is stored.
    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error>;

    /// Notes when registrations were last accessed. Never a change: no revision, no log entry, and never a
    /// step back. Unknown ids are ignored.
    async fn touch(&self, accesses: &[Access]) -> Result<(), Error>;

    /// Forgets log entries and past versions beyond the retention; answers the oldest revision that the log still
    /// tells, or the one after the head if it tells none. Registrations are not affected.
    async fn compact(&self, keep: Retention) -> Result<Revision, Error>;

    /// The writes of one registration that are still remembered, newest first from the first one before the revision
    /// `before`, at most `limit`. What stands now is the first of them. Empty for an id that nothing is known of.
    ///
    /// [`Error::Unsupported`] where the backend keeps no history, which is what this does unless implemented.
    async fn history(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        let _ = (id, before, limit);
        Err(no_history())
    }

    /// What the write at exactly this revision made of a registration; `None` if there was no such write or it is
    /// forgotten.
    ///
    /// [`Error::Unsupported`] where the backend keeps no history, which is what this does unless implemented.
    async fn past(&self, id: &Id, revision: Revision) -> Result<Option<Past>, Error> {
        let _ = (id, revision);
        Err(no_history())
    }
}

fn no_history() -> Error {
    Error::Unsupported {
        operation: "tell the past of a registration",
        reason: "this kind of registry keeps none".into(),
    }
}

/// How much of the log and of the past a compaction keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// At most so many of the newest entries.
    pub entries: u64,
    /// None older than this.
    pub age: Duration,
    /// What is kept of the versions that were replaced, where the backend keeps any.
    pub history: HistoryRetention,
}

impl Retention {
    /// The time before which entries are too old to be kept: the dawn of time for an age beyond it.
    pub fn horizon(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        history::before(now, self.age)
    }
}

impl Default for Retention {
    /// 100,000 entries of at most 7 days: a node that was away for a week still catches up from the log.
    fn default() -> Self {
        Self {
            entries: 100_000,
            age: Duration::from_hours(7 * 24),
            history: HistoryRetention::default(),
        }
    }
}

//! Forgetting past versions, where a database keeps them: found by reading, and forgotten in steps that let writers
//! in between. The cost follows what was replaced since the last time, not what is kept.

use crate::job::Jobs;
use chrono::{DateTime, Utc};
use hotbed_registry::{CollectionName, Error, HistoryRetention, Revision};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Versions that are looked at, or forgotten, at once.
pub(crate) const STEP: usize = 500;

/// A past version.
#[derive(Debug)]
pub(crate) struct Replaced {
    /// Whose, as it is stored.
    pub(crate) id: String,
    pub(crate) revision: Revision,
    /// The revision that replaced it; a deletion replaces itself.
    pub(crate) by: Revision,
    pub(crate) at: DateTime<Utc>,
}

/// Reads which past versions there are.
pub(crate) trait PastVersions {
    /// The first [`STEP`] of those that were replaced after a revision, in the order in which they were.
    fn replaced(
        &self,
        after: Revision,
    ) -> impl Future<Output = Result<Vec<Replaced>, Error>> + Send;

    /// Those of these ids that have at least so many newer ones, [`STEP`] at most.
    fn surplus(
        &self,
        ids: &BTreeSet<String>,
        versions: u32,
    ) -> impl Future<Output = Result<Vec<(String, Revision)>, Error>> + Send;
}

/// How far one handle has come: up to this revision, no id has more versions than this.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<(u32, Revision)>);

impl Progress {
    /// Forgets what is beyond the retention.
    pub(crate) async fn prune(
        &self,
        past: &(impl PastVersions + Sync),
        jobs: &Jobs,
        collection: &CollectionName,
        keep: HistoryRetention,
    ) -> Result<(), Error> {
        let horizon = keep.horizon(Utc::now());
        loop {
            let oldest = past.replaced(Revision::ZERO).await?.into_iter();
            let old = oldest.take_while(|it| it.at < horizon);
            let old: Vec<_> = old.map(|it| (it.id, it.revision)).collect();
            let count = old.len();
            if count > 0 {
                jobs.forget_past(collection, old).await?;
            }
            if count < STEP {
                break;
            }
        }
        loop {
            let touched = past.replaced(self.reached(keep.versions)).await?;
            let Some(last) = touched.last().map(|it| it.by) else {
                return Ok(());
            };
            let ids = touched.into_iter().map(|it| it.id).collect();
            loop {
                let surplus = past.surplus(&ids, keep.versions).await?;
                if surplus.is_empty() {
                    break;
                }
                jobs.forget_past(collection, surplus).await?;
            }
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (keep.versions, last);
        }
    }

    fn reached(&self, versions: u32) -> Revision {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            (then, reached) if then == versions => reached,
            _ => Revision::ZERO,
        }
    }
}

//! A read-only base under a writable overlay.

mod copy;
mod layers;
mod walk;

use crate::{
    Access, ChangeNote, Changes, Draft, Error, Id, Page, Past, Precondition, Query, Registration,
    RegistryBackend, Retention, Revision,
};
use async_trait::async_trait;
use layers::Layers;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// How long a read of one registration waits for a base that says nothing. Less than whoever reads waits for us.
const PATIENCE: Duration = Duration::from_secs(2);

/// Overrides some registrations of a base, which is never written to, and adds others: for what differs from one
/// environment to the next.
///
/// The overlay holds the whole union: what was written here, and a copy of everything else that the base has. The
/// copies follow the base and carry a mark, metadata `hotbed.base`, which nobody sees through this backend.
///
/// # Guarantees
/// - All that every [`RegistryBackend`] gives. Revisions, log and history are the overlay's own, so all nodes on the
///   same layers agree on them and they survive restarts. A change of the base takes a revision when the first node
///   finds it, which is at the latest when somebody reads or writes here; until then nothing is announced.
/// - What is written here stands whole, whatever the base says: nothing is merged, and changes of the base under it
///   are not told.
/// - Deleting what was written here brings the base's registration back: the log tells `deleted`, then `created`.
///   Deleting what the base has hides it, until it is written here again.
/// - While the base cannot be reached, what stands in the overlay is read and written over as it stands there. What is
///   told of anything else would be a guess at what the base has, so it is [`Error::Unavailable`]: that an id is not
///   there, lists and counts, the head and the log, a deletion, the first write of an id. Since the log is among them,
///   whoever follows it knows that it may be behind.
///
/// Metadata may not hold the key `hotbed.base`: such a write is [`Error::Refused`]. What the overlay refuses to hold
/// stays as it was there, with a warning.
#[derive(Debug)]
pub struct LayeredBackend {
    layers: Arc<Layers>,
    /// What is completed even if its caller goes away.
    work: TaskTracker,
}

impl LayeredBackend {
    /// Puts the layers together; reads nothing yet.
    ///
    /// `hidden` notes what of the base was deleted here. It is a collection of its own, as lasting as the overlay and
    /// shared by the same nodes; its ids are the hidden ones.
    pub fn new(
        overlay: Arc<dyn RegistryBackend>,
        hidden: Arc<dyn RegistryBackend>,
        base: Arc<dyn RegistryBackend>,
    ) -> Self {
        Self {
            layers: Arc::new(Layers::new(overlay, hidden, base)),
            work: TaskTracker::new(),
        }
    }

    /// The overlay, once it tells all that the base does.
    async fn union(&self) -> Result<&dyn RegistryBackend, Error> {
        self.follow_unless(self.layers.is_current().await).await?;
        Ok(self.layers.overlay())
    }

    async fn follow_unless(&self, is_current: Result<bool, Error>) -> Result<(), Error> {
        if is_current? {
            return Ok(());
        }
        self.complete(async |layers| layers.follow_base().await)
            .await
    }

    /// What the overlay holds of an id although the base cannot be asked. Where it holds nothing, the base may.
    async fn without_base(&self, id: &Id, unavailable: Error) -> Result<Registration, Error> {
        match unavailable {
            Error::Unavailable { .. } => {
                let held = self.layers.overlay().get(id).await?;
                held.ok_or(unavailable)
            }
            other => Err(other),
        }
    }

    /// Does work of several steps in a task of its own, so that a caller who goes away does not cut it in two.
    async fn complete<R, F, Fut>(&self, work: F) -> Result<R, Error>
    where
        R: Send + 'static,
        F: FnOnce(Arc<Layers>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<R, Error>> + Send + 'static,
    {
        let done = self.work.spawn(work(Arc::clone(&self.layers))).await;
        done.unwrap_or_else(|failed| {
            Err(Error::Unavailable {
                operation: "complete its work on two layers",
                reason: "it was interrupted and may or may not have happened: read before retrying"
                    .into(),
                source: Some(failed.into()),
            })
        })
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl RegistryBackend for LayeredBackend {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        let asked = timeout(PATIENCE, self.layers.is_current()).await;
        let is_current = asked.unwrap_or_else(|late| {
            Err(Error::Unavailable {
                operation: "ask its base",
                reason: format!("it did not answer within {} s", PATIENCE.as_secs()),
                source: Some(late.into()),
            })
        });
        let found = match self.follow_unless(is_current).await {
            Ok(()) => self.layers.overlay().get(id).await?,
            Err(down) => Some(self.without_base(id, down).await?),
        };
        Ok(found.map(copy::shown))
    }

    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error> {
        if let Err(down) = self.union().await {
            self.without_base(id, down).await?;
        }
        let id = id.clone();
        self.complete(async move |layers| layers.put(&id, draft, when).await)
            .await
            .map(copy::shown)
    }

    async fn delete(
        &self,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        self.union().await?;
        let (id, note) = (id.clone(), note.clone());
        self.complete(async move |layers| layers.delete(&id, when, &note).await)
            .await
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        let Page { items, next } = self.union().await?.list(query).await?;
        Ok(Page {
            items: items.into_iter().map(copy::shown).collect(),
            next,
        })
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        self.union().await?.count(query).await
    }

    async fn head(&self) -> Result<Revision, Error> {
        self.union().await?.head().await
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        self.union().await?.heads(after, limit).await
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        self.union().await?.changes(after, limit).await
    }

    async fn touch(&self, accesses: &[Access]) -> Result<(), Error> {
        self.layers.overlay().touch(accesses).await
    }

    async fn compact(&self, keep: Retention) -> Result<Revision, Error> {
        self.layers.compact_hidden(keep).await?;
        self.layers.overlay().compact(keep).await
    }

    async fn history(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        let overlay = self.layers.overlay();
        let past = overlay.history(id, before, limit).await?;
        Ok(past.into_iter().map(copy::shown_past).collect())
    }

    async fn past(&self, id: &Id, revision: Revision) -> Result<Option<Past>, Error> {
        let past = self.layers.overlay().past(id, revision).await?;
        Ok(past.map(copy::shown_past))
    }
}

#[cfg(test)]
mod tests;

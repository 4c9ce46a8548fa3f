use crate::access::Accesses;
use crate::last_served::Noted;
use crate::{
    Changes, Error, Id, LastServed, NoVersion, Page, Past, Query, Registration, RegistryBackend,
    Revision, Snapshot,
};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a read of one registration may take before it counts as failed.
const READ_DEADLINE: Duration = Duration::from_secs(5);

/// Reads a collection and cannot write to it, by type. Clones share everything.
#[derive(Clone)]
pub struct Reader {
    backend: Arc<dyn RegistryBackend>,
    accesses: Arc<Accesses>,
    last_served: Option<Arc<LastServed>>,
}

/// What is known of one id, and from where.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The registration; `None` if there is none.
    pub registration: Option<Registration>,
    /// Who says so.
    pub source: Source,
}

/// Who answered a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The registry itself: the truth now.
    Registry,
    /// The node's disk snapshot, because the registry could not be reached: the truth some time ago.
    Snapshot,
}

impl Reader {
    /// A reader of a backend, with nothing to fall back on.
    pub fn new(backend: Arc<dyn RegistryBackend>) -> Self {
        Self {
            backend,
            accesses: Arc::default(),
            last_served: None,
        }
    }

    /// The same reader with a snapshot that [`read`](Self::read) keeps current and falls back on.
    #[must_use]
    pub fn with_snapshot(mut self, snapshot: Arc<dyn Snapshot>) -> Self {
        self.last_served = Some(Arc::new(LastServed::new(snapshot)));
        self
    }

    /// Reads one registration for somebody who means to use it: notes the access.
    pub async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        let found = self.peek(id).await?;
        if found.is_some() {
            self.note_access(id);
        }
        Ok(found)
    }

    /// Reads one registration without noting an access.
    pub async fn peek(&self, id: &Id) -> Result<Option<Registration>, Error> {
        tokio::time::timeout(READ_DEADLINE, self.backend.get(id))
            .await
            .unwrap_or_else(|elapsed| {
                Err(Error::Unavailable {
                    operation: "read a registration",
                    reason: format!("it did not answer within {} s", READ_DEADLINE.as_secs()),
                    source: Some(elapsed.into()),
                })
            })
    }

    /// Reads one registration to build from it: from the registry, or where that cannot be reached from the
    /// snapshot. What the registry says is in the snapshot when this returns, so before anybody is served from it.
    pub async fn read(&self, id: &Id) -> Result<Read, Error> {
        let Some(last_served) = &self.last_served else {
            return Ok(Read {
                registration: self.peek(id).await?,
                source: Source::Registry,
            });
        };
        loop {
            let reading = last_served.begin(id);
            match self.peek(id).await {
                Ok(registration) => match reading.note(registration.as_ref()) {
                    Noted::Yes => {
                        return Ok(Read {
                            registration,
                            source: Source::Registry,
                        });
                    }
                    // Each round that is overtaken is one in which something else was noted.
                    Noted::Overtaken => {}
                },
                Err(error) => return self.recall(id).ok_or(error),
            }
        }
    }

    /// What the snapshot has of one registration, without asking the registry: for when that is known not to answer.
    pub fn recall(&self, id: &Id) -> Option<Read> {
        let found = self.snapshot()?.load(id)?;
        Some(Read {
            registration: Some(found),
            source: Source::Snapshot,
        })
    }

    /// What keeps the snapshot, if there is one: it must hear of deletions before anybody else does.
    pub fn last_served(&self) -> Option<Arc<LastServed>> {
        self.last_served.clone()
    }

    /// Whether this id can be read while the registry cannot be reached.
    pub fn is_kept(&self, id: &Id) -> bool {
        self.snapshot().is_some_and(|it| it.revision(id).is_some())
    }

    /// How many registrations can be read while the registry cannot be reached.
    pub fn snapshot_len(&self) -> usize {
        self.snapshot().map_or(0, Snapshot::len)
    }

    /// What whoever runs this node should know of its snapshot.
    pub fn snapshot_warnings(&self) -> Vec<String> {
        self.snapshot().map(Snapshot::warnings).unwrap_or_default()
    }

    fn snapshot(&self) -> Option<&dyn Snapshot> {
        self.last_served.as_ref().map(|it| it.snapshot())
    }

    /// Notes that somebody used a registration; written with the next batch.
    pub fn note_access(&self, id: &Id) {
        self.accesses.note(id);
    }

    /// Writes the noted accesses now.
    pub async fn flush_accesses(&self) -> Result<(), Error> {
        self.accesses.flush(&*self.backend).await
    }

    /// Lists registrations.
    pub async fn list(&self, query: &Query) -> Result<Page, Error> {
        self.backend.list(query).await
    }

    /// Counts registrations.
    pub async fn count(&self, query: &Query) -> Result<u64, Error> {
        self.backend.count(query).await
    }

    /// The collection's newest revision.
    pub async fn head(&self) -> Result<Revision, Error> {
        self.backend.head().await
    }

    /// Which id stands at which revision; see [`RegistryBackend::heads`].
    pub async fn heads(
        &self,
        after: Option<&Id>,
        limit: usize,
    ) -> Result<Vec<(Id, Revision)>, Error> {
        self.backend.heads(after, limit).await
    }

    /// The log after a revision; see [`RegistryBackend::changes`].
    pub async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        self.backend.changes(after, limit).await
    }

    /// The writes of one registration that are still remembered, newest first; see [`RegistryBackend::history`].
    pub async fn history(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        self.backend.history(id, before, limit).await
    }

    /// What the write at exactly this revision made of a registration; [`Error::NoVersion`] says why nothing is
    /// known of it.
    pub async fn past(&self, id: &Id, revision: Revision) -> Result<Past, Error> {
        match self.backend.past(id, revision).await? {
            Some(past) => Ok(past),
            None => Err(Error::NoVersion {
                id: id.clone(),
                revision,
                why: self.why_no_version(id, revision).await?,
            }),
        }
    }

    /// The log may reach back further than the history, or less far.
    async fn why_no_version(&self, id: &Id, revision: Revision) -> Result<NoVersion, Error> {
        let Some(before) = revision.0.checked_sub(1) else {
            return Ok(NoVersion::Never);
        };
        Ok(match self.backend.changes(Revision(before), 1).await? {
            Changes::Log { changes, .. } => match changes.first() {
                Some(change) if change.id == *id => NoVersion::Forgotten,
                _ => NoVersion::Never,
            },
            Changes::Compacted { head, .. } if revision > head => NoVersion::Never,
            Changes::Compacted { .. } => NoVersion::Forgotten,
        })
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

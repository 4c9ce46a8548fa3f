mod past;

use crate::announcer::Announcer;
use crate::{
    Access, Admission, Change, ChangeKind, ChangeNote, Check, CollectionName, Draft, Error, Id,
    Observer, Precondition, Reader, Registration, RegistryBackend, Retention, Revision, Snapshot,
    Status, Verdict,
};
use chrono::Utc;
use hotbed_events::{EventBus, Topic};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often noted accesses are written.
const ACCESS_INTERVAL: Duration = Duration::from_secs(5);
/// How often the log is compacted.
const COMPACT_INTERVAL: Duration = Duration::from_mins(1);

/// The door through which one collection changes: admits, commits, tells the observers on this node, and
/// announces to the others. Clones are the same door, whatever they [note](Registry::noting).
///
/// # Guarantees
/// - What is not acknowledged may or may not have happened; what is acknowledged has, and every observer of
///   this node knows of it before the writer does. The other nodes are told right after.
/// - A caller that goes away does not interrupt a write between commit and announcement.
#[derive(Clone)]
pub struct Registry {
    door: Arc<Door>,
    note: ChangeNote,
}

struct Door {
    collection: CollectionName,
    backend: Arc<dyn RegistryBackend>,
    reader: Reader,
    announcer: Announcer,
    admission: Admission,
    checks: RwLock<Vec<Arc<dyn Check>>>,
    observers: RwLock<Vec<Arc<dyn Observer>>>,
    retention: Retention,
    writes: TaskTracker,
}

/// A write that was admitted and committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Admitted {
    /// What is stored now.
    pub registration: Registration,
    /// What its writer should know: in a permissive collection also why no instance can be built from it.
    pub warnings: Vec<String>,
}

/// Puts a [`Registry`] together.
#[must_use]
pub struct RegistryBuilder {
    collection: CollectionName,
    backend: Arc<dyn RegistryBackend>,
    bus: Arc<dyn EventBus>,
    topics: Vec<Topic>,
    source: Arc<str>,
    admission: Admission,
    snapshot: Option<Arc<dyn Snapshot>>,
    retention: Retention,
}

impl RegistryBuilder {
    /// How configurations that cannot be built are treated; permissive unless said.
    pub fn admission(mut self, admission: Admission) -> Self {
        self.admission = admission;
        self
    }

    /// What readers fall back on while the backend is down; nothing unless said.
    pub fn snapshot(mut self, snapshot: Arc<dyn Snapshot>) -> Self {
        self.snapshot = Some(snapshot);
        self
    }

    /// How much of the log [`Registry::maintain`] keeps.
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// On which topics each change is announced, in place of [the collection's own](Registry::topic_of).
    pub fn topics(mut self, topics: impl IntoIterator<Item = Topic>) -> Self {
        self.topics = topics.into_iter().collect();
        self
    }

    /// Who the announcements say that they are from; `registry` unless said.
    pub fn source(mut self, source: &str) -> Self {
        self.source = source.into();
        self
    }

    /// The door.
    pub fn build(self) -> Registry {
        let reader = Reader::new(Arc::clone(&self.backend));
        let reader = match self.snapshot {
            Some(snapshot) => reader.with_snapshot(snapshot),
            None => reader,
        };
        Registry {
            note: ChangeNote::NONE,
            door: Arc::new(Door {
                announcer: Announcer::new(
                    self.bus,
                    self.collection.clone(),
                    self.topics,
                    self.source,
                ),
                collection: self.collection,
                backend: self.backend,
                reader,
                admission: self.admission,
                checks: RwLock::default(),
                observers: RwLock::default(),
                retention: self.retention,
                writes: TaskTracker::new(),
            }),
        }
    }
}

impl fmt::Debug for RegistryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryBuilder")
            .field("collection", &self.collection)
            .finish_non_exhaustive()
    }
}

impl Registry {
    /// Begins a door to a collection that `backend` stores and `bus` announces.
    pub fn builder(
        collection: CollectionName,
        backend: Arc<dyn RegistryBackend>,
        bus: Arc<dyn EventBus>,
    ) -> RegistryBuilder {
        RegistryBuilder {
            topics: vec![Self::topic_of(&collection)],
            source: "registry".into(),
            collection,
            backend,
            bus,
            admission: Admission::default(),
            snapshot: None,
            retention: Retention::default(),
        }
    }

    /// The topic on which changes of a collection are announced, for example `registry:bots`.
    ///
    /// # Panics
    /// Never: every collection name makes a topic.
    pub fn topic_of(collection: &CollectionName) -> Topic {
        Topic::new(&format!("registry:{collection}"))
            .expect("a collection's name is printable and short")
    }

    /// The same door for somebody who says who is writing, and why: each write through it carries this note in its
    /// metadata, and each deletion beside them. A write without a note carries that of its own metadata, if any, never
    /// that of the write before.
    #[must_use]
    pub fn noting(&self, note: ChangeNote) -> Self {
        Self {
            door: Arc::clone(&self.door),
            note,
        }
    }

    /// The collection behind this door.
    pub fn collection(&self) -> &CollectionName {
        &self.door.collection
    }

    /// A handle that reads this collection and cannot write to it.
    pub fn reader(&self) -> Reader {
        self.door.reader.clone()
    }

    /// Adds somebody who is told of each write on this node before its writer is answered.
    pub fn add_observer(&self, observer: Arc<dyn Observer>) {
        self.door
            .observers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(observer);
    }

    /// Adds a judge of what is written from now on.
    pub fn add_check(&self, check: Arc<dyn Check>) {
        self.door
            .checks
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(check);
    }

    /// What a write of this configuration would be told, without writing it.
    pub fn check(&self, id: &Id, draft: &Draft) -> Verdict {
        let checks = self
            .door
            .checks
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut verdict = Verdict::default();
        for check in checks {
            let found = check.check(id, &draft.config);
            verdict.problems.extend(found.problems);
            verdict.warnings.extend(found.warnings);
        }
        verdict
    }

    /// Creates or replaces a registration.
    pub async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Admitted, Error> {
        let Verdict {
            problems,
            mut warnings,
        } = self.check(id, &draft);
        match self.door.admission {
            Admission::Strict if !problems.is_empty() => {
                return Err(Error::Refused {
                    id: id.clone(),
                    problems,
                });
            }
            Admission::Strict => {}
            Admission::Permissive => warnings.splice(0..0, problems).for_each(drop),
        }
        let (id, note) = (id.clone(), self.note.clone());
        let registration = self
            .complete(async move |door| door.put_noted(&id, draft, when, &note).await)
            .await?;
        Ok(Admitted {
            registration,
            warnings,
        })
    }

    /// Deletes a registration.
    pub async fn delete(&self, id: &Id, when: Precondition) -> Result<Revision, Error> {
        let (id, note) = (id.clone(), self.note.clone());
        self.complete(async move |door| {
            let revision = door.backend.delete(&id, when, &note).await?;
            door.tell(Change {
                id,
                revision,
                kind: ChangeKind::Deleted,
                at: Utc::now(),
            });
            Ok(revision)
        })
        .await
    }

    /// Takes a registration out of service and keeps it. Without effect, and without a new revision, where it
    /// is out of service already.
    pub async fn deactivate(&self, id: &Id, when: Precondition) -> Result<Registration, Error> {
        self.set_status(id, Status::Inactive, ChangeKind::Deactivated, when)
            .await
    }

    /// Puts a registration back into service. Without effect where it is in service already.
    ///
    /// A strict collection refuses it if no instance can be built, as it refuses such a write.
    pub async fn activate(&self, id: &Id, when: Precondition) -> Result<Registration, Error> {
        if self.door.admission == Admission::Strict
            && let Some(found) = self.door.backend.get(id).await?
        {
            let problems = self.check(id, &Draft::active(found.config)).problems;
            if !problems.is_empty() {
                return Err(Error::Refused {
                    id: id.clone(),
                    problems,
                });
            }
        }
        self.set_status(id, Status::Active, ChangeKind::Activated, when)
            .await
    }

    async fn set_status(
        &self,
        id: &Id,
        status: Status,
        kind: ChangeKind,
        when: Precondition,
    ) -> Result<Registration, Error> {
        let (id, note) = (id.clone(), self.note.clone());
        self.complete(async move |door| {
            loop {
                let Some(mut now) = door.backend.get(&id).await? else {
                    return Err(Error::NotFound { id });
                };
                if !when.holds(Some(now.revision)) {
                    return Err(Error::Conflict {
                        id,
                        expected: when,
                        actual: Some(now.revision),
                    });
                }
                if now.status == status {
                    return Ok(now);
                }
                note.write_into(&mut now.metadata);
                let draft = Draft {
                    config: now.config,
                    status,
                    metadata: Some(now.metadata),
                    created_at: None,
                };
                match door
                    .put(&id, draft, Precondition::At(now.revision), Some(kind))
                    .await
                {
                    // Somebody wrote in between. Each round that loses is a round that another writer won.
                    Err(Error::Conflict { .. }) => {}
                    written => return written,
                }
            }
        })
        .await
    }

    /// Notes accesses that were made elsewhere: never a change. Those made here are noted by the [`Reader`].
    pub async fn touch(&self, accesses: &[Access]) -> Result<(), Error> {
        self.door.backend.touch(accesses).await
    }

    /// Writes noted accesses and compacts the log, now and then, and announces again what the bus did not take, until
    /// shut down; flushes once more then.
    pub async fn maintain(&self, shutdown: CancellationToken) {
        // Side by side: a bus that takes its time is not to wait for a compaction, nor writers for both.
        tokio::select! {
            () = self.tidy(shutdown) => {}
            never = self.door.announcer.keep_trying() => match never {},
        }
        if let Err(error) = self.door.reader.flush_accesses().await {
            tracing::warn!(collection = %self.door.collection, %error, "last accesses are not noted");
        }
    }

    async fn tidy(&self, shutdown: CancellationToken) {
        let mut accesses = tokio::time::interval(ACCESS_INTERVAL);
        let mut compaction = tokio::time::interval(COMPACT_INTERVAL);
        loop {
            let done = tokio::select! {
                () = shutdown.cancelled() => return,
                _ = accesses.tick() => self.door.reader.flush_accesses().await,
                _ = compaction.tick() => self.door.backend.compact(self.door.retention).await.map(drop),
            };
            if let Err(error) = done {
                tracing::debug!(collection = %self.door.collection, %error, "registry maintenance is put off");
            }
        }
    }

    /// Waits until every write that began is committed and announced, or refused.
    pub async fn drain(&self) {
        self.door.writes.close();
        self.door.writes.wait().await;
    }

    /// Runs a write in a task of its own, so that a caller who goes away does not cut it in two. The caller is answered
    /// once it is committed and this node knows of it; the others are told meanwhile, for a slow bus delays no writer.
    async fn complete<R, F, Fut>(&self, write: F) -> Result<R, Error>
    where
        R: Send + 'static,
        F: FnOnce(Arc<Door>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<R, Error>> + Send + 'static,
    {
        let door = Arc::clone(&self.door);
        let (answer, answered) = oneshot::channel();
        self.door.writes.spawn(async move {
            let written = write(Arc::clone(&door)).await;
            // Whoever asked may be gone.
            drop(answer.send(written));
            door.announcer.announce().await;
        });
        answered.await.unwrap_or_else(|interrupted| {
            Err(Error::Unavailable {
                operation: "complete a write",
                reason: "the write was interrupted and may or may not have happened: read before retrying"
                    .into(),
                source: Some(interrupted.into()),
            })
        })
    }
}

impl Door {
    async fn put_noted(
        &self,
        id: &Id,
        mut draft: Draft,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Registration, Error> {
        if note.is_empty() {
            return self.put(id, draft, when, None).await;
        }
        if let Some(metadata) = &mut draft.metadata {
            note.write_into(metadata);
            return self.put(id, draft, when, None).await;
        }
        // Metadata are replaced as a whole or not at all, so a note beside those that stay is put with them.
        loop {
            let now = self.backend.get(id).await?;
            let actual = now.as_ref().map(|it| it.revision);
            if !when.holds(actual) {
                return Err(Error::Conflict {
                    id: id.clone(),
                    expected: when,
                    actual,
                });
            }
            let mut metadata = Draft::kept(now.as_ref());
            note.write_into(&mut metadata);
            let whole = Draft {
                metadata: Some(metadata),
                ..draft.clone()
            };
            let unmoved = actual.map_or(Precondition::Absent, Precondition::At);
            match self.put(id, whole, unmoved, None).await {
                // Each round that loses is a round that another writer won.
                Err(Error::Conflict { .. }) => {}
                written => return written,
            }
        }
    }

    async fn put(
        &self,
        id: &Id,
        draft: Draft,
        when: Precondition,
        kind: Option<ChangeKind>,
    ) -> Result<Registration, Error> {
        let written = self.backend.put(id, draft, when).await?;
        let kind = kind.unwrap_or(match (written.version, written.status) {
            (1, _) => ChangeKind::Created,
            (_, Status::Active) => ChangeKind::Updated,
            (_, _) => ChangeKind::Deactivated,
        });
        let (revision, at) = (written.revision, written.updated_at);
        self.tell(Change {
            id: id.clone(),
            revision,
            kind,
            at,
        });
        Ok(written)
    }

    /// Tells this node, and puts the change in line for the others.
    fn tell(&self, change: Change) {
        let observers = self
            .observers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for observer in observers {
            observer.observe(&change);
        }
        self.announcer.note(change);
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("collection", &self.door.collection)
            .field("backend", &self.door.backend)
            .finish_non_exhaustive()
    }
}

use super::record::Fingerprint;
use super::{Mode, MoveError, NotMoved, OnDifference, Record, Tally};
use crate::{ChangeNote, Error, Id, Precondition, Registration, RegistryBackend, Revision};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Writes that are under way at once. Stores put what waits into one transaction, of up to 256; with twice that many,
/// the next one fills while one commits.
const IN_FLIGHT: usize = 512;

/// Makes registrations of a target equal to records, many at a time, and never over what somebody else writes
/// meanwhile. Dropping it leaves writes that are under way to the target.
#[derive(Debug)]
pub(super) struct Copier {
    target: Arc<dyn RegistryBackend>,
    on_difference: OnDifference,
    mode: Mode,
    /// The target's head when this began: a later revision that is not in `written` is somebody else's.
    begun_at: Revision,
    written: HashMap<Id, Revision>,
    under_way: JoinSet<(Id, Result<Done, Trouble>)>,
    pub(super) tally: Tally,
    failures: BTreeMap<Id, NotMoved>,
}

/// What became of one registration.
#[derive(Debug, Clone, Copy)]
enum Done {
    Created(Revision),
    Replaced(Revision),
    Deleted,
    Same,
    Kept,
    /// Would be created, replaced or deleted.
    Planned(Plan),
    /// There was nothing, and there is to be nothing.
    Nothing,
    /// Written, and something else was stored.
    Altered(Revision),
}

#[derive(Debug, Clone, Copy)]
enum Plan {
    Create,
    Replace,
    Delete,
}

#[derive(Debug)]
enum Trouble {
    /// With one registration: the others can be moved all the same.
    One(NotMoved),
    /// With a whole side.
    All(MoveError),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidId(_) | Error::Refused { .. } | Error::Corrupt { .. } => {
                Self::One(NotMoved::Refused(error))
            }
            Error::Conflict { actual, .. } => {
                Self::One(NotMoved::WrittenMeanwhile { found: actual })
            }
            other => Self::All(MoveError::Target(other)),
        }
    }
}

/// What a task needs to decide and to write.
#[derive(Debug)]
struct Job {
    target: Arc<dyn RegistryBackend>,
    id: Id,
    on_difference: OnDifference,
    mode: Mode,
    /// The newest revision of this id that may be written over.
    ours: Revision,
}

impl Copier {
    pub(super) async fn new(
        target: Arc<dyn RegistryBackend>,
        on_difference: OnDifference,
        mode: Mode,
    ) -> Result<Self, MoveError> {
        let begun_at = target.head().await.map_err(MoveError::Target)?;
        Ok(Self {
            target,
            on_difference,
            mode,
            begun_at,
            written: HashMap::new(),
            under_way: JoinSet::new(),
            tally: Tally::default(),
            failures: BTreeMap::new(),
        })
    }

    /// Makes the target hold this record, having just read what it holds of its id.
    pub(super) async fn copy(
        &mut self,
        wanted: Record,
        found: Option<Registration>,
    ) -> Result<(), MoveError> {
        let job = self.job(wanted.id.clone());
        self.decide(job, Some(wanted), found).await
    }

    /// Deletes what was just read from the target.
    pub(super) async fn delete(&mut self, found: Registration) -> Result<(), MoveError> {
        let job = self.job(found.id.clone());
        self.decide(job, None, Some(found)).await
    }

    /// Makes the target hold this record; reads first what it holds of its id.
    pub(super) async fn bring(&mut self, wanted: Record) -> Result<(), MoveError> {
        let job = self.job(wanted.id.clone());
        let id = wanted.id.clone();
        let bringing = async move {
            let found = job.target.get(&job.id).await?;
            job.run(Some(wanted), found).await
        };
        self.begin(id, bringing).await
    }

    /// Makes the target hold what the source holds of an id by now; reads both.
    pub(super) async fn follow(
        &mut self,
        id: Id,
        source: &Arc<dyn RegistryBackend>,
    ) -> Result<(), MoveError> {
        let (job, source) = (self.job(id.clone()), Arc::clone(source));
        let following = async move {
            let wanted = source.get(&job.id).await;
            let wanted = wanted.map_err(|error| Trouble::All(MoveError::Source(error)))?;
            let found = job.target.get(&job.id).await?;
            job.run(wanted.map(Record::from), found).await
        };
        self.begin(id, following).await
    }

    /// Whether this is how it was written here.
    pub(super) fn wrote(&self, found: &Registration) -> bool {
        self.written.get(&found.id) == Some(&found.revision)
    }

    /// Waits until everything that was begun is done.
    pub(super) async fn finish(&mut self) -> Result<(), MoveError> {
        self.wait_for_fewer_than(1).await
    }

    /// Forgets that registrations were found equal or kept, for they will be looked at again.
    pub(super) fn look_again(&mut self) {
        self.tally.same = 0;
        self.tally.kept = 0;
    }

    pub(super) fn into_failures(self) -> Vec<(Id, NotMoved)> {
        self.failures.into_iter().collect()
    }

    fn job(&self, id: Id) -> Job {
        Job {
            target: Arc::clone(&self.target),
            ours: self.written.get(&id).copied().unwrap_or(self.begun_at),
            id,
            on_difference: self.on_difference,
            mode: self.mode,
        }
    }

    /// Begins a write if one is needed: what is equal needs no task.
    async fn decide(
        &mut self,
        job: Job,
        wanted: Option<Record>,
        found: Option<Registration>,
    ) -> Result<(), MoveError> {
        if let Some(settled) = job.settled(wanted.as_ref(), found.as_ref()) {
            return self.note(job.id, settled);
        }
        let id = job.id.clone();
        let writing = async move { job.write(wanted, found).await };
        self.begin(id, writing).await
    }

    /// Begins something once there is room.
    async fn begin(
        &mut self,
        id: Id,
        work: impl Future<Output = Result<Done, Trouble>> + Send + 'static,
    ) -> Result<(), MoveError> {
        self.wait_for_fewer_than(IN_FLIGHT).await?;
        self.under_way.spawn(async move { (id, work.await) });
        Ok(())
    }

    async fn wait_for_fewer_than(&mut self, limit: usize) -> Result<(), MoveError> {
        while self.under_way.len() >= limit {
            let Some(joined) = self.under_way.join_next().await else {
                break;
            };
            let (id, ended) = joined.expect("a job neither panics nor is it aborted");
            self.note(id, ended)?;
        }
        Ok(())
    }

    fn note(&mut self, id: Id, ended: Result<Done, Trouble>) -> Result<(), MoveError> {
        self.failures.remove(&id);
        match ended {
            Ok(Done::Created(revision)) => {
                self.tally.created += 1;
                self.written.insert(id, revision);
            }
            Ok(Done::Replaced(revision)) => {
                self.tally.replaced += 1;
                self.written.insert(id, revision);
            }
            Ok(Done::Deleted) => {
                self.tally.deleted += 1;
                self.written.remove(&id);
            }
            Ok(Done::Same) => self.tally.same += 1,
            Ok(Done::Kept) => self.tally.kept += 1,
            Ok(Done::Planned(Plan::Create)) => self.tally.created += 1,
            Ok(Done::Planned(Plan::Replace)) => self.tally.replaced += 1,
            Ok(Done::Planned(Plan::Delete)) => self.tally.deleted += 1,
            Ok(Done::Nothing) => {}
            Ok(Done::Altered(revision)) => {
                self.written.insert(id.clone(), revision);
                self.failures.insert(id, NotMoved::Altered);
            }
            Err(Trouble::One(reason)) => {
                self.failures.insert(id, reason);
            }
            Err(Trouble::All(error)) => return Err(error),
        }
        Ok(())
    }
}

impl Job {
    async fn run(
        self,
        wanted: Option<Record>,
        found: Option<Registration>,
    ) -> Result<Done, Trouble> {
        if let Some(settled) = self.settled(wanted.as_ref(), found.as_ref()) {
            return settled;
        }
        self.write(wanted, found).await
    }

    /// How it ends if nothing needs to be written, or may be.
    fn settled(
        &self,
        wanted: Option<&Record>,
        found: Option<&Registration>,
    ) -> Option<Result<Done, Trouble>> {
        let planned = |plan| (self.mode == Mode::DryRun).then_some(Ok(Done::Planned(plan)));
        let found = match (wanted, found) {
            (None, None) => return Some(Ok(Done::Nothing)),
            (Some(_), None) => return planned(Plan::Create),
            (Some(wanted), Some(found)) if wanted.fingerprint() == Fingerprint::of(found) => {
                return Some(Ok(Done::Same));
            }
            (_, Some(found)) => found,
        };
        let revision = found.revision;
        match self.on_difference {
            OnDifference::Keep => return Some(Ok(Done::Kept)),
            OnDifference::Tell => {
                let differs = NotMoved::Differs { found: revision };
                return Some(Err(Trouble::One(differs)));
            }
            OnDifference::Replace if revision > self.ours => {
                let found = Some(revision);
                return Some(Err(Trouble::One(NotMoved::WrittenMeanwhile { found })));
            }
            OnDifference::Replace => {}
        }
        planned(wanted.map_or(Plan::Delete, |_| Plan::Replace))
    }

    async fn write(
        &self,
        wanted: Option<Record>,
        found: Option<Registration>,
    ) -> Result<Done, Trouble> {
        let found = found.map(|found| found.revision);
        match (wanted, found) {
            (Some(wanted), found) => {
                let when = found.map_or(Precondition::Absent, Precondition::At);
                self.put(&wanted, when).await
            }
            (None, Some(found)) => self.delete(found).await,
            (None, None) => Ok(Done::Nothing),
        }
    }

    async fn put(&self, wanted: &Record, when: Precondition) -> Result<Done, Trouble> {
        let stored = match self.target.put(&self.id, wanted.draft(), when).await {
            Ok(stored) => stored,
            // It may be this very write, done by a backend that tried again after the answer got lost.
            Err(Error::Conflict { actual, .. }) => match self.target.get(&self.id).await? {
                Some(found) if wanted.is_in(&found) => found,
                _ => return Err(Trouble::One(NotMoved::WrittenMeanwhile { found: actual })),
            },
            Err(error) => return Err(error.into()),
        };
        Ok(if !wanted.is_in(&stored) {
            Done::Altered(stored.revision)
        } else if when == Precondition::Absent {
            Done::Created(stored.revision)
        } else {
            Done::Replaced(stored.revision)
        })
    }

    async fn delete(&self, found: Revision) -> Result<Done, Trouble> {
        match self
            .target
            .delete(&self.id, Precondition::At(found), &ChangeNote::NONE)
            .await
        {
            Ok(_) => Ok(Done::Deleted),
            Err(Error::NotFound { .. } | Error::Conflict { actual: None, .. }) => Ok(Done::Nothing),
            Err(error) => Err(error.into()),
        }
    }
}

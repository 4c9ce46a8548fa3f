//! What is asked of the one task that writes to a database.

use crate::texts::Texts;
use hotbed_registry::{
    Access, ChangeNote, CollectionName, Draft, Error, Id, Precondition, Registration, Revision,
};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use std::collections::BTreeMap;
use tokio::sync::{mpsc, oneshot};

/// Jobs that may wait for the writer. Beyond it callers wait for room.
const QUEUE: usize = 1024;
/// Accesses that are noted by one job, so that no other waits long for it.
const TOUCH: usize = 1000;

/// Something that the writer does for somebody.
#[derive(Debug)]
pub(crate) struct Job {
    #[cfg_attr(
        not(any(feature = "postgres", feature = "sqlite")),
        expect(dead_code, reason = "files have a writer for each collection")
    )]
    pub(crate) collection: CollectionName,
    pub(crate) task: Task,
}

#[derive(Debug)]
pub(crate) enum Task {
    /// The draft is taken when it is decided on.
    Put {
        id: Id,
        draft: Option<Box<(Draft, Texts)>>,
        when: Precondition,
        answer: Answer<Registration>,
    },
    Delete {
        id: Id,
        when: Precondition,
        note: ChangeNote,
        answer: Answer<Revision>,
    },
    Touch {
        accesses: Vec<Access>,
        answer: Answer<()>,
    },
    /// Forgets some of the log before a revision; answers the oldest one left.
    Forget {
        before: Revision,
        answer: Answer<Revision>,
    },
    /// Forgets past versions: their ids, as they are stored, and revisions.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "sqlite")),
        expect(dead_code, reason = "files keep no history")
    )]
    ForgetPast {
        versions: Vec<(String, Revision)>,
        answer: Answer<()>,
    },
}

/// An answer that is decided within a transaction and given once that is committed.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    to: oneshot::Sender<Result<T, Error>>,
    outcome: Option<Result<T, Error>>,
}

impl<T> Answer<T> {
    fn channel() -> (Self, oneshot::Receiver<Result<T, Error>>) {
        let (to, receiver) = oneshot::channel();
        (Self { to, outcome: None }, receiver)
    }

    pub(crate) fn settle(&mut self, outcome: Result<T, Error>) {
        self.outcome = Some(outcome);
    }

    fn give(self) {
        if let Some(outcome) = self.outcome {
            drop(self.to.send(outcome));
        }
    }

    fn refuse(self, error: Error) {
        drop(self.to.send(Err(error)));
    }
}

impl Job {
    /// About how much memory it takes.
    pub(crate) fn size(&self) -> usize {
        match &self.task {
            Task::Put { draft, .. } => draft.as_ref().map_or(0, |it| it.1.len()),
            Task::Touch { accesses, .. } => accesses.iter().map(|it| it.id.as_str().len()).sum(),
            Task::Delete { .. } | Task::Forget { .. } | Task::ForgetPast { .. } => 0,
        }
    }

    /// Tells the caller what was decided, now that it stands. One that went away needs no answer.
    pub(crate) fn answer(self) {
        match self.task {
            Task::Put { answer, .. } => answer.give(),
            Task::Delete { answer, .. } | Task::Forget { answer, .. } => answer.give(),
            Task::Touch { answer, .. } | Task::ForgetPast { answer, .. } => answer.give(),
        }
    }

    /// Tells the caller that nothing was done, or that nobody knows.
    pub(crate) fn fail(self, error: impl FnOnce(&'static str) -> Error) {
        let operation = self.task.operation();
        match self.task {
            Task::Put { answer, .. } => answer.refuse(error(operation)),
            Task::Delete { answer, .. } | Task::Forget { answer, .. } => {
                answer.refuse(error(operation));
            }
            Task::Touch { answer, .. } | Task::ForgetPast { answer, .. } => {
                answer.refuse(error(operation));
            }
        }
    }
}

impl Task {
    /// The registration that it writes or deletes.
    pub(crate) fn written_id(&self) -> Option<&Id> {
        match self {
            Self::Put { id, .. } | Self::Delete { id, .. } => Some(id),
            Self::Touch { .. } | Self::Forget { .. } | Self::ForgetPast { .. } => None,
        }
    }

    /// What its caller is told was attempted.
    fn operation(&self) -> &'static str {
        match self {
            Self::Put { .. } => "write a registration",
            Self::Delete { .. } => "delete a registration",
            Self::Touch { .. } => "note accesses",
            Self::Forget { .. } => "compact its log",
            Self::ForgetPast { .. } => "compact its history",
        }
    }
}

/// The tasks of each collection, in their order; the collections in theirs.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(crate) fn by_collection(jobs: &mut [Job]) -> BTreeMap<CollectionName, Vec<&mut Task>> {
    let mut by_collection = BTreeMap::<_, Vec<_>>::new();
    for Job { collection, task } in jobs {
        by_collection
            .entry(collection.clone())
            .or_default()
            .push(task);
    }
    by_collection
}

/// The callers' end of the queue to the writer.
#[derive(Debug)]
pub(crate) struct Jobs(mpsc::Sender<Job>);

impl Jobs {
    pub(crate) fn channel() -> (Self, mpsc::Receiver<Job>) {
        let (jobs, queue) = mpsc::channel(QUEUE);
        (Self(jobs), queue)
    }

    pub(crate) async fn put(
        &self,
        collection: &CollectionName,
        id: &Id,
        draft: Draft,
        when: Precondition,
    ) -> Result<Registration, Error> {
        let texts = Texts::of(id, &draft)?;
        let (answer, answered) = Answer::channel();
        let task = Task::Put {
            id: id.clone(),
            draft: Some(Box::new((draft, texts))),
            when,
            answer,
        };
        self.ask(collection, task, answered).await
    }

    pub(crate) async fn delete(
        &self,
        collection: &CollectionName,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        let (answer, answered) = Answer::channel();
        let task = Task::Delete {
            id: id.clone(),
            when,
            note: note.clone(),
            answer,
        };
        self.ask(collection, task, answered).await
    }

    pub(crate) async fn touch(
        &self,
        collection: &CollectionName,
        accesses: &[Access],
    ) -> Result<(), Error> {
        for chunk in accesses.chunks(TOUCH) {
            let (answer, answered) = Answer::channel();
            let task = Task::Touch {
                accesses: chunk.to_vec(),
                answer,
            };
            self.ask(collection, task, answered).await?;
        }
        Ok(())
    }

    /// Forgets the log before a revision, in steps that let others in between; answers the oldest one left.
    pub(crate) async fn forget(
        &self,
        collection: &CollectionName,
        mut oldest: Revision,
        before: Revision,
    ) -> Result<Revision, Error> {
        while oldest < before {
            let (answer, answered) = Answer::channel();
            let task = Task::Forget { before, answer };
            oldest = self.ask(collection, task, answered).await?;
        }
        Ok(oldest)
    }

    /// Forgets some past versions, at most as many as should be forgotten at once.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(crate) async fn forget_past(
        &self,
        collection: &CollectionName,
        versions: Vec<(String, Revision)>,
    ) -> Result<(), Error> {
        let (answer, answered) = Answer::channel();
        let task = Task::ForgetPast { versions, answer };
        self.ask(collection, task, answered).await
    }

    /// Has the writer do something.
    async fn ask<T>(
        &self,
        collection: &CollectionName,
        task: Task,
        answer: oneshot::Receiver<Result<T, Error>>,
    ) -> Result<T, Error> {
        let operation = task.operation();
        let ended = || Error::Unavailable {
            operation,
            reason: "it is closed".into(),
            source: None,
        };
        let job = Job {
            collection: collection.clone(),
            task,
        };
        self.0.send(job).await.map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(ended()))
    }
}

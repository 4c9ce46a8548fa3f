//! What is asked of the writer.

use super::row::Texts;
use hotbed_registry::{CollectionName, Draft, Error, Id, Precondition, Registration, Revision};
use tokio::sync::oneshot;

/// Something that the writer does for somebody.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) collection: CollectionName,
    pub(super) task: Task,
}

#[derive(Debug)]
pub(super) enum Task {
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
        answer: Answer<Revision>,
    },
    /// Accesses, as a JSON array of `[id, microseconds]`.
    Touch {
        accesses: String,
        answer: Answer<()>,
    },
    /// Forgets some of the log before a revision; answers the oldest one left.
    Forget {
        before: Revision,
        answer: Answer<Revision>,
    },
}

/// An answer that is decided within a transaction and given once that is committed.
#[derive(Debug)]
pub(super) struct Answer<T> {
    to: oneshot::Sender<Result<T, Error>>,
    outcome: Option<Result<T, Error>>,
}

impl<T> Answer<T> {
    pub(super) fn channel() -> (Self, oneshot::Receiver<Result<T, Error>>) {
        let (to, receiver) = oneshot::channel();
        (Self { to, outcome: None }, receiver)
    }

    pub(super) fn settle(&mut self, outcome: Result<T, Error>) {
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
    pub(super) fn size(&self) -> usize {
        match &self.task {
            Task::Put { draft, .. } => draft.as_ref().map_or(0, |it| it.1.len()),
            Task::Touch { accesses, .. } => accesses.len(),
            Task::Delete { .. } | Task::Forget { .. } => 0,
        }
    }

    /// Tells the caller what was decided, now that it stands. One that went away needs no answer.
    pub(super) fn answer(self) {
        match self.task {
            Task::Put { answer, .. } => answer.give(),
            Task::Delete { answer, .. } | Task::Forget { answer, .. } => answer.give(),
            Task::Touch { answer, .. } => answer.give(),
        }
    }

    /// Tells the caller that nothing was done, or that nobody knows.
    pub(super) fn fail(self, error: impl FnOnce(&'static str) -> Error) {
        match self.task {
            Task::Put { answer, .. } => answer.refuse(error("write a registration")),
            Task::Delete { answer, .. } => answer.refuse(error("delete a registration")),
            Task::Touch { answer, .. } => answer.refuse(error("note accesses")),
            Task::Forget { answer, .. } => answer.refuse(error("compact its log")),
        }
    }
}

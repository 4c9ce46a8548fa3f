//! What is asked of the one task that speaks with a service.

use super::book::Book;
use crate::http::fault::Fault;
use hotbed_registry::{Access, Draft, Error, Id, Precondition, Registration, Retention, Revision};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Jobs that may wait. Beyond it callers wait for room.
const QUEUE: usize = 1024;

pub(super) type Answer<T> = oneshot::Sender<Result<T, Error>>;
/// Makes of the book what somebody waits for.
pub(super) type Look = Box<dyn FnOnce(Result<&Book, &Fault>) + Send>;

/// Something that is done for somebody.
pub(super) enum Job {
    Get {
        id: Id,
        deadline: Instant,
        answer: Answer<Option<Registration>>,
    },
    Put {
        id: Id,
        draft: Box<Draft>,
        when: Precondition,
        deadline: Instant,
        answer: Answer<Registration>,
    },
    Delete {
        id: Id,
        when: Precondition,
        deadline: Instant,
        answer: Answer<Revision>,
    },
    Look(Look),
    Touch {
        accesses: Vec<Access>,
        answer: Answer<()>,
    },
    Compact {
        keep: Retention,
        answer: Answer<Revision>,
    },
}

/// The callers' end of the queue.
#[derive(Debug)]
pub(super) struct Jobs(mpsc::Sender<Job>);

impl Jobs {
    pub(super) fn channel() -> (Self, mpsc::Receiver<Job>) {
        let (jobs, queue) = mpsc::channel(QUEUE);
        (Self(jobs), queue)
    }

    /// Has something done.
    pub(super) async fn ask<T>(
        &self,
        operation: &'static str,
        job: impl FnOnce(Answer<T>) -> Job,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let ended = || Error::Unavailable {
            operation,
            reason: "it is closed".into(),
            source: None,
        };
        self.0.send(job(answer)).await.map_err(|_| ended())?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }
}

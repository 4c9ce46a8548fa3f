//! One collection of a service that knows neither revisions nor a log: both are derived here, from what is seen of it.
//!
//! ```text
//! readers, writers ─ jobs ─► Desk, one request at a time ─► service
//!                              └► Book: digests, revisions, log ─► KeptBook, a file, before anybody is answered
//! ```
//!
//! One request at a time, for two answers that overtake each other would read as a change and its undoing. Readers who
//! wait together share one look at the list.

mod book;
mod desk;
mod digest;
mod form;
mod job;
mod kept;
mod seen;

use super::url::Writes;
use super::wire::Wire;
use super::{Closing, read_only};
use async_trait::async_trait;
use book::Book;
use chrono::Utc;
use desk::Desk;
use hotbed_registry::{
    Access, ChangeNote, Changes, CollectionName, Draft, Error, Id, Page, Precondition, Query,
    Registration, RegistryBackend, Retention, Revision, matches, page,
};
use job::{Job, Jobs};
use kept::KeptBook;
use std::fmt;
use std::sync::Arc;

/// One collection of a service that is no hotbed.
pub(super) struct ServiceCollection {
    wire: Arc<Wire>,
    name: CollectionName,
    jobs: Jobs,
}

/// How a list came with a tag by which it can be asked for again, if it did: a service with tags is taken to honour
/// them in preconditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tags {
    Sent,
    None,
}

impl ServiceCollection {
    /// Begins to keep the book of a collection; what it does ends with `closing`.
    pub(super) async fn open(
        wire: Arc<Wire>,
        name: CollectionName,
        path: String,
        tags: Tags,
        closing: &Closing,
    ) -> Result<Self, Error> {
        let service = wire.url.below(&path);
        let (kept, book) = if let Some(dir) = wire.url.state.clone() {
            let name = name.clone();
            let opened = tokio::task::spawn_blocking(move || KeptBook::open(&dir, &service, &name));
            let (kept, book) = opened.await.map_err(|error| Error::Unavailable {
                operation: "open its state",
                reason: "the task was interrupted".into(),
                source: Some(error.into()),
            })??;
            (Some(Arc::new(kept)), book)
        } else {
            // Beyond every revision of an earlier run, unless that made a change each microsecond.
            let base = Utc::now().timestamp_micros().unsigned_abs();
            (None, Book::new(Revision(base)))
        };
        let (jobs, queue) = Jobs::channel();
        let desk = Desk::new(Arc::clone(&wire), path, tags, book, kept);
        closing.tasks.spawn(desk.run(queue, closing.begun.clone()));
        Ok(Self { wire, name, jobs })
    }

    /// Looks at the list, and makes something of what is known then.
    async fn look<R: Send + 'static>(
        &self,
        operation: &'static str,
        make: impl FnOnce(&Book) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        self.jobs
            .ask(operation, |answer| {
                Job::Look(Box::new(move |looked| {
                    let seen = looked.map_err(|fault| fault.during(operation));
                    drop(answer.send(seen.and_then(make)));
                }))
            })
            .await
    }

    fn writable(&self, operation: &'static str) -> Result<(), Error> {
        match self.wire.url.writes {
            Writes::Allowed => Ok(()),
            Writes::Refused => Err(read_only(operation)),
        }
    }
}

#[async_trait]
impl RegistryBackend for ServiceCollection {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        let (id, deadline) = (id.clone(), self.wire.deadline());
        self.jobs
            .ask("read a registration", |answer| Job::Get {
                id,
                deadline,
                answer,
            })
            .await
    }

    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error> {
        const PUT: &str = "write a registration";
        self.writable(PUT)?;
        let (id, draft, deadline) = (id.clone(), Box::new(draft), self.wire.deadline());
        self.jobs
            .ask(PUT, |answer| Job::Put {
                id,
                draft,
                when,
                deadline,
                answer,
            })
            .await
    }

    async fn delete(
        &self,
        id: &Id,
        when: Precondition,
        _note: &ChangeNote,
    ) -> Result<Revision, Error> {
        const DELETE: &str = "delete a registration";
        self.writable(DELETE)?;
        let (id, deadline) = (id.clone(), self.wire.deadline());
        self.jobs
            .ask(DELETE, |answer| Job::Delete {
                id,
                when,
                deadline,
                answer,
            })
            .await
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        let query = query.clone();
        self.look("list registrations", move |book| {
            Ok(page(&query, book.registrations()?.iter()))
        })
        .await
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        let query = query.clone();
        self.look("count registrations", move |book| {
            let all = book.registrations()?;
            Ok(all.iter().filter(|it| matches(&query, it)).count() as u64)
        })
        .await
    }

    async fn head(&self) -> Result<Revision, Error> {
        self.look("read its revision", |book| Ok(book.head)).await
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.cloned().map_or(Unbounded, Excluded);
        self.look("list its heads", move |book| {
            let rows = book.rows.range((from, Unbounded)).take(limit);
            Ok(rows.map(|(id, row)| (id.clone(), row.revision)).collect())
        })
        .await
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        self.look("read its log", move |book| Ok(book.changes(after, limit)))
            .await
    }

    /// Notes accesses in this process and, with a state directory, beyond its end: the service has no place for them.
    async fn touch(&self, accesses: &[Access]) -> Result<(), Error> {
        let accesses = accesses.to_vec();
        self.jobs
            .ask("note accesses", |answer| Job::Touch { accesses, answer })
            .await
    }

    async fn compact(&self, keep: Retention) -> Result<Revision, Error> {
        self.jobs
            .ask("compact its log", |answer| Job::Compact { keep, answer })
            .await
    }
}

impl fmt::Debug for ServiceCollection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceCollection")
            .field("url", &self.wire.url)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

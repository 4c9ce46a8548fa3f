mod writing;

use super::Tags;
use super::book::{Book, Cause};
use super::form;
use super::job::{Job, Look};
use super::kept::KeptBook;
use crate::http::fault::Fault;
use crate::http::path::escape;
use crate::http::wire::{Ask, Wire};
use chrono::Utc;
use hotbed_registry::{Error, Id, Registration, Revision};
use reqwest::StatusCode;
use reqwest::header::{ETAG, HeaderValue, IF_NONE_MATCH};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Ids that cannot be used here and are named in the log.
const NAMED: usize = 5;

/// Speaks with the service, for everybody in this process, and keeps the book.
pub(super) struct Desk {
    wire: Arc<Wire>,
    /// Where the collection is below the base.
    path: String,
    tags: Tags,
    book: Book,
    kept: Option<Arc<KeptBook>>,
    /// What the file says; nothing is answered that it does not know.
    saved: Option<Revision>,
    /// The tag of the list that the book was last held against.
    list: Option<HeaderValue>,
    /// How many ids of that list cannot be used here.
    odd: usize,
    /// Jobs that were taken from the queue when a look was shared.
    waiting: VecDeque<Job>,
}

/// What a read of one registration showed beside what is in the book now.
struct Stands {
    tag: Option<HeaderValue>,
}

impl Desk {
    pub(super) fn new(
        wire: Arc<Wire>,
        path: String,
        tags: Tags,
        book: Book,
        kept: Option<Arc<KeptBook>>,
    ) -> Self {
        Self {
            saved: kept.is_some().then_some(book.head),
            wire,
            path,
            tags,
            book,
            kept,
            list: None,
            odd: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Does jobs until there can be no more.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Job>, closing: CancellationToken) {
        while let Some(job) = self.next(&mut queue, &closing).await {
            // A write that nobody waits for any more and that was not begun is not begun.
            match job {
                Job::Look(look) => self.look(look, &mut queue).await,
                Job::Get {
                    id,
                    deadline,
                    answer,
                } => {
                    if !answer.is_closed() {
                        drop(answer.send(self.get(&id, deadline).await));
                    }
                }
                Job::Put {
                    id,
                    draft,
                    when,
                    deadline,
                    answer,
                } => {
                    if !answer.is_closed() {
                        drop(answer.send(self.put(&id, *draft, when, deadline).await));
                    }
                }
                Job::Delete {
                    id,
                    when,
                    deadline,
                    answer,
                } => {
                    if !answer.is_closed() {
                        drop(answer.send(self.delete(&id, when, deadline).await));
                    }
                }
                Job::Touch { accesses, answer } => {
                    self.book.touch(&accesses);
                    drop(answer.send(Ok(())));
                }
                Job::Compact { keep, answer } => {
                    drop(answer.send(Ok(self.book.compact(keep, Utc::now()))));
                }
            }
        }
        // With the accesses that were noted since the last change.
        self.saved = None;
        if let Err(error) = self.save().await {
            tracing::warn!(%error, "the newest accesses of a registry are not kept");
        }
    }

    /// Waits for the next job. After the closing only what waits already is done.
    async fn next(
        &mut self,
        queue: &mut mpsc::Receiver<Job>,
        closing: &CancellationToken,
    ) -> Option<Job> {
        if let Some(job) = self.waiting.pop_front() {
            return Some(job);
        }
        tokio::select! {
            biased;
            () = closing.cancelled(), if !queue.is_closed() => queue.close(),
            job = queue.recv() => return job,
        }
        queue.recv().await
    }

    /// Looks at the list for all who wait for that.
    async fn look(&mut self, first: Look, queue: &mut mpsc::Receiver<Job>) {
        let mut looks = vec![first];
        let mut others = std::mem::take(&mut self.waiting);
        while let Ok(job) = queue.try_recv() {
            others.push_back(job);
        }
        for job in others {
            match job {
                Job::Look(look) => looks.push(look),
                other => self.waiting.push_back(other),
            }
        }
        let looked = match self.read_list().await {
            Ok(()) => self
                .save()
                .await
                .map_err(|error| Fault::said(error.to_string())),
            Err(fault) => Err(fault),
        };
        for look in looks {
            look(looked.as_ref().map(|()| &self.book));
        }
    }

    async fn read_list(&mut self) -> Result<(), Fault> {
        let mut ask = Ask::get(self.path.clone());
        if let Some(tag) = &self.list {
            ask = ask.with(IF_NONE_MATCH, tag.clone());
        }
        let answer = self.wire.ask(&ask).await?;
        match answer.status {
            StatusCode::NOT_MODIFIED if self.list.is_some() => return Ok(()),
            StatusCode::OK => {}
            _ => return Err(answer.refusal(&self.wire.url)),
        }
        let (seen, odd) = form::list(&answer, &self.wire.url)?;
        if odd.len() != self.odd {
            let reasons = odd
                .iter()
                .take(NAMED)
                .cloned()
                .collect::<Vec<_>>()
                .join("; ");
            tracing::warn!(url = %self.wire.url, count = odd.len(), reasons, "registrations whose ids cannot be used are left out");
            self.odd = odd.len();
        }
        self.book.see_all(seen, Utc::now());
        self.list = answer.headers.get(ETAG).cloned();
        Ok(())
    }

    /// Reads one registration into the book.
    async fn read(&mut self, id: &Id, deadline: Instant) -> Result<Stands, Fault> {
        let answer = self
            .wire
            .ask_until(&Ask::get(self.of(id)), deadline)
            .await?;
        if answer.status == StatusCode::OK {
            let seen = form::seen(id, &answer, &self.wire.url)?;
            self.book.see(seen, Cause::Found, Utc::now());
        } else if form::is_absent(&answer) {
            self.book.miss(id, Utc::now());
        } else {
            return Err(answer.refusal(&self.wire.url));
        }
        let tag = answer
            .headers
            .get(ETAG)
            .filter(|tag| !tag.as_bytes().starts_with(b"W/"));
        if tag.is_some() {
            self.tags = Tags::Sent;
        }
        Ok(Stands { tag: tag.cloned() })
    }

    async fn get(&mut self, id: &Id, deadline: Instant) -> Result<Option<Registration>, Error> {
        let read = self.read(id, deadline).await;
        read.map_err(|fault| fault.during("read a registration"))?;
        self.save().await?;
        self.book.registration(id)
    }

    /// Has the file know of every change before anybody else does.
    async fn save(&mut self) -> Result<(), Error> {
        let Some(kept) = &self.kept else {
            return Ok(());
        };
        if self.saved == Some(self.book.head) {
            return Ok(());
        }
        let (kept, book) = (Arc::clone(kept), self.book.clone());
        let head = book.head;
        let saved = tokio::task::spawn_blocking(move || kept.save(&book)).await;
        saved.map_err(|error| Error::Unavailable {
            operation: "keep its revisions",
            reason: "the task was interrupted".into(),
            source: Some(error.into()),
        })??;
        self.saved = Some(head);
        Ok(())
    }

    fn of(&self, id: &Id) -> String {
        format!("{}/{}", self.path, escape(id.as_str()))
    }
}

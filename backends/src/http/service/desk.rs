use super::Tags;
use super::book::{Book, Cause};
use super::form;
use super::job::{Answer, Job, Look};
use super::kept::KeptBook;
use super::seen::{Content, Seen};
use crate::http::answer::Answer as Reply;
use crate::http::fault::{Fault, Outcome};
use crate::http::path::escape;
use crate::http::wire::{Ask, Repeat, Wire};
use chrono::Utc;
use hotbed_registry::{ChangeNote, Draft, Error, Id, Precondition, Registration, Revision};
use reqwest::header::{ETAG, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const PUT: &str = "write a registration";
const DELETE: &str = "delete a registration";
/// Times that an unconditional write is begun again because others wrote in between.
const ROUNDS: u32 = 16;
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

/// A write that was not done, and what to make of it.
enum Failed {
    /// Others wrote in between.
    Overtaken,
    With(Error),
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
                    if is_wanted(&answer) {
                        drop(answer.send(self.put(&id, *draft, when, deadline).await));
                    }
                }
                Job::Delete {
                    id,
                    when,
                    deadline,
                    answer,
                } => {
                    if is_wanted(&answer) {
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

    async fn put(
        &mut self,
        id: &Id,
        draft: Draft,
        when: Precondition,
        deadline: Instant,
    ) -> Result<Registration, Error> {
        for _ in 0..ROUNDS {
            match self.put_once(id, &draft, when, deadline).await {
                Ok(()) => {
                    self.save().await?;
                    let written = self.book.registration(id)?;
                    return written.ok_or_else(|| overtaken(PUT));
                }
                Err(Failed::Overtaken) => {}
                Err(Failed::With(error)) => return Err(error),
            }
        }
        Err(overtaken(PUT))
    }

    async fn put_once(
        &mut self,
        id: &Id,
        draft: &Draft,
        when: Precondition,
        deadline: Instant,
    ) -> Result<(), Failed> {
        let failed = |fault: Fault| Failed::With(fault.of_write(PUT));
        let stands = self.read(id, deadline).await;
        // Nothing was written yet.
        let stands = stands.map_err(|fault| Failed::With(fault.during(PUT)))?;
        self.expect(id, when)?;
        let before = self.book.rows.get(id);
        let kept = before.and_then(|row| row.content.as_ref()?.as_ref().ok());
        let content = Content {
            config: draft.config.clone(),
            status: draft.status,
            metadata: match (&draft.metadata, kept) {
                (Some(metadata), _) => metadata.clone(),
                (None, Some(kept)) => {
                    let mut metadata = kept.metadata.clone();
                    ChangeNote::default().write_into(&mut metadata);
                    metadata
                }
                (None, None) => serde_json::Map::new(),
            },
        };
        let digest_before = before.map(|row| row.digest.clone());
        let ask = self.write(Method::PUT, id, Some(form::body(id, &content)), stands);
        let asked = self.wire.ask_until(&ask, before_read_back(deadline)).await;
        let told = match asked {
            Ok(answer) if form::is_conflict(&answer) && answer.earlier == Outcome::NotDone => {
                return Err(Failed::Overtaken);
            }
            Ok(answer) if answer.status.is_success() => {
                form::seen(id, &answer, &self.wire.url).ok()
            }
            Ok(answer) => {
                let refused = form::refused(id, &answer, &self.wire.url, PUT);
                if !is_doubtful(&answer) {
                    return Err(Failed::With(refused));
                }
                None
            }
            Err(fault) if fault.outcome == Outcome::NotDone => return Err(failed(fault)),
            Err(_) => None,
        };
        let now = Utc::now();
        let ours = Seen {
            id: id.clone(),
            digest: content.digest(),
            content: Ok(content),
            created_at: None,
            updated_at: None,
            last_accessed_at: None,
        };
        if let Some(told) = told {
            self.book.see(told, Cause::Wrote, now);
            return Ok(());
        }
        // Nobody said what became of it, so look.
        let read = self
            .read_unbooked(id, deadline)
            .await
            .map_err(|fault| Failed::With(lost(&fault)))?;
        match read {
            Some(there)
                if there.digest == ours.digest && digest_before.as_ref() != Some(&ours.digest) =>
            {
                self.book.see(there, Cause::Wrote, now);
                Ok(())
            }
            _ => Err(Failed::With(lost(&Fault::unknown(format!(
                "{} lost the answer, and what stands there now does not tell",
                self.wire.url
            ))))),
        }
    }

    async fn delete(
        &mut self,
        id: &Id,
        when: Precondition,
        deadline: Instant,
    ) -> Result<Revision, Error> {
        for _ in 0..ROUNDS {
            match self.delete_once(id, when, deadline).await {
                Ok(()) => {
                    self.save().await?;
                    return Ok(self.book.head);
                }
                Err(Failed::Overtaken) => {}
                Err(Failed::With(error)) => return Err(error),
            }
        }
        Err(overtaken(DELETE))
    }

    async fn delete_once(
        &mut self,
        id: &Id,
        when: Precondition,
        deadline: Instant,
    ) -> Result<(), Failed> {
        let stands = self.read(id, deadline).await;
        let stands = stands.map_err(|fault| Failed::With(fault.during(DELETE)))?;
        let is_there = self.book.revision(id).is_some();
        if !is_there && matches!(when, Precondition::Any | Precondition::Absent) {
            return Err(Failed::With(Error::NotFound { id: id.clone() }));
        }
        self.expect(id, when)?;
        let ask = self.write(Method::DELETE, id, None, stands);
        let asked = self.wire.ask_until(&ask, before_read_back(deadline)).await;
        let is_gone = match asked {
            Ok(answer) if answer.status.is_success() => true,
            // Somebody else was faster, unless it was an attempt of our own.
            Ok(answer) if form::is_absent(&answer) && answer.earlier == Outcome::NotDone => {
                return Err(Failed::Overtaken);
            }
            Ok(answer) if form::is_absent(&answer) => true,
            Ok(answer) if form::is_conflict(&answer) && answer.earlier == Outcome::NotDone => {
                return Err(Failed::Overtaken);
            }
            Ok(answer) if !is_doubtful(&answer) => {
                return Err(Failed::With(form::refused(
                    id,
                    &answer,
                    &self.wire.url,
                    DELETE,
                )));
            }
            Err(fault) if fault.outcome == Outcome::NotDone => {
                return Err(Failed::With(fault.of_write(DELETE)));
            }
            Ok(_) | Err(_) => {
                let read = self.read_unbooked(id, deadline).await;
                read.map_err(|fault| Failed::With(fault.of_write(DELETE)))?
                    .is_none()
            }
        };
        if is_gone {
            self.book.miss(id, Utc::now());
            Ok(())
        } else {
            Err(Failed::With(lost(&Fault::unknown(format!(
                "{} lost the answer, and it is still there",
                self.wire.url
            )))))
        }
    }

    /// Reads one registration, leaving the book as it is: what is there may be our own doing.
    async fn read_unbooked(&mut self, id: &Id, deadline: Instant) -> Result<Option<Seen>, Fault> {
        let answer = self
            .wire
            .ask_until(&Ask::get(self.of(id)), deadline)
            .await?;
        if answer.status == StatusCode::OK {
            form::seen(id, &answer, &self.wire.url).map(Some)
        } else if form::is_absent(&answer) {
            Ok(None)
        } else {
            Err(answer.refusal(&self.wire.url))
        }
    }

    fn expect(&self, id: &Id, when: Precondition) -> Result<(), Failed> {
        let actual = self.book.revision(id);
        if when.holds(actual) {
            return Ok(());
        }
        Err(Failed::With(Error::Conflict {
            id: id.clone(),
            expected: when,
            actual,
        }))
    }

    /// A write of what was read just now. Where the service has tags, it is only done on that.
    fn write(&self, method: Method, id: &Id, body: Option<Vec<u8>>, stands: Stands) -> Ask {
        let ask = |repeat| Ask::write(method, self.of(id), body, repeat);
        match (stands.tag, self.tags) {
            (Some(tag), _) => ask(Repeat::Harmful).with(IF_MATCH, tag),
            (None, Tags::Sent) if self.book.revision(id).is_none() => {
                ask(Repeat::Harmful).with(IF_NONE_MATCH, HeaderValue::from_static("*"))
            }
            (None, _) => ask(Repeat::Harmless),
        }
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

/// Whether somebody waits for a write that was not begun yet.
fn is_wanted<T>(answer: &Answer<T>) -> bool {
    !answer.is_closed()
}

/// Whether the write may have been done, whatever this says.
fn is_doubtful(answer: &Reply) -> bool {
    answer.status.is_server_error() || answer.earlier == Outcome::Unknown
}

/// Leaves time to look what became of it.
fn before_read_back(deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    Instant::now() + left.mul_f64(0.7).max(Duration::from_millis(50))
}

fn lost(fault: &Fault) -> Error {
    Fault::unknown(fault.reason().to_owned()).of_write(PUT)
}

fn overtaken(operation: &'static str) -> Error {
    Error::Unavailable {
        operation,
        reason: format!("others wrote in between, {ROUNDS} times in a row: try again"),
        source: None,
    }
}

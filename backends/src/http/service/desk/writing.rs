//! Writes: on what was read just before, and never taken for done or not done where that is not known.

use super::{Desk, Stands};
use crate::http::answer::Answer;
use crate::http::fault::{Fault, Outcome};
use crate::http::service::Tags;
use crate::http::service::book::Cause;
use crate::http::service::form;
use crate::http::service::seen::{Content, Seen};
use crate::http::wire::{Ask, Repeat};
use chrono::Utc;
use hotbed_registry::{ChangeNote, Draft, Error, Id, Precondition, Registration, Revision};
use reqwest::header::{HeaderValue, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use std::time::Duration;
use tokio::time::Instant;

const PUT: &str = "write a registration";
const DELETE: &str = "delete a registration";
/// Times that an unconditional write is begun again because others wrote in between.
const ROUNDS: u32 = 16;

/// A write that was not done, and what to make of it.
enum Failed {
    /// Others wrote in between.
    Overtaken,
    With(Error),
}

impl Desk {
    pub(super) async fn put(
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
            .map_err(|fault| lost(PUT, fault.reason().to_owned()))?;
        match read {
            Some(there)
                if there.digest == ours.digest && digest_before.as_ref() != Some(&ours.digest) =>
            {
                self.book.see(there, Cause::Wrote, now);
                Ok(())
            }
            _ => Err(lost(
                PUT,
                format!(
                    "{} lost the answer, and what stands there now does not tell",
                    self.wire.url
                ),
            )),
        }
    }

    pub(super) async fn delete(
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
                read.map_err(|fault| lost(DELETE, fault.reason().to_owned()))?
                    .is_none()
            }
        };
        if is_gone {
            self.book.miss(id, Utc::now());
            Ok(())
        } else {
            let url = &self.wire.url;
            Err(lost(
                DELETE,
                format!("{url} lost the answer, and it is still there"),
            ))
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
}

/// Whether the write may have been done, whatever this says.
fn is_doubtful(answer: &Answer) -> bool {
    answer.status.is_server_error() || answer.earlier == Outcome::Unknown
}

/// Leaves time to look what became of it.
fn before_read_back(deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    Instant::now() + left.mul_f64(0.7).max(Duration::from_millis(50))
}

/// Nobody knows what became of a write.
fn lost(operation: &'static str, reason: String) -> Failed {
    Failed::With(Fault::unknown(reason).of_write(operation))
}

fn overtaken(operation: &'static str) -> Error {
    Error::Unavailable {
        operation,
        reason: format!("others wrote in between, {ROUNDS} times in a row: try again"),
        source: None,
    }
}

//! One collection of another hotbed, which has all that a registry needs: what is asked here is done there.

mod form;
mod past;

use super::answer::{Answer, Complaint};
use super::fault::{Fault, Outcome};
use super::path::{escape, escape_value};
use super::read_only;
use super::url::{HttpUrl, Writes};
use super::wire::{Ask, Repeat, Wire};
use async_trait::async_trait;
use hotbed_api as api;
use hotbed_registry::{
    Access, Change, ChangeNote, Changes, CollectionName, Draft, Error, Id, Page, Past,
    Precondition, Query, Registration, RegistryBackend, Retention, Revision,
};
use reqwest::header::{HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Log entries, heads and accesses per request: what the other side takes.
const CHANGES: usize = 1_000;
const HEADS: usize = 5_000;
const ACCESSES: usize = 10_000;
/// Names a write, so that it may be sent again.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// How long to wait before asking again what became of a write.
const SETTLE: Duration = Duration::from_millis(100);

/// A change as it stands on the wire; `None` if its id cannot be one.
pub(super) fn change_of(change: &api::Change, url: &HttpUrl) -> Option<Change> {
    form::change(change, url).ok()
}

/// One collection of another hotbed.
pub(super) struct HotbedCollection {
    wire: Arc<Wire>,
    name: CollectionName,
    /// Where it is below the base.
    path: String,
}

impl HotbedCollection {
    pub(super) fn new(wire: Arc<Wire>, name: CollectionName, path: String) -> Self {
        Self { wire, name, path }
    }

    /// Where the other side tells how far a collection is.
    pub(super) fn head_path(name: &CollectionName) -> String {
        format!("heads?collection={name}&limit=0")
    }

    fn of(&self, id: &Id) -> String {
        format!("{}/{}", self.path, escape(id.as_str()))
    }

    fn writable(&self, operation: &'static str) -> Result<(), Error> {
        match self.wire.url.writes {
            Writes::Allowed => Ok(()),
            Writes::Refused => Err(read_only(operation)),
        }
    }

    /// Reads something that must be there.
    async fn read<T: serde::de::DeserializeOwned>(&self, path: String) -> Result<T, Fault> {
        let answer = self.wire.ask(&Ask::get(path)).await?;
        if answer.status == StatusCode::OK {
            answer.json(&self.wire.url)
        } else {
            Err(answer.refusal(&self.wire.url))
        }
    }

    /// Reads what a query asks for.
    async fn query<T: serde::de::DeserializeOwned>(
        &self,
        operation: &'static str,
        path: String,
    ) -> Result<T, Error> {
        let asked = self.wire.ask(&Ask::get(path)).await;
        let answer = asked.map_err(|fault| fault.during(operation))?;
        let read = match answer.status {
            StatusCode::OK => answer.json(&self.wire.url),
            StatusCode::UNPROCESSABLE_ENTITY => {
                let reason = answer.complaint().text();
                return Err(Error::InvalidQuery {
                    reason: reason
                        .unwrap_or_else(|| "the other hotbed does not take this query".into()),
                });
            }
            _ => Err(answer.refusal(&self.wire.url)),
        };
        read.map_err(|fault| fault.during(operation))
    }

    /// Sends a write until it is known what became of it, or for as long as one call may take.
    async fn write(&self, ask: Ask, when: Precondition) -> Result<Answer, Fault> {
        let ask = conditional(ask, when).with(KEY, key());
        let deadline = self.wire.deadline();
        let answer = self.wire.ask_until(&ask, deadline).await?;
        let is_refused = matches!(
            answer.status,
            StatusCode::PRECONDITION_FAILED | StatusCode::NOT_FOUND
        );
        if !is_refused || answer.earlier == Outcome::NotDone {
            return Ok(answer);
        }
        // An attempt whose answer was lost may have done it, and be remembered in a moment.
        sleep(SETTLE).await;
        match self.wire.ask_until(&ask, deadline).await {
            Ok(answer) if answer.status.is_success() || answer.status == StatusCode::CONFLICT => {
                Ok(answer)
            }
            _ => Err(Fault::unknown(format!(
                "{} lost the answer to it, and refuses it now as if it, or another, had been done",
                self.wire.url
            ))),
        }
    }

    async fn log(&self, after: Revision, limit: usize) -> Result<Changes, Fault> {
        let path = format!(
            "changes?collection={}&after={after}&limit={}",
            self.name,
            limit.min(CHANGES)
        );
        let answer = self.wire.ask(&Ask::get(path)).await?;
        match answer.status {
            StatusCode::OK => {
                let log: api::ChangeLog = answer.json(&self.wire.url)?;
                let changes: Vec<Change> = log
                    .changes
                    .iter()
                    .map(|change| form::change(change, &self.wire.url))
                    .collect::<Result<_, _>>()?;
                let expected = after.0.saturating_add(1)..;
                if changes
                    .iter()
                    .zip(expected)
                    .any(|(change, at)| change.revision.0 != at)
                {
                    return Err(Fault::said(format!(
                        "{} tells a log with a gap after revision {after}",
                        self.wire.url
                    )));
                }
                Ok(Changes::Log {
                    changes,
                    head: Revision(log.head),
                })
            }
            StatusCode::GONE => match answer.complaint() {
                Complaint {
                    oldest: Some(oldest),
                    head: Some(head),
                    ..
                } => Ok(Changes::Compacted {
                    oldest: Revision(oldest),
                    head: Revision(head),
                }),
                _ => Err(answer.refusal(&self.wire.url)),
            },
            _ => Err(answer.refusal(&self.wire.url)),
        }
    }
}

/// A name that no other write has.
fn key() -> HeaderValue {
    let random = format!("{:032x}", rand::random::<u128>());
    HeaderValue::from_str(&random).expect("digits are a header value")
}

fn conditional(ask: Ask, when: Precondition) -> Ask {
    let any = HeaderValue::from_static("*");
    match when {
        Precondition::Any => ask,
        Precondition::Absent => ask.with(IF_NONE_MATCH, any),
        Precondition::Present => ask.with(IF_MATCH, any),
        Precondition::At(revision) => {
            let tag = HeaderValue::from_str(&format!("\"{revision}\""));
            ask.with(IF_MATCH, tag.expect("digits in quotes are a header value"))
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl RegistryBackend for HotbedCollection {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        const GET: &str = "read a registration";
        let asked = self
            .wire
            .ask(&Ask::get(format!("{}?touch=false", self.of(id))))
            .await;
        let answer = asked.map_err(|fault| fault.during(GET))?;
        let read = match answer.status {
            StatusCode::OK => form::registration_of(id, &answer, &self.wire.url).map(Some),
            // Anybody on the way may say that there is nothing; only a hotbed says it like this.
            StatusCode::NOT_FOUND if answer.complaint().kind == form::NOT_FOUND => Ok(None),
            _ => Err(answer.refusal(&self.wire.url)),
        };
        read.map_err(|fault| fault.during(GET))
    }

    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error> {
        const PUT: &str = "write a registration";
        self.writable(PUT)?;
        let path = match draft.created_at {
            None => self.of(id),
            Some(at) => format!("{}?created_at={}", self.of(id), form::time(at)),
        };
        let ask = Ask::write(Method::PUT, path, Some(form::body(draft)), Repeat::Harmless);
        let written = self.write(ask, when).await;
        let answer = written.map_err(|fault| fault.of_write(PUT))?;
        if answer.status.is_success() {
            let read = form::registration_of(id, &answer, &self.wire.url);
            return read.map_err(|fault| fault.of_write(PUT));
        }
        Err(form::refused(id, when, &answer, &self.wire.url, PUT))
    }

    async fn delete(
        &self,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        const DELETE: &str = "delete a registration";
        self.writable(DELETE)?;
        let path = format!("{}{}", self.of(id), form::note(note));
        let ask = Ask::write(Method::DELETE, path, None, Repeat::Harmless);
        let deleted = self.write(ask, when).await;
        let answer = deleted.map_err(|fault| fault.of_write(DELETE))?;
        if answer.status.is_success() {
            let revision = form::revision(&answer, &self.wire.url);
            return revision.map_err(|fault| fault.of_write(DELETE));
        }
        Err(form::refused(id, when, &answer, &self.wire.url, DELETE))
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        const LIST: &str = "list registrations";
        let path = format!("{}?{}", self.path, form::listing(query));
        let list: api::RegistrationList = self.query(LIST, path).await?;
        let understand = |items: Vec<api::Registration>| {
            items
                .into_iter()
                .map(|item| form::registration(item, &self.wire.url))
                .collect::<Result<Vec<_>, _>>()
        };
        let items = understand(list.items).map_err(|fault| fault.during(LIST))?;
        let is_too_long = query.limit.is_some_and(|limit| items.len() as u64 > limit);
        let is_cut = query.limit.is_none() && list.next.is_some();
        if is_too_long || is_cut {
            let reason = format!("{} answers another list than was asked for", self.wire.url);
            return Err(Fault::said(reason).during(LIST));
        }
        Ok(Page::new(items, query))
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        let path = format!("count?collection={}&{}", self.name, form::filters(query));
        let counted: api::Count = self.query("count registrations", path).await?;
        Ok(counted.count)
    }

    async fn head(&self) -> Result<Revision, Error> {
        let read: Result<api::HeadList, _> = self.read(Self::head_path(&self.name)).await;
        let list = read.map_err(|fault| fault.during("read its revision"))?;
        Ok(Revision(list.head))
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        const HEAD_LIST: &str = "list its heads";
        let mut heads: Vec<(Id, Revision)> = Vec::new();
        let mut after = after.map(ToString::to_string);
        while heads.len() < limit {
            let page = (limit - heads.len()).min(HEADS);
            let mut path = format!("heads?collection={}&limit={page}", self.name);
            if let Some(after) = &after {
                path.push_str("&after=");
                path.push_str(&escape_value(after));
            }
            let read: Result<api::HeadList, _> = self.read(path).await;
            let list = read.map_err(|fault| fault.during(HEAD_LIST))?;
            for head in list.items {
                let id =
                    form::id(&head.id, &self.wire.url).map_err(|fault| fault.during(HEAD_LIST))?;
                heads.push((id, Revision(head.revision)));
            }
            match list.next {
                // One that goes back would go on for ever.
                Some(next) if after.as_ref().is_none_or(|after| next > *after) => {
                    after = Some(next);
                }
                _ => break,
            }
        }
        heads.truncate(limit);
        Ok(heads)
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        const LOG: &str = "read its log";
        let mut all: Vec<Change> = Vec::new();
        let mut newest = Revision::ZERO;
        loop {
            let at = all.last().map_or(after, |last| last.revision);
            let read = self.log(at, limit - all.len()).await;
            match read.map_err(|fault| fault.during(LOG))? {
                Changes::Log { changes, head } => {
                    let is_end = changes.is_empty();
                    all.extend(changes);
                    newest = newest.max(head);
                    let at = all.last().map_or(after, |last| last.revision);
                    if is_end || all.len() >= limit || at >= head {
                        break;
                    }
                }
                compacted if all.is_empty() => return Ok(compacted),
                // It was compacted in between: the next call will be told.
                Changes::Compacted { head, .. } => {
                    newest = newest.max(head);
                    break;
                }
            }
        }
        Ok(Changes::Log {
            changes: all,
            head: newest,
        })
    }

    async fn touch(&self, accesses: &[Access]) -> Result<(), Error> {
        const TOUCH: &str = "note accesses";
        if self.wire.url.writes == Writes::Refused {
            return Ok(());
        }
        for chunk in accesses.chunks(ACCESSES) {
            let path = format!("accesses?collection={}", self.name);
            let ask = Ask::write(
                Method::POST,
                path,
                Some(form::accesses(chunk)),
                Repeat::Harmless,
            );
            let noted = self.wire.ask(&ask).await;
            let answer = noted.map_err(|fault| fault.during(TOUCH))?;
            if !answer.status.is_success() {
                return Err(answer.refusal(&self.wire.url).during(TOUCH));
            }
        }
        Ok(())
    }

    /// Forgets nothing: the log is the other side's, which compacts it by its own retention. Answers the oldest revision
    /// that it tells.
    async fn compact(&self, _keep: Retention) -> Result<Revision, Error> {
        let begin = self.log(Revision::ZERO, 0).await;
        match begin.map_err(|fault| fault.during("compact its log"))? {
            Changes::Log { .. } => Ok(Revision(1)),
            Changes::Compacted { oldest, .. } => Ok(oldest),
        }
    }

    async fn history(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        self.history_of(id, before, limit).await
    }

    async fn past(&self, id: &Id, revision: Revision) -> Result<Option<Past>, Error> {
        self.past_at(id, revision).await
    }
}

impl fmt::Debug for HotbedCollection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HotbedCollection")
            .field("url", &self.wire.url)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

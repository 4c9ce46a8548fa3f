//! The past of a registration, as another hotbed tells it.

use super::{HotbedCollection, form};
use crate::http::fault::Fault;
use crate::http::wire::Ask;
use chrono::{DateTime, Utc};
use hotbed_registry::{ChangeNote, Error, Id, Past, Registration, Revision};
use reqwest::StatusCode;
use serde::Deserialize;

const PAST: &str = "tell the past of a registration";
/// Writes per request: what the other side tells at most.
const PAGE: usize = 200;

/// Some of the writes that the other side remembers, newest first.
#[derive(Deserialize)]
struct History {
    items: Vec<PastWrite>,
    next: Option<u64>,
}

#[derive(Deserialize)]
struct PastWrite {
    revision: u64,
    at: DateTime<Utc>,
    /// None of a deletion.
    version: Option<u64>,
    changed_by: Option<String>,
    change_reason: Option<String>,
}

impl HotbedCollection {
    /// The writes before a revision, each with what it made, which takes a request for each of them.
    pub(super) async fn history_of(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        let (mut past, mut before) = (Vec::new(), before);
        while past.len() < limit {
            let History { items, next } = self.page(id, before, limit - past.len()).await?;
            for item in &items {
                match self.written(id, item).await? {
                    Some(write) => past.push(write),
                    // It was forgotten in between, and with it all that are older.
                    None => return Ok(past),
                }
            }
            before = match next.map(Revision) {
                // One that does not go back would go on for ever.
                Some(next) if before.is_none_or(|before| next < before) => Some(next),
                _ => break,
            };
        }
        past.truncate(limit);
        Ok(past)
    }

    /// What the write at a revision made; `None` if it is not known.
    pub(super) async fn past_at(&self, id: &Id, revision: Revision) -> Result<Option<Past>, Error> {
        let before = Revision(revision.0.saturating_add(1));
        let History { items, .. } = self.page(id, Some(before), 1).await?;
        match items.first() {
            Some(item) if item.revision == revision.0 => self.written(id, item).await,
            _ => Ok(None),
        }
    }

    async fn page(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<History, Error> {
        let before = before.map_or_else(String::new, |before| format!("&before={before}"));
        let path = format!("{}/history?limit={}{before}", self.of(id), limit.min(PAGE));
        let asked = self.wire.ask(&Ask::get(path)).await;
        let answer = asked.map_err(|fault| fault.during(PAST))?;
        let complaint = answer.complaint();
        match answer.status {
            StatusCode::OK => answer
                .json(&self.wire.url)
                .map_err(|fault| fault.during(PAST)),
            StatusCode::NOT_FOUND if complaint.kind == form::NOT_FOUND => Ok(History {
                items: Vec::new(),
                next: None,
            }),
            StatusCode::NOT_IMPLEMENTED => Err(Error::Unsupported {
                operation: PAST,
                reason: complaint
                    .text()
                    .unwrap_or_else(|| format!("{} keeps none", self.wire.url)),
            }),
            _ => Err(answer.refusal(&self.wire.url).during(PAST)),
        }
    }

    /// The whole of one write; `None` if it has been forgotten.
    async fn written(&self, id: &Id, item: &PastWrite) -> Result<Option<Past>, Error> {
        let revision = Revision(item.revision);
        if item.version.is_none() {
            return Ok(Some(Past::Deleted {
                id: id.clone(),
                revision,
                at: item.at,
                note: ChangeNote {
                    by: item.changed_by.clone(),
                    reason: item.change_reason.clone(),
                },
            }));
        }
        let path = format!("{}?revision={revision}", self.of(id));
        let asked = self.wire.ask(&Ask::get(path)).await;
        let answer = asked.map_err(|fault| fault.during(PAST))?;
        match answer.status {
            StatusCode::OK => {
                let read = form::registration_of(id, &answer, &self.wire.url);
                let version = read.map_err(|fault| fault.during(PAST))?;
                if version.revision != revision {
                    let reason = format!(
                        "{} answers revision {} where {revision} is due",
                        self.wire.url, version.revision
                    );
                    return Err(Fault::said(reason).during(PAST));
                }
                Ok(Some(Past::Written(Box::new(Registration {
                    last_accessed_at: version.updated_at,
                    ..version
                }))))
            }
            StatusCode::NOT_FOUND | StatusCode::GONE if answer.complaint().is_hotbeds() => Ok(None),
            _ => Err(answer.refusal(&self.wire.url).during(PAST)),
        }
    }
}

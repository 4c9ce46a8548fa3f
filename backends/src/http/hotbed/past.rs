//! The past of a registration, as the other hotbed remembers it: a list of its writes, and each version by itself.

use super::{HotbedCollection, form};
use crate::http::fault::Fault;
use crate::http::wire::Ask;
use hotbed_api as api;
use hotbed_registry::{Error, Id, Past, Revision};
use reqwest::StatusCode;

const PAST: &str = "tell the past of a registration";
/// Writes per request, at most: what the other side takes.
const MOST: usize = 200;

impl HotbedCollection {
    pub(super) async fn past_writes(
        &self,
        id: &Id,
        mut before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        let mut told = Vec::new();
        while told.len() < limit {
            let page = self
                .page(id, before, (limit - told.len()).min(MOST))
                .await?;
            for write in page.items {
                // Forgotten since, and so is everything before it.
                let Some(past) = self.version(id, &write).await? else {
                    return Ok(told);
                };
                told.push(past);
            }
            match page.next.map(Revision) {
                // One that does not go back would go on for ever.
                Some(next) if before.is_none_or(|before| next < before) => before = Some(next),
                _ => break,
            }
        }
        Ok(told)
    }

    pub(super) async fn past_write(
        &self,
        id: &Id,
        revision: Revision,
    ) -> Result<Option<Past>, Error> {
        let before = revision.0.checked_add(1).map(Revision);
        let newest = self.page(id, before, 1).await?.items.pop();
        match newest {
            Some(write) if write.revision == revision.0 => self.version(id, &write).await,
            _ => Ok(None),
        }
    }

    async fn page(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<api::History, Error> {
        let mut path = format!("{}/history?limit={limit}", self.of(id));
        if let Some(before) = before {
            path.push_str(&format!("&before={before}"));
        }
        let asked = self.wire.ask(&Ask::get(path)).await;
        let answer = asked.map_err(|fault| fault.during(PAST))?;
        let read = match answer.status {
            StatusCode::OK => answer.json(&self.wire.url),
            StatusCode::NOT_FOUND if answer.complaint().kind == form::NOT_FOUND => {
                let items = Vec::new();
                Ok(api::History { items, next: None })
            }
            StatusCode::NOT_IMPLEMENTED => {
                let reason = answer.complaint().text();
                return Err(Error::Unsupported {
                    operation: PAST,
                    reason: reason.unwrap_or_else(|| "the other hotbed keeps none".into()),
                });
            }
            _ => Err(answer.refusal(&self.wire.url)),
        };
        read.map_err(|fault| fault.during(PAST))
    }

    /// What a write made; `None` if it is forgotten by now.
    async fn version(&self, id: &Id, write: &api::PastWrite) -> Result<Option<Past>, Error> {
        let revision = Revision(write.revision);
        if write.status.is_none() {
            return Ok(Some(Past::Deleted {
                id: id.clone(),
                revision,
                at: write.at,
            }));
        }
        let path = format!("{}?revision={revision}", self.of(id));
        let asked = self.wire.ask(&Ask::get(path)).await;
        let answer = asked.map_err(|fault| fault.during(PAST))?;
        let url = &self.wire.url;
        let read = match answer.status {
            StatusCode::OK => form::registration_of(id, &answer, url).and_then(|version| {
                if version.revision == revision {
                    Ok(Some(version.into()))
                } else {
                    let other = version.revision;
                    Err(Fault::said(format!(
                        "{url} answers revision {other} of {id:?} where {revision} is due"
                    )))
                }
            }),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(answer.refusal(url)),
        };
        read.map_err(|fault| fault.during(PAST))
    }
}

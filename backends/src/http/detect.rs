//! Which kind of service is at the other end.

use super::fault::Fault;
use super::hotbed::HotbedCollection;
use super::service::Tags;
use super::url::Expected;
use super::wire::{Ask, Wire};
use hotbed_registry::{CollectionName, Error};
use reqwest::StatusCode;
use reqwest::header::ETAG;
use serde_json::Value;

const OPEN: &str = "open a collection";

/// What was found.
#[derive(Debug)]
pub(super) enum Peer {
    /// Another hotbed, with the collection at this path.
    Hotbed { path: String },
    /// Another service, with the collection at this path.
    Service { path: String, tags: Tags },
}

/// Finds out where a collection is, and what kind of service keeps it.
pub(super) async fn find(wire: &Wire, name: &CollectionName) -> Result<Peer, Error> {
    if wire.url.peer != Some(Expected::Service) {
        let is_hotbed = is_hotbed(wire, name).await?;
        if is_hotbed {
            let path = wire.url.path.clone().unwrap_or_else(|| name.to_string());
            return Ok(Peer::Hotbed { path });
        }
        if wire.url.peer == Some(Expected::Hotbed) {
            return Err(Error::Unsupported {
                operation: OPEN,
                reason: format!("{} is no hotbed, although its URL says so", wire.url),
            });
        }
    }
    let paths = match &wire.url.path {
        Some(path) => vec![path.clone()],
        None if *name == CollectionName::bots() => vec!["configs".into(), "bots".into()],
        None => vec![name.to_string()],
    };
    let mut why = None;
    for path in paths {
        match list(wire, &path).await {
            Ok(tags) => return Ok(Peer::Service { path, tags }),
            Err(fault) => why = why.or(Some(fault)),
        }
    }
    let why = why.unwrap_or_else(|| Fault::said("there is nowhere to look".into()));
    Err(why.during(OPEN))
}

async fn is_hotbed(wire: &Wire, name: &CollectionName) -> Result<bool, Error> {
    let asked = wire.ask(&Ask::get(HotbedCollection::head_path(name))).await;
    let answer = asked.map_err(|fault| fault.during(OPEN))?;
    let complaint = answer.complaint();
    if answer.status == StatusCode::OK {
        // Some services answer everything with a page.
        return Ok(answer.json::<hotbed_api::HeadList>(&wire.url).is_ok());
    }
    if !complaint.is_hotbeds() {
        return match answer.status.as_u16() {
            300..=399 | 401 | 403 | 429 | 500..=599 => Err(answer.refusal(&wire.url).during(OPEN)),
            _ => Ok(false),
        };
    }
    match answer.status {
        StatusCode::NOT_FOUND => Err(Error::Unsupported {
            operation: OPEN,
            reason: format!(
                "the hotbed at {} has no collection {name}, or is of a version that keeps none for others: it says {:?}",
                wire.url,
                complaint.text().unwrap_or_default()
            ),
        }),
        _ => Err(answer.refusal(&wire.url).during(OPEN)),
    }
}

/// Looks whether there is a list.
async fn list(wire: &Wire, path: &str) -> Result<Tags, Fault> {
    let answer = wire.ask(&Ask::get(path.to_owned())).await?;
    if answer.status != StatusCode::OK {
        return Err(answer.refusal(&wire.url));
    }
    let body: Value = answer.json(&wire.url)?;
    let is_list = body.is_array() || body.get("items").is_some() || body.get("configs").is_some();
    if !is_list {
        return Err(Fault::said(format!(
            "{} answers no list at {path:?}",
            wire.url
        )));
    }
    Ok(if answer.headers.contains_key(ETAG) {
        Tags::Sent
    } else {
        Tags::None
    })
}

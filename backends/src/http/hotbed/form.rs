//! What is sent to another hotbed, and what it answers, as types of the registry.

use crate::http::answer::Answer;
use crate::http::fault::Fault;
use crate::http::path::escape;
use crate::http::url::HttpUrl;
use chrono::{DateTime, SecondsFormat, Utc};
use hotbed_api as api;
use hotbed_registry::{
    Access, Change, ChangeKind, ChangeNote, Direction, Draft, Error, Id, PortableConfig,
    Precondition, Query, Registration, Revision, SortField, SortSpec, Status,
};
use reqwest::StatusCode;
use serde_json::{Map, Value};

/// What a hotbed calls the problem that something is not there.
pub(super) const NOT_FOUND: &str = "urn:hotbed:problem:not-found";
const REVISION: &str = "x-hotbed-revision";

pub(super) fn registration_of(
    id: &Id,
    answer: &Answer,
    url: &HttpUrl,
) -> Result<Registration, Fault> {
    let registration = registration(answer.json(url)?, url)?;
    if registration.id == *id {
        Ok(registration)
    } else {
        let other = &registration.id;
        Err(Fault::unknown(format!(
            "{url} answers {other:?} where {id:?} is due"
        )))
    }
}

pub(super) fn registration(item: api::Registration, url: &HttpUrl) -> Result<Registration, Fault> {
    let id = id(&item.id, url)?;
    let config = PortableConfig::from_map(item.config).map_err(|error| {
        Fault::unknown(format!(
            "{url} has a config of {id:?} that cannot be: {error}"
        ))
    })?;
    Ok(Registration {
        config,
        status: match item.status {
            api::Status::Active => Status::Active,
            api::Status::Inactive => Status::Inactive,
            api::Status::Error => Status::Error,
        },
        metadata: item.metadata,
        revision: Revision(item.revision),
        version: item.version,
        created_at: item.created_at,
        updated_at: item.updated_at,
        last_accessed_at: item.last_accessed_at,
        id,
    })
}

pub(super) fn id(text: &str, url: &HttpUrl) -> Result<Id, Fault> {
    Id::new(text)
        .map_err(|error| Fault::unknown(format!("{url} answers an id that cannot be: {error}")))
}

pub(super) fn change(change: &api::Change, url: &HttpUrl) -> Result<Change, Fault> {
    Ok(Change {
        id: id(&change.id, url)?,
        revision: Revision(change.revision),
        kind: match change.kind {
            api::ChangeKind::Created => ChangeKind::Created,
            api::ChangeKind::Updated => ChangeKind::Updated,
            api::ChangeKind::Activated => ChangeKind::Activated,
            api::ChangeKind::Deactivated => ChangeKind::Deactivated,
            api::ChangeKind::Deleted => ChangeKind::Deleted,
        },
        at: change.at,
    })
}

/// The revision that a write without a body made.
pub(super) fn revision(answer: &Answer, url: &HttpUrl) -> Result<Revision, Fault> {
    let value = answer
        .headers
        .get(REVISION)
        .and_then(|value| value.to_str().ok());
    let revision = value.and_then(|text| text.parse().ok()).map(Revision);
    revision.ok_or_else(|| Fault::unknown(format!("{url} does not say which revision it made")))
}

/// The body of a write.
pub(super) fn body(draft: Draft) -> Vec<u8> {
    let config = match draft.config.into_value() {
        Value::Object(config) => config,
        // A configuration is an object.
        _ => Map::new(),
    };
    let write = api::RegistrationWrite {
        bot_id: None,
        id: None,
        config,
        status: Some(match draft.status {
            Status::Active => api::Status::Active,
            Status::Inactive => api::Status::Inactive,
            Status::Error => api::Status::Error,
        }),
        metadata: draft.metadata,
    };
    serde_json::to_vec(&write).expect("a registration is plain data")
}

pub(super) fn accesses(accesses: &[Access]) -> Vec<u8> {
    let item = |access: &Access| api::Access {
        id: access.id.to_string(),
        at: access.at,
    };
    let list = api::AccessList {
        items: accesses.iter().map(item).collect(),
    };
    serde_json::to_vec(&list).expect("a list of ids is plain data")
}

/// A time as a value of a query.
pub(super) fn time(at: DateTime<Utc>) -> String {
    escape(&at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// Who deletes, and why, as a query; nothing if that was not said.
pub(super) fn note(note: &ChangeNote) -> String {
    let said = [("by", &note.by), ("reason", &note.reason)];
    let said = said
        .iter()
        .filter_map(|(key, text)| Some(format!("{key}={}", escape(text.as_ref()?))));
    let query = said.collect::<Vec<_>>().join("&");
    if query.is_empty() {
        query
    } else {
        format!("?{query}")
    }
}

/// What a query filters by, as the other side takes it.
pub(super) fn filters(query: &Query) -> String {
    let mut pairs = Vec::new();
    if let Some(status) = query.status {
        pairs.push(format!("status={status}"));
    }
    if !query.metadata.is_empty() {
        let filter = Value::Object(query.metadata.clone()).to_string();
        pairs.push(format!("filter_metadata={}", escape(&filter)));
    }
    if let Some(after) = &query.after {
        pairs.push(format!("after={}", escape(after.as_str())));
    }
    pairs.join("&")
}

/// A whole query. Never without an order: a list in order is one consistent read at the other side, where one without
/// is read piece by piece.
pub(super) fn listing(query: &Query) -> String {
    let by_id = SortSpec {
        field: SortField::Id,
        direction: Direction::Ascending,
    };
    let mut pairs = vec![filters(query)];
    let none = query.sort.is_empty().then_some(&by_id);
    for spec in query.sort.iter().chain(none) {
        pairs.push(format!("sort={}", escape(&spec.to_string())));
    }
    if query.offset > 0 {
        pairs.push(format!("offset={}", query.offset));
    }
    if let Some(limit) = query.limit {
        pairs.push(format!("limit={limit}"));
    }
    pairs.retain(|pair| !pair.is_empty());
    pairs.join("&")
}

/// Why the other side did not write.
pub(super) fn refused(
    id: &Id,
    when: Precondition,
    answer: &Answer,
    url: &HttpUrl,
    operation: &'static str,
) -> Error {
    let complaint = answer.complaint();
    match answer.status {
        StatusCode::PRECONDITION_FAILED => Error::Conflict {
            id: id.clone(),
            expected: when,
            actual: complaint.revision.map(Revision),
        },
        StatusCode::NOT_FOUND if complaint.kind == NOT_FOUND => Error::NotFound { id: id.clone() },
        StatusCode::BAD_REQUEST
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNPROCESSABLE_ENTITY => {
            let said = complaint.text();
            let problems = if complaint.problems.is_empty() {
                vec![said.unwrap_or_else(|| format!("{url} does not take it"))]
            } else {
                complaint.problems
            };
            Error::Refused {
                id: id.clone(),
                problems,
            }
        }
        StatusCode::CONFLICT => Error::Unavailable {
            operation,
            reason: complaint.text().map_or_else(
                || "it was written over since".into(),
                |said| format!("{said}: read it"),
            ),
            source: None,
        },
        _ => answer.refusal(url).of_write(operation),
    }
}

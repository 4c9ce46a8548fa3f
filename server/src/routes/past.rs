//! The past of a registration, and the way back to it.

use super::problems::{Any, Conditional, OfId, OfThePast, WithBody};
use super::writes;
use crate::body::{Read, read_json};
use crate::conditions::{content_etag, etag, has_content, is_known, precondition};
use crate::fault::{Fault, Kind};
use crate::freshness::{MIN_REVISION, catch_up, know_revision, refusal, served};
use crate::note;
use crate::params::Params;
use crate::path_id::PathId;
use crate::state::Node;
use crate::wire;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::ETAG;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hotbed_api::{History, PastWrite, Rollback, Written};
use hotbed_registry::{ChangeKind, Error, Id, NoVersion, Past, Revision};
use std::sync::Arc;

/// Writes per answer, unless the client says.
const FEW: usize = 50;
/// Writes per answer, at most.
const MOST: usize = 200;
/// Versions in memory at once: each may be as large as configurations get.
const AT_ONCE: usize = 8;

/// Tell the history of a registration
///
/// Its writes and deletions that are still remembered, newest first: of every id, those that are deleted too. How many,
/// and for how long, is for whoever runs the server to say; what stands now is always among them.
#[utoipa::path(
    get,
    path = "/{id}/history",
    tag = "registrations",
    params(
        ("id" = String, Path, description = "Its name."),
        ("before" = Option<u64>, Query, description = "Only writes before this revision: the `next` of the page before."),
        ("limit" = Option<u64>, Query, description = "At most so many, from 1 to 200; 50 unless said."),
        ("min_revision" = Option<u64>, Query, description = "Wait until this node knows of this revision. Also as the header `X-Hotbed-Min-Revision`."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` that the client has already."),
    ),
    responses(
        (status = 200, description = "The writes.", body = History,
            headers(("ETag" = String, description = "What names exactly these writes, in quotes."))),
        (status = 304, description = "The same writes are remembered."),
        OfId,
        OfThePast,
        Any,
    ),
)]
pub(crate) async fn history(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Fault> {
    let params = Params::read(&uri, &["before", "limit", MIN_REVISION])?;
    let before = params.number("before")?.map(Revision);
    let limit = params.number("limit")?.unwrap_or(FEW);
    if !(1..=MOST).contains(&limit) {
        return Err(Fault::new(
            Kind::Invalid,
            format!("query parameter \"limit\" is {limit}: give a number from 1 to {MOST}"),
        ));
    }
    catch_up(&node, &params, &headers).await?;
    // One more, for what came before the last one says what that did.
    let mut items = read(&node, &id, before, limit + 1).await?;
    if items.is_empty() && before.is_none() {
        return Err(refusal(&node, &id, Error::NotFound { id: id.clone() }).await);
    }
    let newest = Revision(items.first().map_or(0, |newest| newest.revision));
    know_revision(&node, newest).await;
    for n in 0..items.len() {
        items[n].kind = wire::change_kind(kind(&items[n], items.get(n + 1)));
    }
    let is_last = items.len() <= limit;
    items.truncate(limit);
    let next = items.last().filter(|_| !is_last).map(|last| last.revision);
    let page = History { items, next };
    let tag = content_etag(&page);
    let is_known = has_content(&headers, &tag)?;
    let tag = [(ETAG, tag)];
    let response = if is_known {
        (StatusCode::NOT_MODIFIED, tag).into_response()
    } else {
        (tag, Json(page)).into_response()
    };
    Ok(served(newest, response))
}

/// The writes before a revision, without what they wrote. What each of them did is yet to be seen.
async fn read(
    node: &Node,
    id: &Id,
    mut before: Option<Revision>,
    limit: usize,
) -> Result<Vec<PastWrite>, Error> {
    let mut writes: Vec<PastWrite> = Vec::new();
    loop {
        let wanted = (limit - writes.len()).min(AT_ONCE);
        let page = node.reader.history(id, before, wanted).await?;
        let is_last = page.len() < wanted;
        writes.extend(page.into_iter().map(write));
        if is_last || writes.len() >= limit {
            return Ok(writes);
        }
        before = writes.last().map(|last| Revision(last.revision));
    }
}

fn write(past: Past) -> PastWrite {
    let (revision, at, said) = (past.revision().0, past.at(), past.note());
    let (status, version) = match past {
        Past::Written(it) => (Some(wire::status(it.status)), Some(it.version)),
        Past::Deleted { .. } => (None, None),
    };
    PastWrite {
        revision,
        kind: hotbed_api::ChangeKind::Updated,
        at,
        status,
        version,
        changed_by: said.by,
        change_reason: said.reason,
    }
}

/// What a write did, given the one before it that is remembered.
fn kind(write: &PastWrite, before: Option<&PastWrite>) -> ChangeKind {
    let (Some(status), Some(version)) = (write.status, write.version) else {
        return ChangeKind::Deleted;
    };
    if version == 1 {
        return ChangeKind::Created;
    }
    // Where writes are missing in between, nobody knows what this one changed.
    let before = before.filter(|before| before.version == Some(version - 1));
    match before.and_then(|before| before.status) {
        Some(before) => {
            ChangeKind::of_write(Some(wire::status_from(before)), wire::status_from(status))
        }
        None => ChangeKind::Updated,
    }
}

/// Answers with a registration as it was at a revision.
pub(super) async fn version(
    node: &Node,
    id: &Id,
    revision: Revision,
    headers: &HeaderMap,
) -> Result<Response, Fault> {
    let version = match node.reader.past(id, revision).await? {
        Past::Written(version) => *version,
        Past::Deleted { .. } => {
            let (id, why) = (id.clone(), NoVersion::Deletion);
            return Err(Error::NoVersion { id, revision, why }.into());
        }
    };
    know_revision(node, revision).await;
    let tag = [(ETAG, etag(revision))];
    let response = if is_known(headers, revision)? {
        (StatusCode::NOT_MODIFIED, tag).into_response()
    } else {
        (tag, Json(wire::registration(version))).into_response()
    };
    Ok(served(revision, response))
}

/// Roll a registration back
///
/// Writes anew what it was at a revision: configuration, status and metadata. A write like any other, with a revision of
/// its own; one that was deleted is there again. What it was in between stays in its history.
#[utoipa::path(
    post,
    path = "/{id}/rollback",
    tag = "registrations",
    params(
        ("id" = String, Path, description = "Its name."),
        ("If-Match" = Option<String>, Header, description = "Only if it stands at one of these `ETag`s, or exists (`*`)."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if it does not exist."),
    ),
    request_body = Rollback,
    responses(
        (status = 200, description = "It is what it was.", body = Written,
            headers(("ETag" = String, description = "Its revision, in quotes."))),
        (status = 201, description = "It is there again.", body = Written,
            headers(("ETag" = String, description = "Its revision, in quotes."), ("Location" = String, description = "Where it is."))),
        OfThePast,
        Conditional,
        Any,
        WithBody,
    ),
)]
pub(crate) async fn rollback(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    uri: Uri,
    request: Request,
) -> Result<Response, Fault> {
    Params::read(&uri, &[])?;
    let understand = |body: Rollback| {
        let to = Revision(body.revision);
        Ok((to, note::checked(body.by, body.reason)?))
    };
    let (limits, memory) = (&node.limits(), &node.bodies);
    let Read {
        headers,
        body: (to, said),
        share: _share,
    } = read_json(request, limits, memory, understand).await?;
    let when = precondition(&headers, &node, &id).await?;
    let done = node
        .state
        .registry
        .noting(said)
        .rollback(&id, to, when)
        .await;
    writes::answer(&node, &id, done).await
}

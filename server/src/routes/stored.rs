//! Reading registrations.

use super::past;
use super::problems::{Any, OfId, OfThePast};
use crate::body::weigh;
use crate::conditions::{etag, is_known};
use crate::edge::RequestId;
use crate::fault::{Fault, Kind};
use crate::freshness::{MIN_REVISION, catch_up, know, know_revision, refusal, served};
use crate::pages;
use crate::params::Params;
use crate::path_id::PathId;
use crate::state::Node;
use crate::wire;
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::header::ETAG;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hotbed_api::{Registration, RegistrationList};
use hotbed_registry::{Error, Id, Query, Revision, SortSpec};
use serde_json::{Map, Value};
use std::sync::Arc;

const LIST: [&str; 7] = [
    "status",
    "filter_metadata",
    "sort",
    "limit",
    "offset",
    "after",
    MIN_REVISION,
];

/// List registrations
///
/// All of them, or those that a filter, a range or a cursor picks; in id order unless `sort` says otherwise. A long list
/// without `sort` and `offset` is read and sent in pages: one that cannot be read to its end is cut off, and is no JSON
/// document. The `ETag` is the collection's newest revision: a client that polls with `If-None-Match` is sent nothing while nothing
/// changes.
#[utoipa::path(
    get,
    path = "",
    tag = "registrations",
    params(
        ("status" = Option<hotbed_api::Status>, Query, description = "Only this status."),
        ("filter_metadata" = Option<String>, Query, description = "Only registrations whose metadata holds each member of this JSON object.", example = json!("{\"team\": \"support\"}")),
        ("sort" = Option<Vec<String>>, Query, description = "A field, or `metadata.KEY`, with `:asc` or `:desc`; may be repeated, the most significant first.", example = json!(["updated_at:desc"])),
        ("limit" = Option<u64>, Query, description = "At most so many."),
        ("offset" = Option<u64>, Query, description = "Skip so many."),
        ("after" = Option<String>, Query, description = "Only ids greater than this: the `next` of the page before."),
        ("min_revision" = Option<u64>, Query, description = "Wait until this node knows of this revision. Also as the header `X-Hotbed-Min-Revision`."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` that the client has already."),
    ),
    responses(
        (status = 200, description = "The registrations.", body = RegistrationList,
            headers(("ETag" = String, description = "The collection's newest revision, in quotes."))),
        (status = 304, description = "Nothing has changed."),
        Any,
    ),
)]
pub(crate) async fn list(
    State(node): State<Arc<Node>>,
    Extension(request_id): Extension<RequestId>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Fault> {
    let params = Params::read(&uri, &LIST)?;
    let query = query(&params)?;
    catch_up(&node, &params, &headers).await?;
    // Read before the list, so that the tag is never newer than what it names.
    let head = node.reader.head().await?;
    know_revision(&node, head).await;
    let tag = [(ETAG, etag(head))];
    if is_known(&headers, head)? {
        return Ok(served(
            head,
            (StatusCode::NOT_MODIFIED, tag).into_response(),
        ));
    }
    let list = if pages::is_long(&query) {
        pages::send(node, query, request_id).await?
    } else {
        whole(&node, &query).await?
    };
    Ok(served(head, (tag, list).into_response()))
}

async fn whole(node: &Node, query: &Query) -> Result<Response, Fault> {
    let page = node.reader.list(query).await?;
    let newest = page.items.iter().map(|item| item.revision).max();
    know_revision(node, newest.unwrap_or(Revision::ZERO)).await;
    let list = RegistrationList {
        items: page.items.into_iter().map(wire::registration).collect(),
        next: page.next.map(|id| id.to_string()),
    };
    Ok(Json(list).into_response())
}

pub(super) fn query(params: &Params) -> Result<Query, Fault> {
    let status = params.one("status")?.map(str::parse).transpose();
    Ok(Query {
        status: status.map_err(|error: hotbed_registry::UnknownStatus| {
            Fault::new(Kind::Invalid, error.to_string())
        })?,
        metadata: params
            .one("filter_metadata")?
            .map(metadata)
            .transpose()?
            .unwrap_or_default(),
        sort: params
            .all("sort")
            .map(SortSpec::parse)
            .collect::<Result<_, _>>()?,
        offset: params.number("offset")?.unwrap_or(0),
        limit: params.number("limit")?,
        after: params.one("after")?.map(Id::new).transpose()?,
    })
}

fn metadata(text: &str) -> Result<Map<String, Value>, Fault> {
    let unfit = |what: &str| {
        let detail = format!("query parameter \"filter_metadata\" is not a JSON object: {what}");
        Fault::new(Kind::Invalid, detail)
    };
    weigh(text.as_bytes()).map_err(|inexact| unfit(&inexact.to_string()))?;
    serde_json::from_str(text).map_err(|error| unfit(&error.to_string()))
}

/// Read a registration
///
/// As it is stored, whatever its status. Noted as an access, unless `touch` is false. With `revision`, as it was then;
/// that is no access.
#[utoipa::path(
    get,
    path = "/{id}",
    tag = "registrations",
    params(
        ("id" = String, Path, description = "Its name."),
        ("touch" = Option<bool>, Query, description = "Whether this is an access; it is unless said."),
        ("revision" = Option<u64>, Query, description = "The version that the write of this revision made."),
        ("min_revision" = Option<u64>, Query, description = "Wait until this node knows of this revision. Also as the header `X-Hotbed-Min-Revision`."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` that the client has already."),
    ),
    responses(
        (status = 200, description = "The registration.", body = Registration,
            headers(("ETag" = String, description = "Its revision, in quotes."))),
        (status = 304, description = "It has not changed."),
        OfId,
        OfThePast,
        Any,
    ),
)]
pub(crate) async fn get(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Fault> {
    let params = Params::read(&uri, &["revision", "touch", MIN_REVISION])?;
    let revision = params.number("revision")?.map(Revision);
    let touch = params.flag("touch")?.unwrap_or(true);
    catch_up(&node, &params, &headers).await?;
    if let Some(revision) = revision {
        return past::version(&node, &id, revision, &headers).await;
    }
    let found = if touch {
        node.reader.get(&id).await?
    } else {
        node.reader.peek(&id).await?
    };
    let Some(found) = found else {
        return Err(refusal(&node, &id, Error::NotFound { id: id.clone() }).await);
    };
    let revision = found.revision;
    know(&node, &id, Some(revision)).await;
    let tag = [(ETAG, etag(revision))];
    let response = if is_known(&headers, revision)? {
        (StatusCode::NOT_MODIFIED, tag).into_response()
    } else {
        (tag, Json(wire::registration(found))).into_response()
    };
    Ok(served(revision, response))
}

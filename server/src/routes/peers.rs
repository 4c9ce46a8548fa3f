//! What a node needs that keeps its registrations in this one, beside what everybody needs.

use super::problems::{Any, WithBody};
use super::stored::query;
use crate::body::{Read, read_json};
use crate::fault::{Fault, Kind};
use crate::freshness::{know_revision, served};
use crate::params::Params;
use crate::state::Node;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hotbed_api::{AccessList, Count, Head, HeadList, Problem};
use hotbed_registry::{Access, Id};
use std::sync::Arc;

/// Heads per answer.
const HEADS: usize = 5_000;
/// Accesses per request.
const ACCESSES: usize = 10_000;

/// See where registrations stand
///
/// Ids and revisions, in id order: for a reader whose place in the log is no longer there.
#[utoipa::path(
    get,
    path = "/heads",
    tag = "changes",
    params(
        ("collection" = Option<String>, Query, description = "Which collection; `bots` unless said."),
        ("after" = Option<String>, Query, description = "Only ids greater than this: the `next` of the page before."),
        ("limit" = Option<usize>, Query, description = "At most so many, up to 5000; 0 to be told only the newest revision."),
    ),
    responses(
        (status = 200, description = "Where they stand.", body = HeadList),
        (status = 404, description = "There is no such collection.", body = Problem, content_type = "application/problem+json"),
        Any,
    ),
)]
pub(crate) async fn heads(State(node): State<Arc<Node>>, uri: Uri) -> Result<Response, Fault> {
    let params = Params::read(&uri, &["collection", "after", "limit"])?;
    check_collection(&node, &params)?;
    let after = params.one("after")?.map(Id::new).transpose()?;
    let limit = params.number("limit")?.unwrap_or(HEADS).min(HEADS);
    let head = node.reader.head().await?;
    let heads = if limit == 0 {
        Vec::new()
    } else {
        node.reader.heads(after.as_ref(), limit).await?
    };
    let newest = heads.iter().map(|(_, revision)| *revision).max();
    know_revision(&node, newest.unwrap_or_default().max(head)).await;
    let end = heads.last().filter(|_| heads.len() == limit);
    let list = HeadList {
        next: end.map(|(id, _)| id.to_string()),
        items: heads
            .iter()
            .map(|(id, revision)| Head {
                id: id.to_string(),
                revision: revision.0,
            })
            .collect(),
        head: head.0,
    };
    Ok(served(head, Json(list).into_response()))
}

/// Count registrations
#[utoipa::path(
    get,
    path = "/count",
    tag = "registrations",
    params(
        ("collection" = Option<String>, Query, description = "Which collection; `bots` unless said."),
        ("status" = Option<hotbed_api::Status>, Query, description = "Only this status."),
        ("filter_metadata" = Option<String>, Query, description = "Only registrations whose metadata holds each member of this JSON object."),
        ("after" = Option<String>, Query, description = "Only ids greater than this."),
    ),
    responses(
        (status = 200, description = "How many there are.", body = Count),
        (status = 404, description = "There is no such collection.", body = Problem, content_type = "application/problem+json"),
        Any,
    ),
)]
pub(crate) async fn count(State(node): State<Arc<Node>>, uri: Uri) -> Result<Json<Count>, Fault> {
    let params = Params::read(&uri, &["collection", "status", "filter_metadata", "after"])?;
    check_collection(&node, &params)?;
    let count = node.reader.count(&query(&params)?).await?;
    Ok(Json(Count { count }))
}

/// Note accesses
///
/// When registrations were last used elsewhere. Never a change, and never a step back; unknown ids are ignored.
#[utoipa::path(
    post,
    path = "/accesses",
    tag = "registrations",
    params(
        ("collection" = Option<String>, Query, description = "Which collection; `bots` unless said."),
    ),
    request_body = AccessList,
    responses(
        (status = 204, description = "They are noted."),
        (status = 404, description = "There is no such collection.", body = Problem, content_type = "application/problem+json"),
        Any,
        WithBody,
    ),
)]
pub(crate) async fn accesses(
    State(node): State<Arc<Node>>,
    uri: Uri,
    request: Request,
) -> Result<StatusCode, Fault> {
    let params = Params::read(&uri, &["collection"])?;
    check_collection(&node, &params)?;
    let (limits, memory) = (&node.limits(), &node.bodies);
    let Read { body, .. } = read_json(request, limits, memory, understand).await?;
    node.state.registry.touch(&body).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn understand(list: AccessList) -> Result<Vec<Access>, Fault> {
    if list.items.len() > ACCESSES {
        let count = list.items.len();
        let detail = format!("items: {count} are too many: send {ACCESSES} at most");
        return Err(Fault::new(Kind::Invalid, detail));
    }
    let access = |noted: hotbed_api::Access| {
        Ok(Access {
            id: Id::new(&noted.id)?,
            at: noted.at,
        })
    };
    list.items.into_iter().map(access).collect()
}

/// Refuses a collection that is not served here.
pub(super) fn check_collection(node: &Node, params: &Params) -> Result<(), Fault> {
    let collection = node.state.registry.collection();
    match params.one("collection")? {
        Some(other) if other != collection.as_str() => {
            let other: String = other.chars().take(64).collect();
            let detail = format!("there is no collection {other:?}: there is {collection}");
            Err(Fault::new(Kind::NotFound, detail))
        }
        _ => Ok(()),
    }
}

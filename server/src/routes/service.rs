//! Taking registrations out of service and back.

use super::problems::{Any, Conditional, OfId};
use crate::conditions::{etag, precondition};
use crate::fault::Fault;
use crate::freshness::{know, refusal, served};
use crate::note::{self, NOTE};
use crate::params::Params;
use crate::path_id::PathId;
use crate::state::Node;
use crate::wire;
use axum::Json;
use axum::extract::State;
use axum::http::header::ETAG;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use hotbed_api::Registration;
use hotbed_registry::{Error, Id};
use std::sync::Arc;

/// Take a registration out of service
///
/// It is kept, and no bot is built from it. Without effect where it is out of service already. Takes no body.
#[utoipa::path(
    post,
    path = "/{id}/deactivate",
    tag = "registrations",
    params(
        ("id" = String, Path, description = "Its name."),
        ("by" = Option<String>, Query, description = "Who does: kept in the metadata as `changed_by`."),
        ("reason" = Option<String>, Query, description = "Why: kept in the metadata as `change_reason`."),
        ("If-Match" = Option<String>, Header, description = "Only if it stands at one of these `ETag`s."),
    ),
    responses(
        (status = 200, description = "It is out of service.", body = Registration,
            headers(("ETag" = String, description = "Its revision, in quotes."))),
        OfId,
        Conditional,
        Any,
    ),
)]
pub(crate) async fn deactivate(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Fault> {
    let said = note::in_query(&Params::read(&uri, &NOTE)?)?;
    let when = precondition(&headers, &node, &id).await?;
    let done = node.state.registry.noting(said).deactivate(&id, when).await;
    answer(&node, &id, done).await
}

/// Put a registration back into service
///
/// Without effect where it is in service already. Takes no body.
#[utoipa::path(
    post,
    path = "/{id}/activate",
    tag = "registrations",
    params(
        ("id" = String, Path, description = "Its name."),
        ("by" = Option<String>, Query, description = "Who does: kept in the metadata as `changed_by`."),
        ("reason" = Option<String>, Query, description = "Why: kept in the metadata as `change_reason`."),
        ("If-Match" = Option<String>, Header, description = "Only if it stands at one of these `ETag`s."),
    ),
    responses(
        (status = 200, description = "It is in service.", body = Registration,
            headers(("ETag" = String, description = "Its revision, in quotes."))),
        OfId,
        Conditional,
        Any,
    ),
)]
pub(crate) async fn activate(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Fault> {
    let said = note::in_query(&Params::read(&uri, &NOTE)?)?;
    let when = precondition(&headers, &node, &id).await?;
    let done = node.state.registry.noting(said).activate(&id, when).await;
    answer(&node, &id, done).await
}

async fn answer(
    node: &Node,
    id: &Id,
    done: Result<hotbed_registry::Registration, Error>,
) -> Result<Response, Fault> {
    let registration = match done {
        Ok(registration) => registration,
        Err(error) => return Err(refusal(node, id, error).await),
    };
    let revision = registration.revision;
    // It may have been so before, by somebody else's doing.
    know(node, id, Some(revision)).await;
    let tag = [(ETAG, etag(revision))];
    let body = Json(wire::registration(registration));
    Ok(served(revision, (tag, body).into_response()))
}

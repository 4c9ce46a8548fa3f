//! Taking registrations out of service and back.

use super::problems::{Any, Conditional, OfId};
use crate::conditions::{etag, precondition};
use crate::fault::Fault;
use crate::freshness::served;
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
    Params::read(&uri, &[])?;
    let when = precondition(&headers, &node.reader, &id).await?;
    Ok(answer(node.state.registry.deactivate(&id, when).await?))
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
    Params::read(&uri, &[])?;
    let when = precondition(&headers, &node.reader, &id).await?;
    Ok(answer(node.state.registry.activate(&id, when).await?))
}

fn answer(registration: hotbed_registry::Registration) -> Response {
    let revision = registration.revision;
    served(
        revision,
        (
            [(ETAG, etag(revision))],
            Json(wire::registration(registration)),
        )
            .into_response(),
    )
}

use super::problems::{Any, Conditional, OfId};
use crate::fault::Fault;
use crate::freshness::refusal;
use crate::params::Params;
use crate::path_id::PathId;
use crate::state::Node;
use crate::wire;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use hotbed_api::{ReloadOutcome, ReloadReport};
use hotbed_cache::Reloaded;
use hotbed_registry::Error;
use std::sync::Arc;

/// Build a bot anew
///
/// On this node, even where nothing changed. The one that serves now serves on until the new one is ready.
#[utoipa::path(
    post,
    path = "/{id}/reload",
    tag = "bots",
    params(("id" = String, Path, description = "Its name.")),
    responses((status = 200, description = "What happened.", body = hotbed_api::Reloaded), OfId, Conditional, Any),
)]
pub(crate) async fn reload(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Json<hotbed_api::Reloaded>, Fault> {
    Params::read(&uri, &[])?;
    let serving = || node.state.bots.peek(&id).map(|lease| lease.revision());
    let (outcome, revision, error) = match node.state.hot_reload.reload(&id).await {
        Some(Reloaded::Added(revision)) => (ReloadOutcome::Added, Some(revision), None),
        Some(Reloaded::Refreshed(revision)) => (ReloadOutcome::Refreshed, Some(revision), None),
        Some(Reloaded::Failed(failure)) => {
            (ReloadOutcome::Failed, serving(), Some(failure.to_string()))
        }
        // Removed, and whatever comes that serves nothing.
        _ => match node.reader.peek(&id).await? {
            Some(_) => (ReloadOutcome::Removed, None, None),
            None => return Err(refusal(&node, &id, Error::NotFound { id: id.clone() }).await),
        },
    };
    Ok(Json(hotbed_api::Reloaded {
        id: id.to_string(),
        outcome,
        revision: revision.map(|revision| revision.0),
        error,
    }))
}

/// Build every bot in memory anew
///
/// Catches up with the registry first. On this node only.
#[utoipa::path(
    post,
    path = "/reload",
    tag = "bots",
    responses((status = 200, description = "What happened.", body = ReloadReport), Conditional, Any),
)]
pub(crate) async fn reload_all(
    State(node): State<Arc<Node>>,
    uri: Uri,
) -> Result<Json<ReloadReport>, Fault> {
    Params::read(&uri, &[])?;
    Ok(Json(wire::reload_report(
        node.state.hot_reload.reload_all().await?,
    )))
}

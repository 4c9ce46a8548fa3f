use super::problems::{Any, OfId};
use crate::fault::Fault;
use crate::freshness::{MIN_REVISION, catch_up, know, refusal};
use crate::params::Params;
use crate::path_id::PathId;
use crate::state::Node;
use crate::wire;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use hotbed_api::{Instance, InstanceState};
use hotbed_registry::{Error, Status};
use std::sync::Arc;

/// See how a bot stands in this node's memory
///
/// Builds nothing.
#[utoipa::path(
    get,
    path = "/{id}/instance",
    tag = "bots",
    params(
        ("id" = String, Path, description = "Its name."),
        ("min_revision" = Option<u64>, Query, description = "Wait until this node knows of this revision. Also as the header `X-Hotbed-Min-Revision`."),
    ),
    responses((status = 200, description = "How it stands.", body = Instance), OfId, Any),
)]
pub(crate) async fn instance(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Instance>, Fault> {
    let params = Params::read(&uri, &[MIN_REVISION])?;
    catch_up(&node, &params, &headers).await?;
    let held = node.state.bots.held_for(&id);
    if let Some(held) = held.filter(|held| held.state != hotbed_cache::InstanceState::Absent) {
        return Ok(Json(wire::instance(&held)));
    }
    // Nobody asked for it, or it was asked for before it was registered.
    let Some(stored) = node.reader.peek(&id).await? else {
        return Err(refusal(&node, &id, Error::NotFound { id: id.clone() }).await);
    };
    know(&node, &id, Some(stored.revision)).await;
    Ok(Json(Instance {
        id: stored.id.to_string(),
        state: match stored.status {
            Status::Active => InstanceState::Unloaded,
            Status::Inactive | Status::Error => InstanceState::Inactive,
        },
        revision: None,
        observed: stored.revision.0,
        built_ago_ms: None,
        retry_in_ms: None,
        error: None,
    }))
}

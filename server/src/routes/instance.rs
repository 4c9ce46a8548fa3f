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
use hotbed_api::{Instance, InstanceList, InstanceState};
use hotbed_cache::Held;
use hotbed_registry::{Error, Id, Status};
use std::sync::Arc;

/// Instances per answer.
const INSTANCES: usize = 5_000;

/// See what this node holds in memory
///
/// In the order of the ids, page by page. Builds nothing. Ids that are known to be in nobody's registry are left out.
#[utoipa::path(
    get,
    path = "/instances",
    tag = "bots",
    params(
        ("after" = Option<String>, Query, description = "Only ids greater than this: the `next` of the page before."),
        ("limit" = Option<usize>, Query, description = "At most so many, up to 5000."),
    ),
    responses((status = 200, description = "How they stand.", body = InstanceList), Any),
)]
pub(crate) async fn instances(
    State(node): State<Arc<Node>>,
    uri: Uri,
) -> Result<Json<InstanceList>, Fault> {
    let params = Params::read(&uri, &["after", "limit"])?;
    let after = params.one("after")?.map(Id::new).transpose()?;
    let limit = params.number("limit")?.unwrap_or(INSTANCES).min(INSTANCES);
    let is_listed = |held: &Held| {
        held.state != hotbed_cache::InstanceState::Absent
            && after.as_ref().is_none_or(|after| held.id > *after)
    };
    let mut held: Vec<_> = node
        .state
        .bots
        .held()
        .into_iter()
        .filter(is_listed)
        .collect();
    held.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    let is_all = held.len() <= limit;
    held.truncate(limit);
    let last = held.last().filter(|_| !is_all);
    Ok(Json(InstanceList {
        next: last.map(|last| last.id.to_string()),
        items: held.iter().map(wire::instance).collect(),
    }))
}

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

//! Mods that are built anew, let run, or kept from it.

use super::told;
use crate::fault::Fault;
use crate::note::{self, NOTE};
use crate::params::Params;
use crate::path_id::PathId;
use crate::routes::problems::{Any, OfMod, WithAuthority};
use crate::state::Node;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use hotbed_api::Mod;
use std::sync::Arc;

/// Build a mod anew
///
/// On every node, even where nothing changed, together with those that depend on it. The answer says how it is on this one.
/// What is under way ends in the generation in which it began; one that does not come up leaves the old one in service.
#[utoipa::path(
    post,
    path = "/{id}/reload",
    operation_id = "reload_mod",
    tag = "mods",
    params(
        ("id" = String, Path, description = "Its id, or its path."),
        ("by" = Option<String>, Query, description = "Who asks: kept in the metadata as `changed_by`."),
        ("reason" = Option<String>, Query, description = "Why: kept in the metadata as `change_reason`."),
    ),
    responses((status = 200, description = "The new generation is in service.", body = Mod), OfMod, WithAuthority, Any),
)]
pub(crate) async fn reload(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Fault> {
    node.state.authority.admit(&headers)?;
    let said = note::in_query(&Params::read(&uri, &NOTE)?)?;
    let (id, entry) = node.state.mods.reload(id.as_str(), said).await?;
    Ok(told(&id, &entry))
}

/// Let a mod run
///
/// On every node. The answer says how it is on this one; if it does not come up, it is tried again.
#[utoipa::path(
    post,
    path = "/{id}/enable",
    operation_id = "enable_mod",
    tag = "mods",
    params(
        ("id" = String, Path, description = "Its id, or its path."),
        ("by" = Option<String>, Query, description = "Who writes: kept in the metadata as `changed_by`."),
        ("reason" = Option<String>, Query, description = "Why: kept in the metadata as `change_reason`."),
    ),
    responses((status = 200, description = "It is to run.", body = Mod), OfMod, WithAuthority, Any),
)]
pub(crate) async fn enable(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Fault> {
    node.state.authority.admit(&headers)?;
    let said = note::in_query(&Params::read(&uri, &NOTE)?)?;
    let (id, entry) = node.state.mods.enable(id.as_str(), said).await?;
    Ok(told(&id, &entry))
}

/// Keep a mod from running
///
/// On every node. Its registration stays. Refused while others depend on it.
#[utoipa::path(
    post,
    path = "/{id}/disable",
    operation_id = "disable_mod",
    tag = "mods",
    params(
        ("id" = String, Path, description = "Its id, or its path."),
        ("by" = Option<String>, Query, description = "Who writes: kept in the metadata as `changed_by`."),
        ("reason" = Option<String>, Query, description = "Why: kept in the metadata as `change_reason`."),
    ),
    responses((status = 200, description = "It is not to run.", body = Mod), OfMod, WithAuthority, Any),
)]
pub(crate) async fn disable(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Fault> {
    node.state.authority.admit(&headers)?;
    let said = note::in_query(&Params::read(&uri, &NOTE)?)?;
    let (id, entry) = node.state.mods.disable(id.as_str(), said).await?;
    Ok(told(&id, &entry))
}

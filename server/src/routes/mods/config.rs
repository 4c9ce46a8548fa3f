//! The configuration of a mod, what it may hold, and how the mod is with it.

use super::told;
use super::write_config::{Way, read_config, write_config};
use crate::body::Read;
use crate::conditions::{etag, known_precondition};
use crate::fault::Fault;
use crate::freshness::served;
use crate::mods_wire as wire;
use crate::note::{self, NOTE};
use crate::params::Params;
use crate::path_id::PathId;
use crate::routes::problems::{Any, Conditional, OfMod, WithAuthority, WithBody};
use crate::state::Node;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use hotbed_api::{Mod, ModConfig, ModHealth, ModSchema};
use serde_json::Map;
use std::sync::Arc;

/// Read the configuration of a mod
#[utoipa::path(
    get,
    path = "/{id}/config",
    operation_id = "read_mod_config",
    tag = "mods",
    params(("id" = String, Path, description = "Its id, or its path.")),
    responses(
        (status = 200, description = "As it is registered.", body = ModConfig,
            headers(("ETag" = String, description = "The revision of its registration, in quotes."))),
        OfMod,
        Any,
    ),
)]
pub(crate) async fn config(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Response, Fault> {
    Params::read(&uri, &[])?;
    let (_, entry) = node.state.mods.entry(id.as_str()).await?;
    let config = wire::config(&entry);
    let mut response = Json(ModConfig { config }).into_response();
    let revision = entry.registration.map(|it| it.revision).unwrap_or_default();
    response.headers_mut().insert(ETAG, etag(revision));
    Ok(served(revision, response))
}

/// Change the configuration of a mod
///
/// Replaces it as a whole, or with `merge` puts it over what is there: objects key by key, null takes a key away. Held against the
/// mod's own form first: what does not fit is refused, and nothing is changed. It is in effect when this is answered,
/// without a restart.
#[utoipa::path(
    put,
    path = "/{id}/config",
    operation_id = "put_mod_config",
    tag = "mods",
    params(
        ("id" = String, Path, description = "Its id, or its path."),
        ("merge" = Option<bool>, Query, description = "Put it over what is there."),
        ("by" = Option<String>, Query, description = "Who writes: kept in the metadata as `changed_by`."),
        ("reason" = Option<String>, Query, description = "Why: kept in the metadata as `change_reason`."),
        ("If-Match" = Option<String>, Header, description = "Only if it stands at this `ETag`."),
    ),
    request_body = ModConfig,
    responses(
        (status = 200, description = "It is registered; how the mod is with it on this node.", body = Mod,
            headers(("ETag" = String, description = "The revision of its registration, in quotes."))),
        OfMod,
        WithAuthority,
        Conditional,
        Any,
        WithBody,
    ),
)]
pub(crate) async fn put_config(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    uri: Uri,
    request: Request,
) -> Result<Response, Fault> {
    node.state.authority.admit(request.headers())?;
    let [by, reason] = NOTE;
    let params = Params::read(&uri, &[by, "merge", reason])?;
    let said = note::in_query(&params)?;
    let way = match params.flag("merge")? {
        Some(true) => Way::Merge,
        _ => Way::Replace,
    };
    let Read {
        headers,
        body: config,
        share: _share,
    } = read_config(&node, request).await?;
    let when = known_precondition(&headers)?;
    let (id, entry) = write_config(&node, id.as_str(), config, way, when, said).await?;
    Ok(told(&id, &entry))
}

/// See what the configuration of a mod may hold
#[utoipa::path(
    get,
    path = "/{id}/schema",
    operation_id = "read_mod_schema",
    tag = "mods",
    params(("id" = String, Path, description = "Its id, or its path.")),
    responses((status = 200, description = "As a JSON Schema and as a form.", body = ModSchema), OfMod, Any),
)]
pub(crate) async fn schema(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Json<ModSchema>, Fault> {
    Params::read(&uri, &[])?;
    let (_, entry) = node.state.mods.entry(id.as_str()).await?;
    let form = wire::form(&entry);
    Ok(Json(ModSchema {
        json_schema: form.map(hotbed_mods::SettingsForm::to_json_schema),
        form: form.map(hotbed_mods::SettingsForm::to_value),
    }))
}

/// Ask how a mod is
///
/// It is asked now. One that does not run is not well.
#[utoipa::path(
    get,
    path = "/{id}/health",
    operation_id = "ask_mod_health",
    tag = "mods",
    params(("id" = String, Path, description = "Its id, or its path.")),
    responses((status = 200, description = "How it is on this node.", body = ModHealth), OfMod, Any),
)]
pub(crate) async fn health(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Json<ModHealth>, Fault> {
    Params::read(&uri, &[])?;
    node.state.mods.host().check_health().await;
    let (id, entry) = node.state.mods.entry(id.as_str()).await?;
    let said = entry.status.as_ref().and_then(|status| {
        // What was said by a generation that is gone is not how the mod is.
        status.generation.and(status.health.as_ref())
    });
    let told = wire::entry(&id, &entry);
    Ok(Json(match said {
        Some(health) => wire::health(health),
        None => ModHealth {
            healthy: false,
            message: match &told.error {
                Some(error) => error.clone(),
                None => format!("it does not run: it is {}", told.state),
            },
            details: Map::new(),
        },
    }))
}

//! Mods as the clients of AICO know plugins: Bearer tokens, and answers of `success`, `message` and `details`.

use super::mods::{Way, read_config, write_config};
use super::problems::{Any, OfMod, WithAuthority, WithBody};
use crate::body::Read;
use crate::fault::{Fault, Kind};
use crate::mods_wire as wire;
use crate::params::Params;
use crate::path_id::PathId;
use crate::state::Node;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Uri};
use hotbed_api as api;
use hotbed_desk::ModEntry;
use hotbed_registry::{ChangeNote, Id, Precondition};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// List plugins
#[utoipa::path(
    get,
    path = "",
    operation_id = "list_plugins",
    tag = "plugins",
    responses((status = 200, description = "The mods, each as a plugin.", body = Object), Any),
)]
pub(crate) async fn list(State(node): State<Arc<Node>>, uri: Uri) -> Result<Json<Value>, Fault> {
    Params::read(&uri, &[])?;
    let plugins: Map<String, Value> = node
        .state
        .mods
        .entries()
        .iter()
        .map(|(id, entry)| (id.to_string(), plugin(id, entry)))
        .collect();
    Ok(Json(json!({"plugins": plugins, "total": plugins.len()})))
}

/// See how a plugin is
#[utoipa::path(
    get,
    path = "/{id}",
    operation_id = "read_plugin",
    tag = "plugins",
    params(("id" = String, Path, description = "The mod.")),
    responses((status = 200, description = "The mod as a plugin.", body = Object), OfMod, Any),
)]
pub(crate) async fn get(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Json<Value>, Fault> {
    Params::read(&uri, &[])?;
    let (id, entry) = node.state.mods.entry(id.as_str()).await?;
    Ok(Json(plugin(&id, &entry)))
}

/// Ask how a plugin is
#[utoipa::path(
    get,
    path = "/{id}/health",
    operation_id = "ask_plugin_health",
    tag = "plugins",
    params(("id" = String, Path, description = "The mod.")),
    responses((status = 200, description = "How it is now.", body = Object), OfMod, Any),
)]
pub(crate) async fn health(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Json<Value>, Fault> {
    Params::read(&uri, &[])?;
    node.state.mods.host().check_health().await;
    let (id, entry) = node.state.mods.entry(id.as_str()).await?;
    Ok(Json(plugin(&id, &entry)))
}

/// Switch a plugin
///
/// `enable` and `start` let it run, `disable` and `stop` keep it from running, `reload` builds it anew: each on every node.
#[utoipa::path(
    post,
    path = "/{id}/{action}",
    operation_id = "switch_plugin",
    tag = "plugins",
    params(
        ("id" = String, Path, description = "The mod."),
        ("action" = String, Path, description = "enable, disable, start, stop or reload."),
    ),
    responses((status = 200, description = "It is done.", body = Object), OfMod, WithAuthority, Any),
)]
pub(crate) async fn switch(
    State(node): State<Arc<Node>>,
    Path((name, action)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Value>, Fault> {
    node.state.authority.admit(&headers)?;
    Params::read(&uri, &[])?;
    let (mods, said) = (&node.state.mods, ChangeNote::NONE);
    let (done, (id, entry)) = match action.as_str() {
        "enable" => ("enabled", mods.enable(&name, said).await?),
        "start" => ("started", mods.enable(&name, said).await?),
        "disable" => ("disabled", mods.disable(&name, said).await?),
        "stop" => ("stopped", mods.disable(&name, said).await?),
        "reload" => ("reloaded", mods.reload(&name, said).await?),
        _ => {
            let detail = "a plugin takes enable, disable, start, stop and reload";
            return Err(Fault::new(Kind::NotFound, detail));
        }
    };
    Ok(Json(answer(done, &id, &entry)))
}

/// Change the configuration of a plugin
///
/// Key by key, over what is there. In effect at once.
#[utoipa::path(
    put,
    path = "/{id}/config",
    operation_id = "put_plugin_config",
    tag = "plugins",
    params(("id" = String, Path, description = "The mod.")),
    request_body = api::ModConfig,
    responses((status = 200, description = "It is done.", body = Object), OfMod, WithAuthority, Any, WithBody),
)]
pub(crate) async fn config(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    uri: Uri,
    request: Request,
) -> Result<Json<Value>, Fault> {
    node.state.authority.admit(request.headers())?;
    Params::read(&uri, &[])?;
    let Read {
        body: config,
        share: _share,
        ..
    } = read_config(&node, request).await?;
    let (when, said) = (Precondition::Any, ChangeNote::NONE);
    let (id, entry) = write_config(&node, id.as_str(), config, Way::Merge, when, said).await?;
    Ok(Json(answer("configured", &id, &entry)))
}

/// What is answered to a change: whether the mod is as it was asked to be, by now.
fn answer(done: &str, id: &Id, entry: &ModEntry) -> Value {
    let told = wire::entry(id, entry);
    let message = match &told.error {
        None => format!("Plugin '{id}' {done}"),
        Some(error) => format!("Plugin '{id}' is registered so, and does not come up: {error}"),
    };
    json!({
        "success": told.error.is_none(),
        "message": message,
        "details": plugin(id, entry),
    })
}

/// A mod with the keys of AICO's plugins, and those of its guide.
pub(super) fn plugin(id: &Id, entry: &ModEntry) -> Value {
    let told = wire::entry(id, entry);
    let says_well = told.health.as_ref().is_none_or(|health| health.healthy);
    let healthy = told.state == "running" && told.error.is_none() && says_well;
    let status = if healthy {
        "healthy"
    } else if !told.enabled {
        "disabled"
    } else if told.generation.is_none() && told.error.is_none() {
        "stopped"
    } else {
        "error"
    };
    let manifest = told.manifest.as_ref();
    let message = told.error.clone().or_else(|| {
        let health = told.health.as_ref()?;
        Some(health.message.clone()).filter(|message| !message.is_empty())
    });
    let keys: Vec<&String> = told.config.keys().collect();
    json!({
        "name": id.as_str(),
        "status": status,
        "healthy": healthy,
        "state": told.state,
        "message": message,
        "enabled": told.enabled,
        "metadata": {
            "version": manifest.map(|it| &it.version),
            "description": manifest.map(|it| &it.description),
            "priority": told.priority,
            "dependencies": manifest.map(|it| &it.dependencies),
        },
        "configuration": {"has_config": !keys.is_empty(), "config_keys": keys},
        "generation": told.generation,
        "path": told.path,
    })
}

//! The settings of mods as the Studio of OpenAgents reads and writes them: what is wrong is told by `success` and `error`.

use super::mods::{Way, write_config};
use super::problems::{Any, WithAuthority, WithBody};
use crate::body::{Read, check_object, read_json};
use crate::fault::{Fault, Kind};
use crate::mods_wire as wire;
use crate::params::Params;
use crate::path_id::PathId;
use crate::state::Node;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hotbed_api as api;
use hotbed_desk::{ModEntry, ModsError};
use hotbed_mods::SettingsForm;
use hotbed_registry::{ChangeNote, Id, Precondition};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// List mods with their settings
#[utoipa::path(
    get,
    path = "",
    operation_id = "list_mod_settings",
    tag = "agents",
    responses((status = 200, description = "The mods.", body = Object), WithAuthority, Any),
)]
pub(crate) async fn list(
    State(node): State<Arc<Node>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Value>, Fault> {
    node.state.authority.admit(&headers)?;
    Params::read(&uri, &[])?;
    let entries = node.state.mods.entries();
    let mods: Vec<Value> = entries.iter().map(|(id, it)| shown(id, it)).collect();
    Ok(Json(json!({"success": true, "mods": mods})))
}

/// Read the settings of a mod
#[utoipa::path(
    get,
    path = "/{id}/config",
    operation_id = "read_mod_settings",
    tag = "agents",
    params(("id" = String, Path, description = "The mod.")),
    responses(
        (status = 200, description = "Its settings.", body = Object),
        (status = 404, description = "There is no such mod: `success` is false.", body = Object),
        WithAuthority,
        Any,
    ),
)]
pub(crate) async fn config(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Fault> {
    node.state.authority.admit(&headers)?;
    Params::read(&uri, &[])?;
    match node.state.mods.entry(id.as_str()).await {
        Ok((_, entry)) => {
            let config = wire::config(&entry);
            Ok(Json(json!({"success": true, "config": config})).into_response())
        }
        Err(error) => refused(&id, error),
    }
}

/// Read the form of the settings of a mod
#[utoipa::path(
    get,
    path = "/{id}/schema",
    operation_id = "read_mod_settings_form",
    tag = "agents",
    params(("id" = String, Path, description = "The mod.")),
    responses(
        (status = 200, description = "The form.", body = Object),
        (status = 404, description = "There is no such mod: `success` is false.", body = Object),
        WithAuthority,
        Any,
    ),
)]
pub(crate) async fn schema(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Fault> {
    node.state.authority.admit(&headers)?;
    Params::read(&uri, &[])?;
    match node.state.mods.entry(id.as_str()).await {
        Ok((_, entry)) => {
            let form =
                wire::form(&entry).map_or_else(|| json!({"sections": []}), SettingsForm::to_value);
            Ok(Json(json!({"success": true, "schema": form})).into_response())
        }
        Err(error) => refused(&id, error),
    }
}

/// Change the settings of a mod
///
/// Key by key, over what is there. In effect at once: nothing is to be restarted.
#[utoipa::path(
    put,
    path = "/{id}/config",
    operation_id = "put_mod_settings",
    tag = "agents",
    params(("id" = String, Path, description = "The mod.")),
    request_body = api::ModConfig,
    responses(
        (status = 200, description = "They are changed.", body = Object),
        (status = 400, description = "They do not fit: `success` is false.", body = Object),
        (status = 404, description = "There is no such mod: `success` is false.", body = Object),
        WithAuthority,
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
    Params::read(&uri, &[])?;
    let Read {
        body: config,
        share: _share,
        ..
    } = read_json(
        request,
        &node.limits(),
        &node.bodies,
        |body: Map<String, Value>| {
            let Some(Value::Object(config)) = body.get("config") else {
                return Err(Fault::new(Kind::Invalid, "config must be an object"));
            };
            check_object("config", config)?;
            Ok(config.clone())
        },
    )
    .await?;
    let (when, said) = (Precondition::Any, ChangeNote::NONE);
    let edited = write_config(&node, id.as_str(), config, Way::Merge, when, said);
    match edited.await {
        Ok((id, entry)) => {
            let error = wire::entry(&id, &entry).error;
            let message = match &error {
                None => "Configuration saved, and in effect".to_owned(),
                Some(error) => {
                    format!("Configuration saved, and the mod does not come up with it: {error}")
                }
            };
            let answer = json!({"success": true, "requiresRestart": false, "message": message});
            Ok(Json(answer).into_response())
        }
        Err(error) => refused(&id, error),
    }
}

/// Restart the network
///
/// Never needed: what is changed is in effect. Asks every mod whether it changed, and renews those that did.
#[utoipa::path(
    post,
    path = "/restart",
    operation_id = "restart_network",
    tag = "agents",
    responses((status = 200, description = "It is done.", body = Object), WithAuthority, Any),
)]
pub(crate) async fn restart(
    State(node): State<Arc<Node>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Value>, Fault> {
    node.state.authority.admit(&headers)?;
    Params::read(&uri, &[])?;
    let report = node.state.mods.reload_changed(ChangeNote::NONE).await?;
    Ok(Json(json!({
        "success": report.failed.is_empty(),
        "requires_manual_restart": false,
        "message": report.to_string(),
    })))
}

fn shown(id: &Id, entry: &ModEntry) -> Value {
    let told = wire::entry(id, entry);
    let form = wire::form(entry);
    let manifest = told.manifest.as_ref();
    let name = manifest
        .map(|it| it.name.as_str())
        .filter(|it| !it.is_empty());
    json!({
        "id": id.as_str(),
        "name": told.path,
        "displayName": name.unwrap_or(id.as_str()),
        "description": manifest.map_or("", |it| it.description.as_str()),
        "enabled": told.enabled,
        "hasConfig": form.is_some(),
        "configSchema": form.map(SettingsForm::to_value),
        "version": manifest.map_or("", |it| it.version.as_str()),
        "currentConfig": told.config,
        "state": told.state,
        "error": told.error,
    })
}

/// What is wrong, as the Studio reads it.
fn refused(id: &Id, error: ModsError) -> Result<Response, Fault> {
    let (status, error) = match error {
        ModsError::NotLoaded { .. } => (StatusCode::NOT_FOUND, format!("Mod {id} not found")),
        ModsError::Invalid { .. } | ModsError::Failed { .. } | ModsError::NoModule { .. } => {
            (StatusCode::BAD_REQUEST, error.to_string())
        }
        other => return Err(other.into()),
    };
    Ok((status, Json(json!({"success": false, "error": error}))).into_response())
}

//! Mods: what is registered of them, and how they are on this node.

mod config;
mod switch;
mod write_config;

pub(super) use config::{__path_config, __path_health, __path_put_config, __path_schema};
pub(super) use config::{config, health, put_config, schema};
pub(super) use switch::{__path_disable, __path_enable, __path_reload};
pub(super) use switch::{disable, enable, reload};
pub(super) use write_config::{Way, read_config, write_config};

use super::problems::{Any, Conditional, OfMod, WithAuthority, WithBody};
use crate::body::{Read, check_object, read_json};
use crate::conditions::{etag, known_precondition};
use crate::fault::{Fault, Kind};
use crate::freshness::served;
use crate::mods_wire as wire;
use crate::note::{self, NOTE};
use crate::params::Params;
use crate::path_id::PathId;
use crate::state::Node;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hotbed_api::{Mod, ModList, ModWrite, Unloaded};
use hotbed_desk::{ModEntry, Order};
use hotbed_mods::{Cascade, ModId};
use hotbed_registry::{Id, Revision};
use serde_json::{Map, Value};
use std::sync::Arc;

/// A JSON object.
type Object = Map<String, Value>;

/// List mods
///
/// What is registered, as far as this node knows of it, and how each mod is on this node.
#[utoipa::path(
    get,
    path = "",
    operation_id = "list_mods",
    tag = "mods",
    responses((status = 200, description = "The mods.", body = ModList), Any),
)]
pub(crate) async fn list(State(node): State<Arc<Node>>, uri: Uri) -> Result<Response, Fault> {
    Params::read(&uri, &[])?;
    let reached = *node.state.mods_reload.reached().borrow();
    let entries = node.state.mods.entries();
    let items = entries.iter().map(|(id, it)| wire::entry(id, it)).collect();
    Ok(served(reached, Json(ModList { items }).into_response()))
}

/// Load a mod
///
/// Registers it, so that every node runs it, and answers once it runs on this one. A mod that does not come up here is
/// taken out again. `${VAR}` and `$resource` are filled in on each node.
#[utoipa::path(
    post,
    path = "",
    operation_id = "load_mod",
    tag = "mods",
    params(
        ("by" = Option<String>, Query, description = "Who loads it: kept in the metadata as `changed_by`."),
        ("reason" = Option<String>, Query, description = "Why: kept in the metadata as `change_reason`."),
    ),
    request_body = ModWrite,
    responses(
        (status = 201, description = "It runs.", body = Mod,
            headers(("ETag" = String, description = "The revision of its registration, in quotes."), ("Location" = String, description = "Where it is."))),
        OfMod,
        WithAuthority,
        Any,
        WithBody,
    ),
)]
pub(crate) async fn load(
    State(node): State<Arc<Node>>,
    uri: Uri,
    request: Request,
) -> Result<Response, Fault> {
    node.state.authority.admit(request.headers())?;
    let said = note::in_query(&Params::read(&uri, &NOTE)?)?;
    let Read {
        body: order,
        share: _share,
        ..
    } = read_json(request, &node.limits(), &node.bodies, |write: ModWrite| {
        let id = write.id.as_deref().map(ModId::new).transpose();
        let id = id.map_err(|error| Fault::new(Kind::Invalid, error.to_string()))?;
        let (registration, metadata) = checked(write)?;
        Ok(Order {
            id,
            registration,
            metadata,
            note: said,
        })
    })
    .await?;
    let (id, entry) = node.state.mods.load(order).await?;
    let mut response = told(&id, &entry);
    *response.status_mut() = StatusCode::CREATED;
    // Ids of mods need no encoding.
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/mods/{id}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Read a mod
#[utoipa::path(
    get,
    path = "/{id}",
    operation_id = "read_mod",
    tag = "mods",
    params(("id" = String, Path, description = "Its id, or its path.")),
    responses(
        (status = 200, description = "The mod.", body = Mod,
            headers(("ETag" = String, description = "The revision of its registration, in quotes."))),
        OfMod,
        Any,
    ),
)]
pub(crate) async fn get(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Response, Fault> {
    Params::read(&uri, &[])?;
    let (id, entry) = node.state.mods.entry(id.as_str()).await?;
    Ok(told(&id, &entry))
}

/// Register a mod
///
/// Creates or replaces its registration as a whole. The configuration is held against the mod's own form first: what does
/// not fit is refused. The answer says how the mod is on this node once it has gone by it; what ran before runs on
/// if the new generation does not come up.
#[utoipa::path(
    put,
    path = "/{id}",
    operation_id = "put_mod",
    tag = "mods",
    params(
        ("id" = String, Path, description = "Its id."),
        ("by" = Option<String>, Query, description = "Who writes: kept in the metadata as `changed_by`."),
        ("reason" = Option<String>, Query, description = "Why: kept in the metadata as `change_reason`."),
        ("If-Match" = Option<String>, Header, description = "Only if it stands at this `ETag`, or exists (`*`)."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if it does not exist."),
    ),
    request_body = ModWrite,
    responses(
        (status = 200, description = "It is registered.", body = Mod,
            headers(("ETag" = String, description = "The revision of its registration, in quotes."))),
        OfMod,
        WithAuthority,
        Conditional,
        Any,
        WithBody,
    ),
)]
pub(crate) async fn put(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    uri: Uri,
    request: Request,
) -> Result<Response, Fault> {
    node.state.authority.admit(request.headers())?;
    let said = note::in_query(&Params::read(&uri, &NOTE)?)?;
    let named = id.clone();
    let Read {
        headers,
        body: (registration, metadata),
        share: _share,
    } = read_json(
        request,
        &node.limits(),
        &node.bodies,
        move |write: ModWrite| match &write.id {
            Some(other) if other != named.as_str() => Err(Fault::new(
                Kind::Invalid,
                "the body names another mod than the address: leave its id out",
            )),
            _ => checked(write),
        },
    )
    .await?;
    let when = known_precondition(&headers)?;
    let put = node.state.mods.put(&id, registration, metadata, when, said);
    let (id, entry) = put.await?;
    Ok(told(&id, &entry))
}

/// Unload a mod
///
/// Takes it out of the registry, so that no node runs it, and answers once it is stopped on this one. Refused while others
/// depend on it.
#[utoipa::path(
    delete,
    path = "/{id}",
    operation_id = "unload_mod",
    tag = "mods",
    params(
        ("id" = String, Path, description = "Its id, or its path."),
        ("cascade" = Option<bool>, Query, description = "Also unload those that depend on it."),
        ("If-Match" = Option<String>, Header, description = "Only if it stands at this `ETag`."),
        ("by" = Option<String>, Query, description = "Who unloads it: told by its history as `changed_by`."),
        ("reason" = Option<String>, Query, description = "Why: told by its history as `change_reason`."),
    ),
    responses((status = 200, description = "It is gone.", body = Unloaded), OfMod, WithAuthority, Conditional, Any),
)]
pub(crate) async fn unload(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Unloaded>, Fault> {
    node.state.authority.admit(&headers)?;
    let [by, reason] = NOTE;
    let params = Params::read(&uri, &[by, "cascade", reason])?;
    let said = note::in_query(&params)?;
    let cascade = match params.flag("cascade")? {
        Some(true) => Cascade::Dependents,
        _ => Cascade::Refuse,
    };
    let when = known_precondition(&headers)?;
    let gone = node.state.mods.unload(id.as_str(), cascade, when, said);
    let unloaded = gone.await?.iter().map(ToString::to_string).collect();
    Ok(Json(Unloaded { unloaded }))
}

/// A registration and metadata that can be kept everywhere.
fn checked(write: ModWrite) -> Result<(Object, Option<Object>), Fault> {
    let metadata = write.metadata.clone();
    if let Some(metadata) = &metadata {
        check_object("metadata", metadata)?;
    }
    let registration = wire::registration(write);
    check_object("mod", &registration)?;
    Ok((registration, metadata))
}

fn told(id: &Id, entry: &ModEntry) -> Response {
    let revision = entry.registration.as_ref().map(|it| it.revision);
    let mut response = Json(wire::entry(id, entry)).into_response();
    if let Some(revision) = revision {
        response.headers_mut().insert(ETAG, etag(revision));
    }
    served(revision.unwrap_or(Revision::ZERO), response)
}

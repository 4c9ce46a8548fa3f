//! Where the commands of mods may be used.

use crate::body::{Read, read_json};
use crate::fault::{Fault, Kind};
use crate::mods_wire as wire;
use crate::note::{self, NOTE};
use crate::params::Params;
use crate::routes::problems::{Any, OfMod, WithAuthority, WithBody};
use crate::state::Node;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use hotbed_api::BindmapImport;
use hotbed_mods::{Bindmap, Direction, ModId, ScopeChange};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The longest name of a channel, in characters.
const LONGEST_SCOPE: usize = 200;

/// Bind a mod to a channel
#[utoipa::path(
    put,
    path = "/{id}/scopes/{scope}",
    operation_id = "bind_mod",
    tag = "commands",
    params(
        ("id" = String, Path, description = "The mod."),
        ("scope" = String, Path, description = "The channel, or `any`."),
        ("by" = Option<String>, Query, description = "Who binds it: kept in the metadata as `changed_by`."),
        ("reason" = Option<String>, Query, description = "Why: kept in the metadata as `change_reason`."),
    ),
    responses((status = 204, description = "Its commands may be used there, on every node."), OfMod, WithAuthority, Any),
)]
pub(crate) async fn bind(
    State(node): State<Arc<Node>>,
    Path((id, scope)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<StatusCode, Fault> {
    rescope(&node, &id, scope, Direction::Bind, &headers, &uri).await
}

/// Unbind a mod from a channel
#[utoipa::path(
    delete,
    path = "/{id}/scopes/{scope}",
    operation_id = "unbind_mod",
    tag = "commands",
    params(
        ("id" = String, Path, description = "The mod."),
        ("scope" = String, Path, description = "The channel, or `any`."),
        ("by" = Option<String>, Query, description = "Who unbinds it: kept in the metadata as `changed_by`."),
        ("reason" = Option<String>, Query, description = "Why: kept in the metadata as `change_reason`."),
    ),
    responses((status = 204, description = "Its commands may not be used there, on any node."), OfMod, WithAuthority, Any),
)]
pub(crate) async fn unbind(
    State(node): State<Arc<Node>>,
    Path((id, scope)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<StatusCode, Fault> {
    rescope(&node, &id, scope, Direction::Unbind, &headers, &uri).await
}

/// Take over the bindings of a MatterBot
///
/// Its `bindmap.json`, as it is: the channels of each module become those of the mod of the same name. The words of a
/// mod are what the mod says, so those in the file are not taken over.
#[utoipa::path(
    post,
    path = "/import",
    operation_id = "import_bindmap",
    tag = "commands",
    params(
        ("by" = Option<String>, Query, description = "Who writes: kept in the metadata as `changed_by`."),
        ("reason" = Option<String>, Query, description = "Why: kept in the metadata as `change_reason`."),
    ),
    request_body(content = std::collections::HashMap<String, Object>, description = "`{\"NAME\": {\"binds\": […], \"chans\": […]}}`"),
    responses((status = 200, description = "What was taken over.", body = BindmapImport), WithAuthority, Any, WithBody),
)]
pub(crate) async fn import(
    State(node): State<Arc<Node>>,
    uri: Uri,
    request: Request,
) -> Result<Json<BindmapImport>, Fault> {
    node.state.authority.admit(request.headers())?;
    let said = note::in_query(&Params::read(&uri, &NOTE)?)?;
    let Read {
        body: bindmap,
        share: _share,
        ..
    } = read_json(
        request,
        &node.limits(),
        &node.bodies,
        |body: Map<String, Value>| {
            let text = Value::Object(body).to_string();
            Bindmap::parse(&text).map_err(|error| Fault::new(Kind::Invalid, error.to_string()))
        },
    )
    .await?;
    let problems = bindmap.problems.clone();
    let named: Vec<ModId> = bindmap.entries.iter().map(|it| it.id.clone()).collect();
    let unknown = node.state.mods.import(bindmap, said).await?;
    let bound = named.iter().filter(|id| !unknown.contains(id));
    Ok(Json(BindmapImport {
        bound: wire::ids(bound),
        unknown: wire::ids(&unknown),
        problems,
    }))
}

async fn rescope(
    node: &Node,
    id: &str,
    scope: String,
    direction: Direction,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<StatusCode, Fault> {
    node.state.authority.admit(headers)?;
    let said = note::in_query(&Params::read(uri, &NOTE)?)?;
    let id = ModId::new(id).map_err(|error| Fault::new(Kind::Invalid, error.to_string()))?;
    if scope.trim().is_empty() || scope.chars().count() > LONGEST_SCOPE {
        let detail = format!("the channel is empty or longer than {LONGEST_SCOPE} characters");
        return Err(Fault::new(Kind::Invalid, detail));
    }
    let change = ScopeChange {
        id,
        scope,
        direction,
    };
    node.state.mods.rescope(vec![change], &said).await?;
    Ok(StatusCode::NO_CONTENT)
}

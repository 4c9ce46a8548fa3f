//! What is served, by resource.

mod agents;
mod changes;
mod chat;
mod commands;
mod detailed_health;
mod docs;
mod events;
mod fleet;
mod health;
mod instance;
mod mod_settings;
mod mods;
mod past;
mod peers;
mod plugins;
mod problems;
mod reload;
mod scrape;
mod service;
mod socket;
mod stored;
mod writes;

use crate::edge::edge;
use crate::fault::{Fault, Kind};
use crate::load::{at_once, in_time};
use crate::openapi::described;
use crate::state::{Node, ServerState};
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Json, Router};
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The service as a router.
///
/// Removing a trailing slash is left to the client: `/bots/` with nothing behind it is an empty id, never the
/// collection, and nothing is redirected.
pub fn router(state: ServerState) -> Router {
    let node = Node::new(state);
    let (router, api) = all(&node).split_for_parts();
    let api = Arc::new(described(api));
    router
        .route(
            "/api/v1/openapi.json",
            get(async move || Json(OpenApi::clone(&api))),
        )
        .route("/", get(docs::from_root))
        .route("/docs", get(docs::to_folder))
        .route("/docs/", get(docs::page))
        .route("/docs/{*file}", get(docs::page))
        .route("/api/v1/bots/", get(empty_id))
        .route("/api/v1/configs/", get(empty_id))
        .fallback(unknown_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&node), edge))
        .with_state(node)
}

/// Every documented route.
fn all(node: &Arc<Node>) -> OpenApiRouter<Arc<Node>> {
    let limited = || from_fn_with_state(Arc::clone(node), at_once);
    let bots = registrations(node)
        .routes(routes!(instance::instance))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(chat::chat))
                .routes(routes!(reload::reload)),
        );
    let operations = OpenApiRouter::new()
        .routes(routes!(reload::reload_all))
        .routes(routes!(instance::instances));
    let peers = OpenApiRouter::new()
        .routes(routes!(peers::heads))
        .routes(routes!(peers::count))
        .routes(routes!(peers::accesses))
        .layer(from_fn_with_state(Arc::clone(node), in_time));
    OpenApiRouter::new()
        .nest("/api/v1/mods", mods_routes().layer(limited()))
        .nest("/api/v1/commands", command_routes().layer(limited()))
        .nest("/api/v1/admin/plugins", plugin_routes().layer(limited()))
        .nest("/api/admin/mods", settings_routes().layer(limited()))
        .nest(
            "/api/admin/network",
            OpenApiRouter::new()
                .routes(routes!(mod_settings::restart))
                .layer(limited()),
        )
        .routes(routes!(detailed_health::detailed))
        .nest("/api/v1/bots", bots.layer(limited()))
        .nest("/api/v1/configs", registrations(node).layer(limited()))
        .nest("/api/v1", operations.merge(peers).layer(limited()))
        .merge(agent_routes(node))
        // Not limited: watchers have a limit of their own, and health is asked for when everything else is refused.
        .routes(routes!(changes::changes))
        .routes(routes!(health::health))
        .routes(routes!(fleet::fleet))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(scrape::metrics))
}

/// No deadline: a mod takes as long as its own deadlines let it, and a change that is cut off would say nothing of what
/// became of it.
fn mods_routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .routes(routes!(mods::list, mods::load))
        .routes(routes!(mods::get, mods::put, mods::unload))
        .routes(routes!(mods::reload))
        .routes(routes!(mods::enable))
        .routes(routes!(mods::disable))
        .routes(routes!(mods::config, mods::put_config))
        .routes(routes!(mods::schema))
        .routes(routes!(mods::health))
}

fn command_routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .routes(routes!(commands::list, commands::run))
        .routes(routes!(commands::bind, commands::unbind))
        .routes(routes!(commands::import))
}

fn plugin_routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .routes(routes!(plugins::list))
        .routes(routes!(plugins::get))
        .routes(routes!(plugins::health))
        .routes(routes!(plugins::config))
        .routes(routes!(plugins::switch))
}

fn settings_routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .routes(routes!(mod_settings::list))
        .routes(routes!(mod_settings::config, mod_settings::put_config))
        .routes(routes!(mod_settings::schema))
}

/// What agents speak, at the addresses that their clients know.
fn agent_routes(node: &Arc<Node>) -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .routes(routes!(agents::register))
        .routes(routes!(agents::unregister))
        .routes(routes!(agents::poll))
        .routes(routes!(agents::send_event))
        .layer(from_fn_with_state(Arc::clone(node), at_once))
        .routes(routes!(agents::health))
        // Not limited: streams have a limit of their own.
        .routes(routes!(events::stream))
        .routes(routes!(socket::socket))
}

/// What `/bots` and `/configs` have in common: the Python clients know the second name.
fn registrations(node: &Arc<Node>) -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .routes(routes!(stored::list, writes::post))
        .routes(routes!(stored::get, writes::put, writes::delete))
        .routes(routes!(service::deactivate))
        .routes(routes!(service::activate))
        .routes(routes!(past::history))
        .routes(routes!(past::rollback))
        .layer(from_fn_with_state(Arc::clone(node), in_time))
}

async fn empty_id(uri: Uri) -> Fault {
    let list = uri.path().trim_end_matches('/');
    Fault::new(
        Kind::NotFound,
        format!(
            "the id after {:?} is empty; the list is at {list:?}",
            uri.path()
        ),
    )
}

async fn unknown_route(uri: Uri) -> Fault {
    Fault::new(
        Kind::NotFound,
        format!(
            "there is nothing at {:?}: /docs shows what there is",
            shown(&uri)
        ),
    )
}

async fn method_not_allowed(method: Method, uri: Uri) -> Fault {
    Fault::new(
        Kind::MethodNotAllowed,
        format!("{:?} does not take {method}: see Allow", shown(&uri)),
    )
}

/// A path as it may be shown and logged: not too long, and without a secret that belongs into a query, as in
/// `/api/poll%3Fsecret=…`.
fn shown(uri: &Uri) -> String {
    let path = uri.path();
    let end = path.to_ascii_lowercase().find("secret");
    path[..end.unwrap_or(path.len())]
        .chars()
        .take(200)
        .collect()
}

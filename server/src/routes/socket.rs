//! Agents on a connection that stays open: JSON messages over a WebSocket, as docs/agents.md describes them.

mod connection;
mod end;
mod joining;
mod said;
mod told;
mod work;

use super::problems::{Everywhere, OfSockets};
use crate::authority::bearer;
use crate::fault::{Fault, Kind};
use crate::load::open_stream;
use crate::serve::Upgrades;
use crate::state::Node;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use connection::Connection;
use std::sync::Arc;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

/// Speak with the network over a WebSocket
///
/// Messages are texts, each a JSON object with a `type`. An agent says `register` or `resume` first, then `send_event`,
/// `command` and `ping`; it is told `response`, `event`, `gap` and `error`. With `Authorization: Bearer` and the admin token
/// its commands may bind and reload mods, whatever its group. The connection outlives every reload.
#[utoipa::path(
    get,
    path = "/ws",
    tag = "agents",
    responses(
        (status = 101, description = "From here on it is a WebSocket."),
        OfSockets,
        Everywhere,
    ),
)]
pub(crate) async fn socket(
    State(node): State<Arc<Node>>,
    mut request: Request,
) -> Result<Response, Fault> {
    node.state.access.admit_page(&request)?;
    let authority = &node.state.authority;
    if bearer(request.headers()).is_some() {
        // Whoever shows a token that is none is told so now, and not when a command is refused.
        authority.admit(request.headers())?;
    }
    let is_admin = authority.has(request.headers());
    let not_a_websocket = || {
        let detail = "this is for WebSockets over HTTP/1.1, of version 13: connect with ws://";
        Fault::new(Kind::UpgradeRequired, detail)
    };
    let response =
        create_response_with_body(&request, Body::empty).map_err(|_| not_a_websocket())?;
    let upgrades = request.extensions().get::<Upgrades>().cloned();
    let upgrades = upgrades.ok_or_else(not_a_websocket)?;
    let permit = open_stream(&node)?;
    let upgrade = hyper::upgrade::on(&mut request);
    let connection = Connection::new(Arc::clone(&node), is_admin, permit);
    if upgrades.begin(connection.run(upgrade)) {
        Ok(response)
    } else {
        Err(not_a_websocket())
    }
}

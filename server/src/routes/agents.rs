//! What agents say and ask over HTTP, as the clients of OpenAgents write it.
//!
//! What was understood is answered with status 200, also where it was refused (`success` is false): clients show their
//! users nothing of another answer. What was not is answered with status 400, in the words of the network.

use super::problems::{Everywhere, OfAgents};
use crate::authority::bearer;
use crate::body::{Read, Text, read_text};
use crate::fault::{Fault, Kind};
use crate::state::Node;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hotbed_agents::wire::{
    EventRequest, Malformed, MalformedAnswer, PollRequest, RegisterAnswer, RegisterRequest,
    UnregisterAnswer, UnregisterRequest,
};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// Join the network
///
/// The secret that is answered is shown this once: whoever has it is this agent. An id that is in use is refused, unless
/// its secret is sent along as `secret`: then it gets a new one.
#[utoipa::path(
    post,
    path = "/api/register",
    tag = "agents",
    request_body(content = Object, description = "Of any content type. `agent_group`, `password_hash`, `secret` and `metadata` may be left out.",
        example = json!({"agent_id": "alice", "metadata": {"capabilities": ["chat"]}, "password_hash": ""})),
    responses(
        (status = 200, description = "What came of it: with `success` false, `error_message` says why not.", body = Object,
            example = json!({"success": true, "network_name": "hotbed", "network_id": "hotbed", "secret": "64 letters and digits", "assigned_group": "guest"})),
        OfAgents,
        Everywhere,
    ),
)]
pub(crate) async fn register(
    State(node): State<Arc<Node>>,
    request: Request,
) -> Result<Response, Fault> {
    let said = read(&node, request, RegisterRequest::parse).await?;
    Ok(understood(said.body, |asked| {
        Json(RegisterAnswer::from(node.state.agents.register(asked)))
    }))
}

/// Leave the network
#[utoipa::path(
    post,
    path = "/api/unregister",
    tag = "agents",
    request_body(content = Object, description = "Of any content type.",
        example = json!({"agent_id": "alice", "secret": "64 letters and digits"})),
    responses(
        (status = 200, description = "What came of it: with `success` false, `error_message` says why not.", body = Object,
            example = json!({"success": true})),
        OfAgents,
        Everywhere,
    ),
)]
pub(crate) async fn unregister(
    State(node): State<Arc<Node>>,
    request: Request,
) -> Result<Response, Fault> {
    let said = read(&node, request, UnregisterRequest::parse).await?;
    Ok(understood(said.body, |asked| {
        Json(UnregisterAnswer::from(node.state.agents.unregister(&asked)))
    }))
}

/// Take what waits for an agent
///
/// Each event is handed out once. Parameters of other names are passed over.
#[utoipa::path(
    get,
    path = "/api/poll",
    tag = "agents",
    params(
        ("agent_id" = String, Query, description = "Which agent."),
        ("secret" = Option<String>, Query, description = "Its secret. Better as the header `Authorization: Bearer …`, since proxies write addresses into their logs."),
        ("Authorization" = Option<String>, Header, description = "`Bearer` and the secret, if it is not in the query."),
    ),
    responses(
        (status = 200, description = "The events, the oldest first; with `success` false, `error_message` says why not. `dropped` says how many are missing, since too many waited.", body = Object,
            example = json!({"success": true, "messages": [], "agent_id": "alice"})),
        OfAgents,
        Everywhere,
    ),
)]
pub(crate) async fn poll(
    State(node): State<Arc<Node>>,
    method: Method,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    if method == Method::HEAD {
        let detail = "HEAD would take what waits and hand it to nobody: use GET";
        let fault = Fault::new(Kind::MethodNotAllowed, detail);
        return ([(ALLOW, "GET")], fault).into_response();
    }
    understood(asked(&uri, &headers), |asked| {
        Json(node.state.agents.poll(&asked))
    })
}

/// Send an event
///
/// To an agent (`agent:ID`), to all (`agent:broadcast`), to a channel (`channel:NAME`), a group (`group:NAME`), a mod
/// (`mod:PATH`), or, without `target_agent_id`, to whichever mod knows the event; events whose names begin with `system.`
/// are asked of the network itself.
#[utoipa::path(
    post,
    path = "/api/send_event",
    tag = "agents",
    request_body(content = Object, description = "Of any content type. `event_name` and `source_id` must be there.",
        example = json!({"event_name": "chat.said", "source_id": "alice", "event_id": "e1", "target_agent_id": "agent:bob", "payload": {"text": "hello"}, "metadata": {}, "visibility": "network", "secret": "64 letters and digits"})),
    responses(
        (status = 200, description = "What came of it: with `success` false, `message` says why not.", body = Object,
            example = json!({"success": true, "message": "Event chat.said delivered to destination", "event_id": "e1", "data": null, "event_name": "chat.said"})),
        OfAgents,
        Everywhere,
    ),
)]
pub(crate) async fn send_event(
    State(node): State<Arc<Node>>,
    request: Request,
) -> Result<Response, Fault> {
    let Read {
        body,
        share: _share,
        ..
    } = read(&node, request, EventRequest::parse).await?;
    Ok(match body {
        Ok(event) => secret(Json(node.state.agents.send_event(event).await)),
        Err(malformed) => not_understood(malformed),
    })
}

/// How the network is
///
/// Its agents, groups and mods, in two shapes at once: that of the guide to dynamic mods, and under `data` the one that
/// the clients of OpenAgents read. It holds no secret, no metadata and no configuration.
#[utoipa::path(
    get,
    path = "/api/health",
    tag = "agents",
    operation_id = "network_health",
    responses(
        (status = 200, description = "`status` is `degraded` where a mod is not as it should be.", body = Object,
            example = json!({"success": true, "status": "healthy", "network_id": "hotbed", "mods": {"count": 0, "loaded": [], "details": {}}, "uptime": 1, "data": {}})),
        Everywhere,
    ),
)]
pub(crate) async fn health(State(node): State<Arc<Node>>) -> Json<Value> {
    Json(node.state.agents.health())
}

async fn read<R: Send + 'static>(
    node: &Node,
    request: Request,
    parse: fn(&[u8]) -> Result<R, Malformed>,
) -> Result<Read<Result<R, Malformed>>, Fault> {
    let understand = move |text: Text| Ok(parse(&text.bytes));
    read_text(request, &node.limits(), &node.bodies, understand).await
}

fn understood<R, A: Serialize>(
    said: Result<R, Malformed>,
    answer: impl FnOnce(R) -> Json<A>,
) -> Response {
    match said {
        Ok(asked) => secret(answer(asked)),
        Err(malformed) => not_understood(malformed),
    }
}

fn not_understood(malformed: Malformed) -> Response {
    let answer = Json(MalformedAnswer::from(malformed));
    (StatusCode::BAD_REQUEST, answer).into_response()
}

/// An answer that is for nobody but the agent: nothing on the way keeps it.
fn secret(answer: impl IntoResponse) -> Response {
    ([(CACHE_CONTROL, "no-store")], answer).into_response()
}

/// Reads the query of a poll. Nothing of it is repeated in an answer or in the log: any part of it may be the secret,
/// wrongly written.
fn asked(uri: &Uri, headers: &HeaderMap) -> Result<PollRequest, Malformed> {
    let (mut agent_id, mut secret) = (None, None);
    for pair in uri.query().unwrap_or_default().split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (field, place) = match name {
            "agent_id" => ("agent_id", &mut agent_id),
            "secret" => ("secret", &mut secret),
            _ => continue,
        };
        let value = value.replace('+', " ");
        let value = percent_decode_str(&value).decode_utf8();
        let wrong = |expected| Malformed::WrongType { field, expected };
        let value = value.map_err(|_| wrong("UTF-8"))?.into_owned();
        if place.replace(value).is_some() {
            return Err(wrong("given once"));
        }
    }
    let shown = bearer(headers).map(str::to_owned);
    let secret = secret.filter(|secret| !secret.is_empty()).or(shown);
    PollRequest::new(agent_id, secret)
}

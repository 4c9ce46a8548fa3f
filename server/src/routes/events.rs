use super::problems::{Any, WithAuthority};
use crate::authority::bearer;
use crate::fault::{Fault, Kind};
use crate::load::{open_stream, overloaded};
use crate::params::Params;
use crate::state::Node;
use async_stream::stream;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use hotbed_agents::{AgentEvent, Claimed, EventStream, StreamError, StreamItem};
use hotbed_mods::EventPattern;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// Follow events as they happen
///
/// What agents, mods and the network tell from now on, as server-sent events: `event`, whose data is the event and whose id
/// is its `event_id`, and `gap` ({"missed"}) where so many are missing, since too many waited. With `agent_id` what comes to
/// that agent, for whoever shows its secret; without, everything, for whoever may change mods. Ends with the server, and
/// when the agent leaves or gets a new secret; there is no going back to what was told before.
#[utoipa::path(
    get,
    path = "/api/v1/events/stream",
    tag = "agents",
    operation_id = "event_stream",
    params(
        ("pattern" = Option<String>, Query, description = "Only events of this name; `*` at its end stands for any rest. All unless said.", example = json!("wiki.*")),
        ("agent_id" = Option<String>, Query, description = "The agent that they come to."),
        ("Authorization" = Option<String>, Header, description = "`Bearer` and the secret of the agent, or the admin token."),
    ),
    responses(
        (status = 200, description = "The events.", body = Object, content_type = "text/event-stream"),
        WithAuthority,
        Any,
    ),
)]
pub(crate) async fn stream(
    State(node): State<Arc<Node>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Fault> {
    let params = Params::read(&uri, &["pattern", "agent_id"])?;
    let pattern = EventPattern::new(params.one("pattern")?.unwrap_or("*"))
        .map_err(|error| Fault::new(Kind::Invalid, error.to_string()))?;
    let permit = open_stream(&node)?;
    let agents = &node.state.agents;
    let events = if let Some(agent_id) = params.one("agent_id")? {
        let secret = Claimed::new(bearer(&headers).map(str::to_owned));
        agents.subscribe(agent_id, &secret, pattern)
    } else {
        node.state.authority.admit(&headers)?;
        agents.observe(pattern)
    };
    let events = told(
        events.map_err(refusal)?,
        node.state.shutdown.clone(),
        permit,
    );
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response())
}

fn refusal(error: StreamError) -> Fault {
    match error {
        StreamError::NotAuthenticated(_) => Fault::new(
            Kind::Unauthorized,
            "there is no such agent, or this is not its secret: send that as `Authorization: Bearer SECRET`",
        ),
        other => overloaded(&other.to_string()),
    }
}

fn told(
    mut events: EventStream,
    shutdown: CancellationToken,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> {
    stream! {
        let _permit = permit;
        // At once, so that whoever waits for the stream to be open need not wait for an event.
        yield Ok(Event::default().comment("follows"));
        while let Some(Some(item)) = shutdown.run_until_cancelled(events.next()).await {
            yield Ok(match item {
                StreamItem::Event(event) => spelled(&event),
                StreamItem::Gap { missed } => named("gap", &json!({ "missed": missed })),
            });
        }
    }
}

fn spelled(event: &AgentEvent) -> Event {
    let told = named("event", event);
    // It is the sender's text, and an id is one line.
    if event.event_id.chars().any(char::is_control) {
        told
    } else {
        told.id(&*event.event_id)
    }
}

fn named(name: &str, data: &impl serde::Serialize) -> Event {
    Event::default()
        .event(name)
        .json_data(data)
        .expect("types on the wire are plain data")
}

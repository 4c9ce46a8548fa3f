use super::peers::check_collection;
use super::problems::Any;
use crate::edge::RequestId;
use crate::fault::{Fault, Kind};
use crate::freshness::served;
use crate::load::open_stream;
use crate::media::{Form, negotiate};
use crate::params::Params;
use crate::state::Node;
use crate::tail::Found;
use crate::watch::{Wake, Watcher};
use crate::wire;
use async_stream::stream;
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use hotbed_api::{Change, ChangeLog, Compacted, Problem};
use hotbed_registry::Revision;
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// Entries per answer, and per read of a stream.
const PAGE: usize = 1_000;
/// The longest wait of a long poll, in seconds.
const MAX_WAIT: u64 = 60;

/// Follow the log of changes
///
/// What happened after a revision; without one, what happens from now on. With `wait` the answer comes as soon as
/// this node has something to tell. With `Accept: text/event-stream` it never ends: events `change`, whose id is the
/// revision, so that a client that comes back goes on where it was; `compacted` where the log does not reach back so
/// far, whose id is the newest revision, so that a client that comes back goes on from now; and `error` (a problem).
/// Both of these end the stream.
#[utoipa::path(
    get,
    path = "/api/v1/changes",
    tag = "changes",
    params(
        ("collection" = Option<String>, Query, description = "Which collection; `bots` unless said."),
        ("after" = Option<u64>, Query, description = "The revision to go on after; now unless said."),
        ("limit" = Option<usize>, Query, description = "At most so many entries, up to 1000. Not for streams."),
        ("wait" = Option<u64>, Query, description = "Wait so many seconds for something to tell, up to 60. Not for streams."),
        ("Last-Event-ID" = Option<u64>, Header, description = "The revision to go on after, for streams; weighs more than `after`."),
    ),
    responses(
        (status = 200, description = "The entries.", content((ChangeLog = "application/json"), (Change = "text/event-stream"))),
        (status = 404, description = "There is no such collection.", body = Problem, content_type = "application/problem+json"),
        (status = 406, description = "Neither JSON nor server-sent events are acceptable to the client.", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "The log no longer reaches back so far: list the collection, then go on after `head`.", body = Problem, content_type = "application/problem+json"),
        Any,
    ),
)]
pub(crate) async fn changes(
    State(node): State<Arc<Node>>,
    Extension(request_id): Extension<RequestId>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Fault> {
    let params = Params::read(&uri, &["collection", "after", "limit", "wait"])?;
    let form = negotiate(&headers)?;
    check_collection(&node, &params)?;
    let (limit, wait) = (params.number("limit")?, params.number("wait")?);
    let after = params.number("after")?;
    let permit = open_stream(&node)?;
    match form {
        Form::Json => {
            let mut watcher = Watcher::new(node, after.map(Revision)).await?;
            let limit = limit.unwrap_or(PAGE).min(PAGE);
            let wait = Duration::from_secs(wait.unwrap_or(0).min(MAX_WAIT));
            let found = if wait.is_zero() {
                watcher.read_registry(limit).await?
            } else {
                wait_for_changes(&mut watcher, limit, Instant::now() + wait).await?
            };
            Ok(served(found.next, Json(log(&found)).into_response()))
        }
        Form::Events => {
            let after = last_event_id(&headers)?.or(after);
            let watcher = Watcher::new(node, after.map(Revision)).await?;
            let events = events(watcher, request_id, permit);
            Ok(Sse::new(events)
                .keep_alive(KeepAlive::default())
                .into_response())
        }
    }
}

async fn wait_for_changes(
    watcher: &mut Watcher,
    limit: usize,
    deadline: Instant,
) -> Result<Found, Fault> {
    loop {
        let found = watcher.read(limit).await?;
        // A limit of 0 asks for nothing, so there is nothing to wait for.
        if !found.changes.is_empty() || limit == 0 {
            return Ok(found);
        }
        match tokio::time::timeout_at(deadline, watcher.wait()).await {
            Ok(Wake::News) => {}
            Ok(Wake::Shutdown) | Err(_) => return Ok(found),
        }
    }
}

fn events(
    mut watcher: Watcher,
    request_id: RequestId,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> {
    stream! {
        let _permit = permit;
        let begin = watcher.after();
        let mut read = watcher.read(PAGE).await;
        if !read.as_ref().is_err_and(Fault::is_compacted) {
            // Before anything happens, so that a client that is cut off now knows where to go on. But never with a
            // revision that the log does not know: the client would come back with it for ever.
            yield Ok(Event::default().id(begin.to_string()).comment("follows"));
        }
        loop {
            let found = match read {
                Ok(found) => found,
                Err(fault) => {
                    yield Ok(last_event(&fault, &request_id));
                    return;
                }
            };
            for change in &found.changes {
                yield Ok(event("change", &wire::change(change)).id(change.revision.to_string()));
            }
            if found.next >= found.head && watcher.wait().await == Wake::Shutdown {
                return;
            }
            read = watcher.read(PAGE).await;
        }
    }
}

fn last_event(fault: &Fault, request_id: &RequestId) -> Event {
    fault.log(&request_id.0);
    let problem = fault.problem(Some(&request_id.0));
    match (problem.oldest, problem.head) {
        (Some(oldest), Some(head)) => {
            event("compacted", &Compacted { oldest, head }).id(head.to_string())
        }
        _ => event("error", &problem),
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default()
        .event(name)
        .json_data(data)
        .expect("types on the wire are plain data")
}

fn log(found: &Found) -> ChangeLog {
    ChangeLog {
        changes: found
            .changes
            .iter()
            .map(|change| wire::change(change))
            .collect(),
        next: found.next.0,
        head: found.head.0,
    }
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Fault> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    id.map(Some)
        .ok_or_else(|| Fault::new(Kind::BadRequest, "Last-Event-ID is not a revision"))
}

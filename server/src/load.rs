//! How many requests are under way, and for how long.

use crate::fault::{Fault, Kind};
use crate::state::Node;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// Refuses at once what is too much: a queue would only make everybody late.
pub(crate) async fn at_once(
    State(node): State<Arc<Node>>,
    request: Request,
    next: Next,
) -> Result<Response, Fault> {
    let Ok(_permit) = node.requests.try_acquire() else {
        return Err(overloaded(&format!(
            "{} requests are under way",
            node.limits().requests
        )));
    };
    Ok(next.run(request).await)
}

/// Answers in time, even where what is below hangs.
pub(crate) async fn in_time(
    State(node): State<Arc<Node>>,
    request: Request,
    next: Next,
) -> Result<Response, Fault> {
    let limit = node.limits().request;
    tokio::time::timeout(limit, next.run(request)).await.map_err(|_| {
        let detail = format!(
            "it did not finish within {} s; a write may or may not have happened: read before retrying",
            limit.as_secs()
        );
        Fault::new(Kind::Unavailable, detail).retry_after(Duration::from_secs(1))
    })
}

/// Leave for one more answer that stays open; to be held as long as it does.
pub(crate) fn open_stream(node: &Node) -> Result<OwnedSemaphorePermit, Fault> {
    Arc::clone(&node.streams)
        .try_acquire_owned()
        .map_err(|_| overloaded(&format!("{} streams are open", node.limits().streams)))
}

/// The server has no room for this now.
pub(crate) fn overloaded(what: &str) -> Fault {
    Fault::new(
        Kind::Overloaded,
        format!("{what}, which is as many as this server takes: try again later"),
    )
    .retry_after(Duration::from_secs(1))
}

//! Clients that demand a revision, and what they may conclude from one that they are shown.

use crate::edge::REVISION;
use crate::fault::{Fault, Kind};
use crate::params::Params;
use crate::state::Node;
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use hotbed_registry::{Error, Id, Revision};

/// The query parameter that demands a revision.
pub(crate) const MIN_REVISION: &str = "min_revision";
const MIN_REVISION_HEADER: HeaderName = HeaderName::from_static("x-hotbed-min-revision");

/// Waits until this node knows of the revision that the client demands, if it demands one.
pub(crate) async fn catch_up(
    node: &Node,
    params: &Params,
    headers: &HeaderMap,
) -> Result<(), Fault> {
    let in_query = params.number::<u64>(MIN_REVISION)?;
    let in_header = match headers.get(MIN_REVISION_HEADER) {
        None => None,
        Some(value) => Some(
            value
                .to_str()
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| {
                    Fault::new(
                        Kind::BadRequest,
                        "X-Hotbed-Min-Revision is not a whole number from 0",
                    )
                })?,
        ),
    };
    match in_query.max(in_header) {
        None => Ok(()),
        Some(demanded) => {
            node.state
                .hot_reload
                .catch_up(Revision(demanded), node.state.limits.catch_up)
                .await?;
            Ok(())
        }
    }
}

/// Makes sure that this node has caught up with what an answer is about to tell of an id, so that the next request is
/// not served an older revision. Without effect, and without cost, where it has.
pub(crate) async fn know(node: &Node, id: &Id, stands: Option<Revision>) {
    match stands {
        Some(revision) => know_revision(node, revision).await,
        // It is gone, and this node has not heard of it.
        None if node.state.bots.peek(id).is_some() || node.reader.is_kept(id) => sync(node).await,
        None => {}
    }
}

/// The same for an answer about many ids.
pub(crate) async fn know_revision(node: &Node, revision: Revision) {
    if *node.state.hot_reload.reached().borrow() < revision {
        sync(node).await;
    }
}

/// The same for what a refusal tells of an id.
pub(crate) async fn refusal(node: &Node, id: &Id, error: Error) -> Fault {
    match error {
        Error::Conflict { actual, .. } => know(node, id, actual).await,
        Error::NotFound { .. } => know(node, id, None).await,
        _ => {}
    }
    error.into()
}

async fn sync(node: &Node) {
    let synced = node.state.hot_reload.sync();
    match tokio::time::timeout(node.state.limits.catch_up, synced).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "node tells more than it has caught up with"),
        Err(_) => tracing::warn!("node tells more than it has caught up with: the log is too slow"),
    }
}

/// Says which revision an answer was served from.
pub(crate) fn served(revision: Revision, mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(REVISION, HeaderValue::from(revision.0));
    response
}

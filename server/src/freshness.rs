//! Clients that demand a revision, and what they may conclude from one that they are shown.

use crate::edge::{DEGRADED, REVISION};
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
                .catch_up(Revision(demanded), node.limits().catch_up)
                .await?;
            Ok(())
        }
    }
}

/// Makes sure that this node has caught up with what an answer is about to tell of an id, so that the next request is
/// not served an older revision. Without effect, and without cost, where it has. Where the log cannot be read the
/// instance must be built anew: until that is done, the id's status says that it serves an older one.
pub(crate) async fn know(node: &Node, id: &Id, stands: Option<Revision>) {
    let has_caught_up = match stands {
        Some(revision) => know_revision(node, revision).await,
        // It is gone, and this node may not have heard of it; not even a build that read it before is let through.
        None if node.state.bots.may_tell_of(id) || node.reader.is_kept(id) => sync(node).await,
        None => true,
    };
    if !has_caught_up {
        node.state.bots.invalidate(id);
    }
}

/// The same for an answer about many ids. Answers whether this node has caught up.
pub(crate) async fn know_revision(node: &Node, revision: Revision) -> bool {
    *node.state.hot_reload.reached().borrow() >= revision || sync(node).await
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

async fn sync(node: &Node) -> bool {
    let synced = node.state.hot_reload.sync();
    let why = match tokio::time::timeout(node.limits().catch_up, synced).await {
        Ok(Ok(_)) => return true,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the log is too slow".to_owned(),
    };
    tracing::warn!(why, "node tells more than it has caught up with");
    false
}

/// Whether this instance serves because a newer one could not be built, or read. To be told in the answer itself, for by the
/// time that somebody asks for the status all may be well again. Of an id that has left the cache meanwhile nothing better
/// can be said.
pub(crate) fn is_last_good(node: &Node, id: &Id, serves: Revision) -> bool {
    node.state.bots.held_for(id).is_none_or(|held| {
        held.failure.is_some() || held.observed > serves || held.revision > Some(serves)
    })
}

/// Says that an answer is of the last good instance.
pub(crate) fn degraded(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(DEGRADED, HeaderValue::from_static("true"));
    response
}

/// Says which revision an answer was served from.
pub(crate) fn served(revision: Revision, mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(REVISION, HeaderValue::from(revision.0));
    response
}

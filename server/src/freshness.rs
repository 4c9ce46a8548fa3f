//! Clients that demand a revision.

use crate::edge::REVISION;
use crate::fault::{Fault, Kind};
use crate::params::Params;
use crate::state::Node;
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use hotbed_registry::Revision;

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

/// Says which revision an answer was served from.
pub(crate) fn served(revision: Revision, mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(REVISION, HeaderValue::from(revision.0));
    response
}

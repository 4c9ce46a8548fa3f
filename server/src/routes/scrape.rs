use super::problems::Everywhere;
use crate::fault::Fault;
use crate::metrics::CONTENT_TYPE;
use crate::state::Node;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;

/// How long the registry may take to say its revision.
const PATIENCE: Duration = Duration::from_secs(1);

/// Scrape metrics
///
/// In the OpenMetrics text form, which Prometheus reads.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses((status = 200, description = "The metrics.", body = String, content_type = "application/openmetrics-text"), Everywhere),
)]
pub(crate) async fn metrics(State(node): State<Arc<Node>>) -> Result<Response, Fault> {
    let head = tokio::time::timeout(PATIENCE, node.reader.head())
        .await
        .ok()
        .and_then(Result::ok);
    let text = node
        .metrics
        .scrape(&node, head)
        .map_err(|error| Fault::internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

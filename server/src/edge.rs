//! What happens to every request, whatever its route.

use crate::fault::{Fault, spell_out};
use crate::state::Node;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, HeaderName, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::time::Instant;
use uuid::Uuid;

/// Names a request in an answer and in the log.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The revision that an answer was served from; where it is of no single registration, the node's.
pub(crate) const REVISION: HeaderName = HeaderName::from_static("x-hotbed-revision");

/// Stands on an answer of the last good instance: a newer revision is known, or it could not be read whether there is one.
pub(crate) const DEGRADED: HeaderName = HeaderName::from_static("x-hotbed-degraded");

/// The name of the request that a handler is working on.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

pub(crate) async fn edge(
    State(node): State<Arc<Node>>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let id = request_id(request.headers());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    request.extensions_mut().insert(RequestId(Arc::clone(&id)));

    let response = match node.state.access.admit(&request) {
        Ok(()) => AssertUnwindSafe(next.run(request))
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| {
                Fault::internal(format!("handler panicked: {}", message(&*panic))).into_response()
            }),
        Err(fault) => fault.into_response(),
    };
    let mut response = spell_out(response, &id);

    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache"));
    headers
        .entry(REVISION)
        .or_insert_with(|| HeaderValue::from(node.state.hot_reload.reached().borrow().0));

    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let (status, took) = (response.status(), begun.elapsed());
    node.metrics.note_request(&method, route, status, took);
    tracing::debug!(request_id = &*id, %method, route, status = status.as_u16(), ?took, "request");
    response
}

/// What the client calls its request, if that can stand in a log line; else a new name.
fn request_id(headers: &HeaderMap) -> Arc<str> {
    let given = headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok());
    match given {
        Some(given)
            if (1..=128).contains(&given.len()) && given.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            given.into()
        }
        _ => Uuid::new_v4().simple().to_string().into(),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

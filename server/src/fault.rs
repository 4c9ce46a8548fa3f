//! What goes wrong, from where it happens to the problem document.

mod causes;

use axum::body::Body;
use axum::http::header::{
    CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hotbed_api::{Place, Problem};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use causes::chat_fault;

/// Why a request is not served. The edge adds the request id and writes it as a problem document.
#[derive(Debug, Clone)]
pub(crate) struct Fault(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    kind: Kind,
    detail: String,
    revision: Option<u64>,
    compacted: Option<(u64, u64)>,
    problems: Vec<String>,
    place: Option<Place>,
    retry_after: Option<Duration>,
    cause: Option<String>,
}

/// The kinds of problems: each has one status, and a word by which programs know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    NoVersion,
    MethodNotAllowed,
    NotAcceptable,
    TooSlow,
    Inactive,
    Taken,
    Needed,
    WrittenOver,
    Compacted,
    PreconditionFailed,
    TooLarge,
    UnsupportedMediaType,
    Misdirected,
    UpgradeRequired,
    Invalid,
    Refused,
    ModFailed,
    Internal,
    Unsupported,
    ProviderFailed,
    Unavailable,
    Overloaded,
    Behind,
    BotFailed,
    ProviderTooSlow,
}

impl Kind {
    #[expect(clippy::too_many_lines, reason = "one table of all of them")]
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad-request", "Bad request"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "Forbidden"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Self::NoVersion => (
                StatusCode::NOT_FOUND,
                "no-version",
                "There is no version of that revision",
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "Method not allowed",
            ),
            Self::NotAcceptable => (
                StatusCode::NOT_ACCEPTABLE,
                "not-acceptable",
                "Not acceptable",
            ),
            Self::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "too-slow",
                "The request took too long to arrive",
            ),
            Self::Inactive => (StatusCode::CONFLICT, "inactive", "Out of service"),
            Self::Taken => (StatusCode::CONFLICT, "taken", "There is such a mod already"),
            Self::Needed => (StatusCode::CONFLICT, "needed", "Others depend on it"),
            Self::WrittenOver => (
                StatusCode::CONFLICT,
                "written-over",
                "Done, and written over since",
            ),
            Self::Compacted => (
                StatusCode::GONE,
                "compacted",
                "The log no longer reaches back so far",
            ),
            Self::PreconditionFailed => (
                StatusCode::PRECONDITION_FAILED,
                "precondition-failed",
                "Somebody else wrote first",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "The body is too large",
            ),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "Unsupported media type",
            ),
            Self::Misdirected => (
                StatusCode::MISDIRECTED_REQUEST,
                "misdirected",
                "Misdirected request",
            ),
            Self::UpgradeRequired => (
                StatusCode::UPGRADE_REQUIRED,
                "upgrade-required",
                "Upgrade required",
            ),
            Self::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Invalid"),
            Self::Refused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "refused",
                "The configuration is refused",
            ),
            Self::ModFailed => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "mod-failed",
                "The mod does not come up",
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "Internal error",
            ),
            Self::Unsupported => (
                StatusCode::NOT_IMPLEMENTED,
                "unsupported",
                "This kind of registry cannot do that",
            ),
            Self::ProviderFailed => (
                StatusCode::BAD_GATEWAY,
                "provider-failed",
                "The model provider failed",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Unavailable",
            ),
            Self::Overloaded => (
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "Too many requests at once",
            ),
            Self::Behind => (
                StatusCode::SERVICE_UNAVAILABLE,
                "behind",
                "This node is behind",
            ),
            Self::BotFailed => (
                StatusCode::SERVICE_UNAVAILABLE,
                "bot-failed",
                "The bot cannot be built",
            ),
            Self::ProviderTooSlow => (
                StatusCode::GATEWAY_TIMEOUT,
                "provider-too-slow",
                "The model provider took too long",
            ),
        }
    }
}

impl Fault {
    /// A fault of a kind; `detail` says what is wrong with this request and what would be right, fit for strangers.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            kind,
            detail: detail.into(),
            revision: None,
            compacted: None,
            problems: Vec::new(),
            place: None,
            retry_after: None,
            cause: None,
        }))
    }

    /// Something is wrong inside. What it is goes to the log only.
    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        let mut fault = Self::new(
            Kind::Internal,
            "something is wrong inside the server: its log says what",
        );
        fault.0.cause = Some(cause.into());
        fault
    }

    /// The log does not reach back to the revision that was asked for.
    pub(crate) fn compacted(oldest: u64, head: u64) -> Self {
        let mut fault = Self::new(
            Kind::Compacted,
            format!(
                "the log begins at revision {oldest}: list the collection, then go on after {head}"
            ),
        );
        fault.0.compacted = Some((oldest, head));
        fault
    }

    /// Where the registration, or this node, stands.
    pub(crate) fn at_revision(mut self, revision: Option<u64>) -> Self {
        self.0.revision = revision;
        self
    }

    /// Where in the body it is.
    pub(crate) fn at_place(mut self, place: Place) -> Self {
        self.0.place = Some(place);
        self
    }

    /// Everything that is wrong.
    pub(crate) fn with_problems(mut self, problems: Vec<String>) -> Self {
        self.0.problems = problems;
        self
    }

    /// When to try again.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// What the log is to say about it.
    pub(crate) fn because(mut self, cause: &(dyn Error + 'static)) -> Self {
        self.0.cause = Some(chain(cause));
        self
    }

    /// Whether the log does not reach back to the revision that was asked for.
    pub(crate) fn is_compacted(&self) -> bool {
        self.0.kind == Kind::Compacted
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.0.kind.parts().0
    }

    /// The problem document, for where it is not the whole answer but a part of a stream.
    pub(crate) fn problem(&self, request_id: Option<&str>) -> Problem {
        let (status, word, title) = self.0.kind.parts();
        Problem {
            kind: format!("urn:hotbed:problem:{word}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.0.detail.clone(),
            request_id: request_id.map(str::to_owned),
            revision: self.0.revision,
            oldest: self.0.compacted.map(|(oldest, _)| oldest),
            head: self.0.compacted.map(|(_, head)| head),
            problems: self.0.problems.clone(),
            place: self.0.place.clone(),
        }
    }

    /// Writes what is our own fault to the log, once, where it is answered.
    pub(crate) fn log(&self, request_id: &str) {
        let status = self.status().as_u16();
        let cause = self.0.cause.as_deref().unwrap_or(&self.0.detail);
        match self.0.kind {
            Kind::Internal => tracing::error!(request_id, status, cause, "request failed"),
            // Nothing is wrong with the server: it was asked for what it never promised.
            kind if self.status().is_server_error() && kind != Kind::Unsupported => {
                tracing::warn!(request_id, status, cause, "request not served");
            }
            _ => tracing::debug!(request_id, status, cause, "request refused"),
        }
    }
}

impl IntoResponse for Fault {
    /// A response without a body, until the edge [spells it out](spell_out).
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        if let Some(wait) = self.0.retry_after {
            // Whole seconds, rounded up: earlier would be in vain.
            let seconds = wait.as_millis().div_ceil(1_000).max(1);
            let value =
                HeaderValue::from_str(&seconds.to_string()).expect("digits are a header value");
            response.headers_mut().insert(RETRY_AFTER, value);
        }
        if self.0.kind == Kind::Unauthorized {
            let headers = response.headers_mut();
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.0.kind == Kind::UpgradeRequired {
            let headers = response.headers_mut();
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Writes the body of a response that a fault made, and the log line. Others stay as they are.
pub(crate) fn spell_out(mut response: Response, request_id: &str) -> Response {
    let Some(fault) = response.extensions_mut().remove::<Arc<Fault>>() else {
        return response;
    };
    fault.log(request_id);
    let body =
        serde_json::to_vec(&fault.problem(Some(request_id))).expect("a problem is plain data");
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    response
        .headers_mut()
        .remove(axum::http::header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(body);
    response
}

/// An error with all its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

use super::tls;
use hotbed_registry::Error;
use std::sync::Arc;

/// Why a request came to nothing, in words that say what to do. Can be told to many callers.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    reason: String,
    source: Option<Arc<reqwest::Error>>,
    pub(super) outcome: Outcome,
}

/// What became of a request that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The service did not do it.
    NotDone,
    /// Nobody knows.
    Unknown,
}

impl Outcome {
    /// What became of two attempts together.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::NotDone, Self::NotDone) => Self::NotDone,
            _ => Self::Unknown,
        }
    }
}

impl Fault {
    /// Something that was not done, or that changes nothing.
    pub(super) fn said(reason: String) -> Self {
        Self {
            reason,
            source: None,
            outcome: Outcome::NotDone,
        }
    }

    /// Something that may have been done.
    pub(super) fn unknown(reason: String) -> Self {
        Self {
            outcome: Outcome::Unknown,
            ..Self::said(reason)
        }
    }

    /// The request could not be sent, or its answer not be read.
    pub(super) fn transport(error: reqwest::Error, shown: &str) -> Self {
        let disagreement = tls::disagreement(&error);
        // Where they do not agree on TLS the request was not heard, even if it was sent.
        let outcome = if error.is_connect() || error.is_builder() || disagreement.is_some() {
            Outcome::NotDone
        } else {
            Outcome::Unknown
        };
        let what = if let Some(disagreement) = &disagreement {
            disagreement
        } else if error.is_connect() {
            "is not reached: see whether the service runs, and whether the way to it is open"
        } else if error.is_body() || error.is_decode() {
            "was cut off within its answer: see what closes its connections"
        } else {
            "broke off without an answer: see whether the service runs, and whether the way to it is open"
        };
        Self {
            reason: format!("{shown} {what}"),
            // The URL is told already, and ours holds ids.
            source: Some(Arc::new(error.without_url())),
            outcome,
        }
    }

    /// The same after an earlier attempt.
    #[must_use]
    pub(super) fn after(self, earlier: Outcome) -> Self {
        Self {
            outcome: self.outcome.or(earlier),
            ..self
        }
    }

    /// Whether it happened on the way, so that the same may fare better in a moment.
    pub(super) fn is_transport(&self) -> bool {
        self.source.is_some()
    }

    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    /// What a reader is told, or whoever asked for what changes nothing.
    pub(super) fn during(&self, operation: &'static str) -> Error {
        self.with(operation, self.reason.clone())
    }

    /// What a writer is told, who must know whether it was done.
    pub(super) fn of_write(&self, operation: &'static str) -> Error {
        match self.outcome {
            Outcome::NotDone => self.during(operation),
            Outcome::Unknown => self.with(
                operation,
                format!(
                    "whether it was done is not known: read before you try again; {}",
                    self.reason
                ),
            ),
        }
    }

    fn with(&self, operation: &'static str, reason: String) -> Error {
        Error::Unavailable {
            operation,
            reason,
            source: self
                .source
                .as_ref()
                .map(|source| Box::new(Arc::clone(source)).into()),
        }
    }
}

/// The store cannot be used as it is described.
pub(super) fn unusable(reason: String) -> Error {
    Error::Unavailable {
        operation: "be used",
        reason,
        source: None,
    }
}

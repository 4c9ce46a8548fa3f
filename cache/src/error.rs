use hotbed_registry::{Id, InvalidId, Revision};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why there is no instance to lease, by what the caller may do.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// The id is malformed.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// There is no such registration.
    #[error("no registration {id:?}")]
    NotFound {
        /// Who is missing.
        id: Id,
    },
    /// The registration is out of service: activate it.
    #[error("registration {id:?} is not active")]
    Inactive {
        /// Who is out of service.
        id: Id,
        /// The revision that says so.
        revision: Revision,
    },
    /// No instance could be built and there is no earlier one to serve.
    #[error("no instance of {id:?}: {failure}")]
    Failed {
        /// Whose instance.
        id: Id,
        /// What went wrong.
        failure: Arc<Failure>,
        /// When the next attempt is due.
        retry_in: Duration,
    },
    /// The cache is closed or closing.
    #[error("the cache of {id:?} is closed")]
    Closed {
        /// Who was asked for.
        id: Id,
    },
}

/// Why the last build of an id failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which step failed.
    pub kind: FailureKind,
    /// What it said, with its causes.
    pub message: String,
    /// The revision that could not be built; `None` if not even that could be read.
    pub revision: Option<Revision>,
}

/// Which step of a build failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The registry could not be read, or answered less than is already known.
    Registry,
    /// The configuration does not resolve in this environment.
    Config,
    /// The factory refused.
    Factory,
    /// The factory panicked.
    Panic,
    /// The factory did not finish in time.
    Deadline,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Failure {
    /// A failure with all its causes spelled out, for it outlives the error.
    pub(crate) fn of(
        kind: FailureKind,
        revision: Option<Revision>,
        error: &(dyn std::error::Error + 'static),
    ) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        Self {
            kind,
            message,
            revision,
        }
    }
}

/// A cache that could not be closed in time: these instances are still in use or being destroyed, or being created by
/// a factory that blocks its thread.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("instances still in use: {}", stragglers.join(", "))]
pub struct CloseError {
    /// Each as `id@revision (n leases)`.
    pub stragglers: Vec<String>,
}

//! The errors of the crates below as faults.

use super::{Fault, Kind};
use hotbed_bots::ChatError;
use hotbed_cache::{FailureKind, GetError};
use hotbed_hotreload::BehindError;
use hotbed_registry::{Error, InvalidId};
use std::time::Duration;

/// When to try again what failed for a reason that passes by itself.
const SOON: Duration = Duration::from_secs(1);

impl From<InvalidId> for Fault {
    fn from(error: InvalidId) -> Self {
        Self::new(Kind::Invalid, error.to_string())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidId(error) => error.into(),
            Error::NotFound { .. } => Self::new(Kind::NotFound, error.to_string()),
            Error::Conflict { actual, .. } => Self::new(Kind::PreconditionFailed, error.to_string())
                .at_revision(actual.map(|revision| revision.0)),
            Error::Refused { ref id, ref problems } => {
                let problems = problems.clone();
                Self::new(Kind::Refused, format!("configuration of {id:?} is refused: {}", problems.join("; ")))
                    .with_problems(problems)
            }
            Error::NoVersion { .. } => Self::new(Kind::NoVersion, error.to_string()),
            Error::Unsupported { .. } => Self::new(Kind::Unsupported, error.to_string()),
            Error::InvalidQuery { reason } => Self::new(Kind::Invalid, reason),
            // The reason may name a path or an address, which strangers need not know.
            Error::Unavailable { operation, .. } => Self::new(
                Kind::Unavailable,
                format!(
                    "the registry cannot {operation} right now: try again later; /api/v1/health and the server's log \
                     say why"
                ),
            )
            .because(&error)
            .retry_after(SOON),
            other => Self::internal(super::chain(&other)),
        }
    }
}

impl From<GetError> for Fault {
    fn from(error: GetError) -> Self {
        match error {
            GetError::InvalidId(error) => error.into(),
            GetError::NotFound { .. } => Self::new(Kind::NotFound, error.to_string()),
            GetError::Inactive { revision, .. } => {
                Self::new(Kind::Inactive, format!("{error}: activate it"))
                    .at_revision(Some(revision.0))
            }
            GetError::Failed {
                ref id,
                ref failure,
                retry_in,
            } => {
                let detail = match failure.kind {
                    // As above.
                    FailureKind::Registry => {
                        format!("no instance of {id:?}: the registry cannot be read right now")
                    }
                    _ => error.to_string(),
                };
                Self::new(Kind::BotFailed, detail)
                    .because(&error)
                    .at_revision(failure.revision.map(|revision| revision.0))
                    .retry_after(retry_in)
            }
            GetError::Closed { .. } => {
                Self::new(Kind::Unavailable, "this node is about to end").retry_after(SOON)
            }
            other => Self::internal(super::chain(&other)),
        }
    }
}

impl From<BehindError> for Fault {
    fn from(error: BehindError) -> Self {
        Self::new(Kind::Behind, error.to_string())
            .because(&error)
            .at_revision(Some(error.reached.0))
            .retry_after(SOON)
    }
}

/// Why a bot did not answer. Not `From`: its texts are fit for strangers, which is for this place to know.
pub(crate) fn chat_fault(error: &ChatError) -> Fault {
    let detail = error.to_string();
    match error {
        ChatError::InvalidMessage { .. } => Fault::new(Kind::Invalid, detail),
        ChatError::ProviderUnavailable { retry_after, .. } => {
            Fault::new(Kind::Unavailable, detail).retry_after(retry_after.unwrap_or(SOON))
        }
        ChatError::TimedOut { .. } => Fault::new(Kind::ProviderTooSlow, detail),
        _ => Fault::new(Kind::ProviderFailed, detail),
    }
}

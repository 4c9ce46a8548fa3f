use crate::stored::Unreadable;
use hotbed_registry::Error;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What went wrong with a file, in words that say what to do. Can be told to many callers.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    Unavailable {
        reason: String,
        source: Option<Arc<io::Error>>,
    },
    Corrupt(Unreadable),
}

impl Fault {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        let path = path.display();
        let reason = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                format!("the disk with {path} is full: make room, then try again")
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                format!(
                    "{path} may not be used: give this user read and write access to the directory"
                )
            }
            _ => format!("{path} cannot be used: {error}"),
        };
        Self::Unavailable {
            reason,
            source: Some(Arc::new(error)),
        }
    }

    pub(super) fn locked(path: &Path, waited: Duration) -> Self {
        let reason = format!(
            "{} has been locked by another process for {waited:?}: see what holds it, or try again",
            path.display()
        );
        Self::Unavailable {
            reason,
            source: None,
        }
    }

    pub(super) fn corrupt(place: &Path, reason: impl Into<String>) -> Self {
        Self::Corrupt(Unreadable {
            place: place.display().to_string(),
            reason: reason.into(),
        })
    }

    /// Work that did not come to an end.
    pub(super) fn interrupted(error: &tokio::task::JoinError) -> Self {
        Self::Unavailable {
            reason: format!("the work was interrupted: {error}"),
            source: None,
        }
    }

    /// What a caller is told whose operation this ended.
    pub(super) fn during(&self, operation: &'static str) -> Error {
        match self {
            Self::Unavailable { reason, source } => Error::Unavailable {
                operation,
                reason: reason.clone(),
                source: source.clone().map(|source| Box::new(source).into()),
            },
            Self::Corrupt(unreadable) => unreadable.clone().into(),
        }
    }

    /// What is wrong, for a message of its own.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Unavailable { reason, .. } => reason.clone(),
            Self::Corrupt(Unreadable { place, reason }) => format!("{place}: {reason}"),
        }
    }
}

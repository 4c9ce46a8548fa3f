use crate::{Id, InvalidId, Precondition, Revision};
use std::fmt;

/// Why the registry did not do what it was asked for, by what the caller may do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The id is malformed: choose another.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// There is no such registration.
    #[error("no registration {id:?}")]
    NotFound {
        /// Who is missing.
        id: Id,
    },
    /// Somebody else wrote first: read again and decide anew.
    #[error("registration {id:?} is {}, not {expected}", describe(*.actual))]
    Conflict {
        /// Whose registration.
        id: Id,
        /// What the caller required.
        expected: Precondition,
        /// The revision that is stored; `None` if there is none.
        actual: Option<Revision>,
    },
    /// A strict collection does not admit this configuration: mend it.
    #[error("configuration of {id:?} is refused: {}", problems.join("; "))]
    Refused {
        /// Whose configuration.
        id: Id,
        /// What is wrong with it.
        problems: Vec<String>,
    },
    /// The query asks for something that does not exist: mend it.
    #[error("{reason}")]
    InvalidQuery {
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The store cannot be reached, is locked or is full: try again later. The write did not happen, or it is
    /// not known to have happened.
    #[error("registry cannot {operation}: {reason}")]
    Unavailable {
        /// What was attempted.
        operation: &'static str,
        /// What is wrong and what to do about it.
        reason: String,
        /// What the store said.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// This kind of registry cannot do it at all: use another kind, or do without.
    #[error("registry cannot {operation}: {reason}")]
    Unsupported {
        /// What was asked for.
        operation: &'static str,
        /// Why it cannot be done, and what to do instead.
        reason: String,
    },
    /// There is no version of this revision to read or to go back to: choose one that the history tells.
    #[error("registration {id:?} has no version {revision}: {why}")]
    NoVersion {
        /// Whose version.
        id: Id,
        /// The revision that was asked for.
        revision: Revision,
        /// Why there is none.
        why: NoVersion,
    },
    /// What is stored cannot be understood: repair it.
    #[error("registry holds something unreadable at {place}: {reason}")]
    Corrupt {
        /// Where it stands.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why there is no version of some revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoVersion {
    /// That revision was no write of this registration.
    Never,
    /// It may have been a write of this registration, of which nothing is remembered any more.
    Forgotten,
    /// It was the deletion.
    Deletion,
}

impl fmt::Display for NoVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "no write of it made that revision",
            Self::Forgotten => "it is forgotten, if it ever was",
            Self::Deletion => "it was deleted at that revision",
        })
    }
}

fn describe(actual: Option<Revision>) -> String {
    actual.map_or_else(
        || "absent".to_owned(),
        |revision| format!("at revision {revision}"),
    )
}

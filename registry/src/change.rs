use crate::{Id, Revision, Status};
use chrono::{DateTime, Utc};
use std::fmt;
use std::str::FromStr;

/// One entry of a collection's log: what happened to whom, never the configuration itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whom it happened to.
    pub id: Id,
    /// The revision that it made.
    pub revision: Revision,
    /// What happened.
    pub kind: ChangeKind,
    /// When it was committed, by the writer's clock.
    pub at: DateTime<Utc>,
}

/// What a [`Change`] did to its registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It is new.
    Created,
    /// Its configuration or metadata was written, its status stayed.
    Updated,
    /// It came into service.
    Activated,
    /// It left service.
    Deactivated,
    /// It is gone.
    Deleted,
}

impl ChangeKind {
    /// What a write is called that moves a registration from one status (`None`: absent) to another.
    pub fn of_write(before: Option<Status>, after: Status) -> Self {
        match (before, after) {
            (None, _) => Self::Created,
            (Some(Status::Active), Status::Active) => Self::Updated,
            (Some(_), Status::Active) => Self::Activated,
            (Some(Status::Active), _) => Self::Deactivated,
            (Some(_), _) => Self::Updated,
        }
    }

    /// The word for it on every wire and in every store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Activated => "activated",
            Self::Deactivated => "deactivated",
            Self::Deleted => "deleted",
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ChangeKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [
            Self::Created,
            Self::Updated,
            Self::Activated,
            Self::Deactivated,
            Self::Deleted,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or(())
    }
}

/// What happened in a collection after a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// The log's next entries, oldest first and without a gap. When the last one is older than `head` there
    /// are more: ask again after it.
    Log {
        /// The entries.
        changes: Vec<Change>,
        /// The collection's newest revision.
        head: Revision,
    },
    /// The log cannot tell: it no longer reaches back so far, or it never held that revision because the
    /// registry was replaced by another. List the heads.
    Compacted {
        /// The oldest revision whose change is still in the log.
        oldest: Revision,
        /// The collection's newest revision.
        head: Revision,
    },
}

/// Somebody who must know of a change before its writer is answered, or of one that was read from the log.
pub trait Observer: Send + Sync + 'static {
    /// Notes a change. Cheap, idempotent, never blocks; old news is ignored by comparing revisions.
    fn observe(&self, change: &Change);
}

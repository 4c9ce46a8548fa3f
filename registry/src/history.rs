use crate::{Id, Registration, Revision};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// What one write of the past made of a registration.
#[derive(Debug, Clone, PartialEq)]
pub enum Past {
    /// It was created or replaced: the registration as it stood then, last accessed when it was written.
    Written(Box<Registration>),
    /// It was deleted.
    Deleted {
        /// Whose registration.
        id: Id,
        /// The revision of the deletion.
        revision: Revision,
        /// When it was deleted.
        at: DateTime<Utc>,
    },
}

impl Past {
    /// The revision of that write.
    pub fn revision(&self) -> Revision {
        match self {
            Self::Written(registration) => registration.revision,
            Self::Deleted { revision, .. } => *revision,
        }
    }

    /// When it was written or deleted.
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Written(registration) => registration.updated_at,
            Self::Deleted { at, .. } => *at,
        }
    }
}

/// How much of the past of each registration a compaction keeps. What stands now is kept whatever this says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryRetention {
    /// At most so many of the newest writes of each id.
    pub versions: u32,
    /// None older than this.
    pub age: Duration,
}

impl Default for HistoryRetention {
    /// 50 writes of at most 90 days.
    fn default() -> Self {
        Self {
            versions: 50,
            age: Duration::from_hours(90 * 24),
        }
    }
}

use crate::{ChangeNote, Id, Registration, Revision};
use chrono::{DateTime, TimeDelta, Utc};
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
        /// Who deleted it, and why, as far as that was said.
        note: ChangeNote,
    },
}

impl From<Registration> for Past {
    fn from(registration: Registration) -> Self {
        Self::Written(Box::new(Registration {
            last_accessed_at: registration.updated_at,
            ..registration
        }))
    }
}

impl Past {
    /// The revision of that write.
    pub fn revision(&self) -> Revision {
        match self {
            Self::Written(registration) => registration.revision,
            Self::Deleted { revision, .. } => *revision,
        }
    }

    /// Who made that write, and why, as far as that was said.
    pub fn note(&self) -> ChangeNote {
        match self {
            Self::Written(registration) => ChangeNote::of(&registration.metadata),
            Self::Deleted { note, .. } => note.clone(),
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

/// How much of the past a compaction keeps, beside what stands now, which is kept whatever this says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryRetention {
    /// At most so many of the newest writes of each id that do not stand any more.
    pub versions: u32,
    /// None that was replaced longer ago than this: what served for a year and was replaced yesterday is a day old.
    /// A deletion is as old as it is.
    pub age: Duration,
}

impl HistoryRetention {
    /// The time before which what was replaced is too old to be kept: the dawn of time for an age beyond it.
    pub fn horizon(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        before(now, self.age)
    }
}

/// The time so long before another: the dawn of time if there is none.
pub(crate) fn before(now: DateTime<Utc>, age: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(age)
        .ok()
        .and_then(|age| now.checked_sub_signed(age))
        .unwrap_or(DateTime::<Utc>::MIN_UTC)
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

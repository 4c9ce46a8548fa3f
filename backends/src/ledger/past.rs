//! What a transaction makes of the past: the writes that stand no longer because of it.

use super::Fate;
use crate::stored::Unreadable;
use crate::texts::to_text;
use chrono::{DateTime, Utc};
use hotbed_registry::{Id, Registration, Revision};

/// A write that stands no longer, or a deletion.
#[derive(Debug)]
pub(crate) struct PastWrite {
    pub(crate) what: Gone,
    /// The revision that replaced it; a deletion replaces itself.
    pub(crate) by: Revision,
    /// When it was replaced.
    pub(crate) at: DateTime<Utc>,
}

#[derive(Debug)]
pub(crate) enum Gone {
    /// What was stored before the transaction: its row is to be copied before it is written over.
    Stored(Id),
    /// What this same transaction wrote and replaced: it never became a row.
    Written {
        registration: Box<Registration>,
        metadata: String,
        config: String,
    },
    /// A deletion, with metadata that hold its note and nothing else; none if nothing was said.
    Deleted { id: Id, metadata: Option<String> },
}

impl Gone {
    /// What is gone when a row is written over or deleted. Nothing is known of what cannot be read.
    pub(super) fn of(
        id: &Id,
        registration: Option<Result<Registration, Unreadable>>,
        fate: Fate,
    ) -> Option<Self> {
        let Some(Ok(registration)) = registration else {
            return None;
        };
        match fate {
            Fate::Untouched => Some(Self::Stored(id.clone())),
            Fate::Written { config, metadata } => Some(Self::Written {
                metadata: metadata.unwrap_or_else(|| to_text(&registration.metadata)),
                registration: Box::new(registration),
                config,
            }),
            Fate::Deleted => None,
        }
    }
}

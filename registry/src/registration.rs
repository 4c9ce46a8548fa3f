use crate::{ChangeNote, Id, Revision};
use chrono::{DateTime, SubsecRound, Utc};
use hotbed_configs::PortableConfig;
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;

/// One stored configuration and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    /// Its name within the collection.
    pub id: Id,
    /// What an instance is built from, in the form that is the same in every environment.
    pub config: PortableConfig,
    /// Whether it is in service.
    pub status: Status,
    /// What its owners noted of it. Searchable; no instance is built from it.
    pub metadata: Map<String, Value>,
    /// The change of the collection that made it what it is now.
    pub revision: Revision,
    /// How many writes it has seen since it was created: 1 at first.
    pub version: u64,
    /// When it was created; UTC, microseconds, like the other times here. Times are for people: nothing is
    /// decided by them.
    pub created_at: DateTime<Utc>,
    /// When it was last written; strictly increasing from write to write.
    pub updated_at: DateTime<Utc>,
    /// When it was last read by somebody who meant to use it. Noted in batches, so it may lag a little.
    pub last_accessed_at: DateTime<Utc>,
}

/// What a writer wants a registration to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Replaces the configuration as a whole.
    pub config: PortableConfig,
    /// Replaces the status.
    pub status: Status,
    /// Replaces the metadata as a whole. `None` keeps what is there, but for the [note](ChangeNote) of the write
    /// before: that was about another write.
    pub metadata: Option<Map<String, Value>>,
    /// When it was created elsewhere, if this write creates it here by moving it; `None` for now.
    pub created_at: Option<DateTime<Utc>>,
}

impl Draft {
    /// An active registration of this configuration; metadata, if there is any, stays.
    pub fn active(config: PortableConfig) -> Self {
        Self {
            config,
            status: Status::Active,
            metadata: None,
            created_at: None,
        }
    }

    /// The metadata that a draft without any leaves in place.
    pub fn kept(before: Option<&Registration>) -> Map<String, Value> {
        let mut metadata = before.map(|old| old.metadata.clone()).unwrap_or_default();
        ChangeNote::NONE.write_into(&mut metadata);
        metadata
    }

    /// What this draft makes of the registration `before` (or of nothing) at `revision`. The one place that
    /// says which fields a write keeps; every backend that works on whole registrations uses it.
    pub fn apply(
        self,
        id: &Id,
        before: Option<&Registration>,
        revision: Revision,
        now: DateTime<Utc>,
    ) -> Registration {
        let now = now.trunc_subsecs(6);
        let (created_at, updated_at, version) = if let Some(old) = before {
            let after_old = old.updated_at + chrono::TimeDelta::microseconds(1);
            (old.created_at, now.max(after_old), old.version + 1)
        } else {
            let created_at = self.created_at.map_or(now, |it| it.trunc_subsecs(6));
            (created_at, now.max(created_at), 1)
        };
        Registration {
            id: id.clone(),
            metadata: self.metadata.unwrap_or_else(|| Self::kept(before)),
            config: self.config,
            status: self.status,
            revision,
            version,
            created_at,
            updated_at,
            last_accessed_at: updated_at,
        }
    }
}

/// Whether a registration is in service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// In service.
    Active,
    /// Kept, but out of service.
    Inactive,
    /// Kept, but out of service because its owner found it faulty. Written by clients of the Python config
    /// service; nothing here sets it.
    Error,
}

impl Status {
    /// The word for it on every wire and in every store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no [`Status`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown status {text:?}: use active, inactive or error")]
pub struct UnknownStatus {
    text: String,
}

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        match text {
            "active" => Ok(Self::Active),
            "inactive" => Ok(Self::Inactive),
            "error" => Ok(Self::Error),
            _ => Err(UnknownStatus {
                text: text.chars().take(64).collect(),
            }),
        }
    }
}

//! What a database has stored, back as what it means.

use chrono::{DateTime, Utc};
use hotbed_registry::{
    Change, ChangeKind, ChangeNote, Error, Id, PortableConfig, Registration, Revision, Status,
};
use serde_json::{Map, Value};

/// Why something stored cannot be understood. Goes to whoever reads it, lists it or writes over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) place: String,
    pub(crate) reason: String,
}

impl From<Unreadable> for Error {
    fn from(Unreadable { place, reason }: Unreadable) -> Self {
        Self::Corrupt { place, reason }
    }
}

/// The columns of a registration.
#[derive(Debug)]
pub(crate) struct StoredRegistration<'r> {
    pub(crate) id: &'r str,
    pub(crate) revision: i64,
    pub(crate) version: i64,
    pub(crate) status: &'r str,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) last_accessed_at: DateTime<Utc>,
    pub(crate) metadata: &'r str,
    /// `None` if it was not read: then the registration has an empty one.
    pub(crate) config: Option<&'r str>,
}

impl StoredRegistration<'_> {
    /// What they mean, or why they mean nothing.
    pub(crate) fn understand(self) -> Result<Registration, String> {
        let config = match self.config {
            Some(text) => serde_json::from_str::<Value>(text)
                .map_err(|error| error.to_string())
                .and_then(|value| {
                    PortableConfig::from_value(value).map_err(|error| error.to_string())
                })
                .map_err(|reason| format!("its config: {reason}"))?,
            None => {
                PortableConfig::from_map(Map::new()).expect("nothing is nested in an empty object")
            }
        };
        Ok(Registration {
            id: Id::new(self.id).map_err(|error| error.to_string())?,
            config,
            status: self
                .status
                .parse::<Status>()
                .map_err(|error| error.to_string())?,
            metadata: serde_json::from_str(self.metadata)
                .map_err(|error| format!("its metadata: {error}"))?,
            revision: Revision(counter("revision", self.revision)?),
            version: counter("version", self.version)?,
            created_at: self.created_at,
            updated_at: self.updated_at,
            last_accessed_at: self.last_accessed_at,
        })
    }
}

/// The columns of an entry of the log.
#[derive(Debug)]
pub(crate) struct StoredChange<'r> {
    pub(crate) id: &'r str,
    pub(crate) revision: i64,
    pub(crate) kind: &'r str,
    pub(crate) at: DateTime<Utc>,
}

impl StoredChange<'_> {
    /// What they mean, or why they mean nothing.
    pub(crate) fn understand(self) -> Result<Change, String> {
        Ok(Change {
            id: Id::new(self.id).map_err(|error| error.to_string())?,
            revision: Revision(counter("revision", self.revision)?),
            kind: self
                .kind
                .parse::<ChangeKind>()
                .map_err(|()| format!("its kind {:?} is unknown", self.kind))?,
            at: self.at,
        })
    }
}

/// What was said of a deletion, which has metadata for that and nothing else. Nothing was said of those that an older
/// program stored.
pub(crate) fn note(metadata: Option<&str>) -> Result<ChangeNote, String> {
    let metadata = metadata.map(serde_json::from_str::<Map<String, Value>>);
    let metadata = metadata.transpose();
    let metadata = metadata.map_err(|error| format!("its metadata: {error}"))?;
    Ok(metadata.as_ref().map_or(ChangeNote::NONE, ChangeNote::of))
}

/// A number that counts something.
pub(crate) fn counter(column: &str, stored: i64) -> Result<u64, String> {
    u64::try_from(stored).map_err(|_| format!("its {column} {stored} is negative"))
}

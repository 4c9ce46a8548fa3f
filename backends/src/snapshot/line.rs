//! What stands in a line of a snapshot's file.

use chrono::{DateTime, Utc};
use hotbed_registry::{Id, PortableConfig, Registration, Revision, Status};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// The first: what this file is.
    File {
        kind: Kind,
        /// The URL of the registry that the registrations are of.
        registry: String,
        /// Of a journal its number, of a base the number of the first journal after it.
        number: u64,
    },
    Saved(Stored),
    Forgotten {
        id: String,
    },
    /// The last of a base. Without it something is missing.
    End {
        saved: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Base,
    Journal,
}

/// One registration. The configuration is parsed on its own, since it may be as deep as a parser goes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    id: String,
    revision: u64,
    version: u64,
    status: String,
    created_at_us: i64,
    updated_at_us: i64,
    last_accessed_at_us: i64,
    metadata: Box<RawValue>,
    config: Box<RawValue>,
    /// It may be older than what was served, or gone since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) doubtful: bool,
}

impl Line {
    pub(super) fn saved(it: &Registration, doubtful: bool) -> serde_json::Result<Self> {
        Ok(Self::Saved(Stored {
            id: it.id.as_str().to_owned(),
            revision: it.revision.0,
            version: it.version,
            status: it.status.as_str().to_owned(),
            created_at_us: it.created_at.timestamp_micros(),
            updated_at_us: it.updated_at.timestamp_micros(),
            last_accessed_at_us: it.last_accessed_at.timestamp_micros(),
            metadata: serde_json::value::to_raw_value(&it.metadata)?,
            config: serde_json::value::to_raw_value(it.config.as_map())?,
            doubtful,
        }))
    }

    pub(super) fn forgotten(id: &Id) -> Self {
        Self::Forgotten {
            id: id.as_str().to_owned(),
        }
    }

    pub(super) fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }
}

impl Stored {
    pub(super) fn into_registration(self) -> Result<Registration, String> {
        let time = |micros| {
            DateTime::<Utc>::from_timestamp_micros(micros)
                .ok_or_else(|| format!("{micros} is no time"))
        };
        let object = |text: &RawValue| {
            serde_json::from_str::<Map<String, Value>>(text.get())
                .map_err(|error| error.to_string())
        };
        let config =
            PortableConfig::from_map(object(&self.config)?).map_err(|error| error.to_string())?;
        Ok(Registration {
            id: Id::new(&self.id).map_err(|error| error.to_string())?,
            config,
            status: self
                .status
                .parse::<Status>()
                .map_err(|error| error.to_string())?,
            metadata: object(&self.metadata)?,
            revision: Revision(self.revision),
            version: self.version,
            created_at: time(self.created_at_us)?,
            updated_at: time(self.updated_at_us)?,
            last_accessed_at: time(self.last_accessed_at_us)?,
        })
    }
}

use crate::moving::Record;
use crate::{Id, Status};
use chrono::{DateTime, Utc};
use hotbed_configs::PortableConfig;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The version of the format that is written. Whoever changes a line writes a new one, and reads both.
pub(super) const VERSION: u32 = 1;

/// One line of an archive.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line {
    Archive(Header),
    Registration(Box<Stored>),
    End(End),
}

/// The first line. A later version may say more, so what is not known is no fault here.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) collection: String,
    /// The newest revision of the collection before the first registration was read.
    pub(super) revision: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    id: String,
    status: String,
    created_at: DateTime<Utc>,
    /// Not read together with the line, for both may be nested almost as deep as can be read.
    metadata: Box<RawValue>,
    config: Box<RawValue>,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    /// How many registrations there are.
    pub(super) count: u64,
    /// The newest revision of the collection after the last registration was read.
    pub(super) revision: u64,
    /// Of what the registrations hold, as a migration tells it.
    pub(super) digest: String,
    /// Of the bytes of all lines before.
    pub(super) sha256: String,
}

impl Stored {
    pub(super) fn of(record: &Record) -> serde_json::Result<Self> {
        let raw = |map: &Map<String, Value>| serde_json::value::to_raw_value(map);
        Ok(Self {
            id: record.id.as_str().to_owned(),
            status: record.status.as_str().to_owned(),
            created_at: record.created_at,
            metadata: raw(&record.metadata)?,
            config: raw(record.config.as_map())?,
        })
    }

    pub(super) fn understand(self) -> Result<Record, String> {
        let config = serde_json::from_str::<Value>(self.config.get());
        let config = config.map_err(|error| format!("its config: {error}"))?;
        Ok(Record {
            id: Id::new(&self.id).map_err(|error| error.to_string())?,
            status: self
                .status
                .parse::<Status>()
                .map_err(|error| error.to_string())?,
            metadata: serde_json::from_str(self.metadata.get())
                .map_err(|error| format!("its metadata: {error}"))?,
            config: PortableConfig::from_value(config)
                .map_err(|error| format!("its config: {error}"))?,
            created_at: self.created_at,
        })
    }
}

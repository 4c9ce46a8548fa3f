use crate::{Draft, Id, Registration, Status};
use chrono::{DateTime, Utc};
use hotbed_configs::{PortableConfig, canonical_json};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::fmt;

/// What of a registration is the same in every registry it is moved to.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its name within the collection.
    pub id: Id,
    /// Its configuration.
    pub config: PortableConfig,
    /// Whether it is in service.
    pub status: Status,
    /// Its metadata.
    pub metadata: Map<String, Value>,
    /// When it was created. Carried where it can be, but not compared: it is given to what a move creates, and some
    /// registries set it themselves.
    pub created_at: DateTime<Utc>,
}

impl From<Registration> for Record {
    fn from(stored: Registration) -> Self {
        Self {
            id: stored.id,
            config: stored.config,
            status: stored.status,
            metadata: stored.metadata,
            created_at: stored.created_at,
        }
    }
}

impl Record {
    /// The write that makes a registration equal to this.
    pub fn draft(&self) -> Draft {
        Draft {
            config: self.config.clone(),
            status: self.status,
            metadata: Some(self.metadata.clone()),
            created_at: Some(self.created_at),
        }
    }

    /// Whether this is what was just written. The digests at the end of a move have the last word.
    pub(super) fn is_in(&self, stored: &Registration) -> bool {
        self.config == stored.config
            && self.status == stored.status
            && self.metadata == stored.metadata
    }

    /// What it has in common with what is equal to it.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        fingerprint(&self.id, &self.config, self.status, &self.metadata)
    }
}

/// The SHA-256 of what is compared of one registration: id, configuration, status and metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(stored: &Registration) -> Self {
        fingerprint(&stored.id, &stored.config, stored.status, &stored.metadata)
    }
}

fn fingerprint(
    id: &Id,
    config: &PortableConfig,
    status: Status,
    metadata: &Map<String, Value>,
) -> Fingerprint {
    // None of the parts but the last can hold a line break.
    let head = format!("{id}\n{status}\n{}\n", config.digest());
    let mut all = head.into_bytes();
    all.extend(canonical_json(metadata));
    Fingerprint(Sha256::digest(&all).into())
}

/// Tells whether two collections hold the same: equal if, and only if, ids, configurations, statuses and metadata are.
///
/// The SHA-256 of the fingerprints of all registrations in id order, as hex.
#[derive(Clone, PartialEq, Eq)]
pub struct ContentDigest(String);

impl ContentDigest {
    /// Takes a digest from where it was written down.
    pub(super) fn written(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Collects the fingerprints of a collection, in id order.
#[derive(Debug, Default)]
pub(super) struct Digesting {
    hash: Sha256,
    count: u64,
}

impl Digesting {
    pub(super) fn add(&mut self, next: Fingerprint) {
        self.hash.update(next.0);
        self.count += 1;
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn digest(self) -> ContentDigest {
        ContentDigest(hex(&self.hash.finalize()))
    }
}

/// Bytes as lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes all that is written to it");
        hex
    })
}

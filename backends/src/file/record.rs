//! What the journal tells, as it is written down.

use super::name::FileName;
use crate::ledger::Ledger;
use crate::stored::{StoredChange, StoredRegistration};
use crate::texts::to_text;
use chrono::{DateTime, Utc};
use hotbed_registry::{Change, Id, Registration};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::ffi::OsStr;

/// What this version writes, and all that it reads.
pub(super) const FORMAT: &str = "hotbed-journal/1";

/// One line of the journal. What it says happens as a whole or not at all.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Record {
    /// Always the first, and never elsewhere: the collection is empty, and this is its newest revision.
    Begin { format: String, head: u64 },
    /// Revisions, and what they did.
    Batch(Batch),
    /// All steps so far are done.
    Done,
    /// Accesses: id and microseconds.
    Touch(Vec<(String, i64)>),
    /// The log before this revision is forgotten.
    Forget(u64),
    /// The file system which the files are on.
    Device(u64),
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Batch {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    log: Vec<Logged>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    put: Vec<Kept>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    deleted: Vec<String>,
    /// Files that changed while what they say did not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    seen: Vec<(String, FileFacts)>,
    /// What is yet to be done to files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    steps: Vec<Step>,
}

/// Revision, id, kind, microseconds.
#[derive(Debug, Serialize, Deserialize)]
struct Logged(i64, String, String, i64);

/// A registration and its file. The configuration is parsed on its own, since it may be as deep as a parser goes.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    id: String,
    revision: i64,
    version: i64,
    status: String,
    created_at_us: i64,
    updated_at_us: i64,
    last_accessed_at_us: i64,
    metadata: Box<RawValue>,
    config: Box<RawValue>,
    file: FileFacts,
}

/// Which file holds a registration, and what it held last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileFacts {
    #[serde(with = "file_name")]
    pub(super) name: FileName,
    pub(super) sha256: String,
}

/// What a write does to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Step {
    pub(super) id: String,
    #[serde(with = "file_name")]
    pub(super) name: FileName,
    /// Under which the new content is staged.
    pub(super) mark: u64,
    /// The digest of what is there before; `None` for nothing.
    pub(super) was: Option<String>,
    /// The digest of what shall be there; `None` for nothing.
    pub(super) now: Option<String>,
}

/// A registration as it is read back.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) registration: Registration,
    pub(super) file: FileFacts,
    /// About how much of a journal it takes.
    pub(super) bytes: usize,
}

/// A batch as it is read back.
#[derive(Debug)]
pub(super) struct Understood {
    pub(super) log: Vec<Change>,
    pub(super) put: Vec<Entry>,
    pub(super) deleted: Vec<Id>,
    pub(super) seen: Vec<(Id, FileFacts)>,
    pub(super) steps: Vec<Step>,
}

impl Batch {
    /// What a ledger decided, with the files that what it wrote is in.
    pub(super) fn of(ledger: &Ledger, files: &HashMap<Id, FileFacts>) -> Self {
        let put = ledger.written().filter_map(|row| {
            let file = files.get(&row.registration.id)?.clone();
            Some(Kept::of(row.registration, &row.metadata, row.config, file))
        });
        Self {
            log: ledger.log.iter().map(Logged::of).collect(),
            put: put.collect(),
            deleted: ledger.deleted().map(|id| id.as_str().to_owned()).collect(),
            ..Self::default()
        }
    }

    pub(super) fn of_log<'c>(log: impl Iterator<Item = &'c Change>) -> Self {
        Self {
            log: log.map(Logged::of).collect(),
            ..Self::default()
        }
    }

    pub(super) fn of_entry(entry: &Entry) -> Self {
        let it = &entry.registration;
        let (metadata, config) = (to_text(&it.metadata), to_text(it.config.as_map()));
        Self {
            put: vec![Kept::of(it, &metadata, &config, entry.file.clone())],
            ..Self::default()
        }
    }

    /// How many revisions it makes.
    pub(super) fn revisions(&self) -> usize {
        self.log.len()
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    #[must_use]
    pub(super) fn with_steps(self, steps: Vec<Step>) -> Self {
        Self { steps, ..self }
    }

    pub(super) fn see(&mut self, id: &Id, file: FileFacts) {
        self.seen.push((id.as_str().to_owned(), file));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.log.is_empty() && self.seen.is_empty() && self.steps.is_empty()
    }

    pub(super) fn understand(self) -> Result<Understood, String> {
        let id = |text: String| Id::new(&text).map_err(|error| error.to_string());
        let seen = |(text, file)| Ok((id(text)?, file));
        Ok(Understood {
            log: all(self.log, Logged::understand)?,
            put: all(self.put, Kept::understand)?,
            deleted: all(self.deleted, id)?,
            seen: all(self.seen, seen)?,
            steps: self.steps,
        })
    }
}

fn all<A, B>(from: Vec<A>, each: impl FnMut(A) -> Result<B, String>) -> Result<Vec<B>, String> {
    from.into_iter().map(each).collect()
}

impl Logged {
    fn of(change: &Change) -> Self {
        Self(
            change.revision.0.cast_signed(),
            change.id.as_str().to_owned(),
            change.kind.as_str().to_owned(),
            change.at.timestamp_micros(),
        )
    }

    fn understand(self) -> Result<Change, String> {
        let Self(revision, id, kind, at) = self;
        let stored = StoredChange {
            id: &id,
            revision,
            kind: &kind,
            at: time(at)?,
        };
        stored.understand()
    }
}

impl Kept {
    fn of(it: &Registration, metadata: &str, config: &str, file: FileFacts) -> Self {
        let raw = |text: &str| {
            RawValue::from_string(text.to_owned()).expect("a map that was written is JSON")
        };
        Self {
            id: it.id.as_str().to_owned(),
            revision: it.revision.0.cast_signed(),
            version: it.version.cast_signed(),
            status: it.status.as_str().to_owned(),
            created_at_us: it.created_at.timestamp_micros(),
            updated_at_us: it.updated_at.timestamp_micros(),
            last_accessed_at_us: it.last_accessed_at.timestamp_micros(),
            metadata: raw(metadata),
            config: raw(config),
            file,
        }
    }

    fn understand(self) -> Result<Entry, String> {
        let stored = StoredRegistration {
            id: &self.id,
            revision: self.revision,
            version: self.version,
            status: &self.status,
            created_at: time(self.created_at_us)?,
            updated_at: time(self.updated_at_us)?,
            last_accessed_at: time(self.last_accessed_at_us)?,
            metadata: self.metadata.get(),
            config: Some(self.config.get()),
        };
        let bytes = self.metadata.get().len() + self.config.get().len();
        Ok(Entry {
            registration: stored.understand()?,
            file: self.file,
            bytes: bytes + 400,
        })
    }
}

pub(super) fn time(micros: i64) -> Result<DateTime<Utc>, String> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| format!("{micros} is no time"))
}

mod file_name {
    use super::{FileName, OsStr};
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(name: &FileName, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(name.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<FileName, D::Error> {
        let text = String::deserialize(from)?;
        // One that leads elsewhere was not written by us.
        let inside = !text.contains(['/', '\\', '\0']);
        FileName::found(OsStr::new(&text))
            .filter(|_| inside)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is no name of a file here")))
    }
}

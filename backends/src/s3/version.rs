//! The object of one version of a registration, JSON.

use super::link::Link;
use crate::stored::{StoredRegistration, note};
use crate::texts::note_to_text;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use hotbed_registry::{ChangeNote, Id, Past, Registration, Revision};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

const FORMAT: u32 = 1;
/// Earlier versions that one names at most. The first is enough to find the others, but one after another.
const EARLIER: usize = 16;

/// What one write made of a registration, and where to find what was before it.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) past: Past,
    /// The versions before it, newest first, as far as it knows: the first of them at least, if there is one.
    pub(super) earlier: Vec<Link>,
    /// Its length in bytes as it is stored.
    pub(super) size: usize,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    id: String,
    revision: i64,
    at: i64,
    /// `None` for a deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    written: Option<StoredWritten>,
    /// Of a deletion: metadata that hold its note, if anything was said. Older programs neither write nor mind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted: Option<Box<RawValue>>,
    earlier: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredWritten {
    version: i64,
    status: String,
    created_at: i64,
    metadata: Box<RawValue>,
    config: Box<RawValue>,
}

/// What follows a version and is known of those before.
pub(super) fn earlier(last: Link, before: &[Link]) -> Vec<Link> {
    std::iter::once(last)
        .chain(before.iter().cloned())
        .take(EARLIER)
        .collect()
}

/// The object of a write. The texts are JSON.
pub(super) fn encode_written(
    it: &Registration,
    config: &str,
    metadata: &str,
    earlier: &[Link],
) -> Bytes {
    let written = StoredWritten {
        version: it.version.cast_signed(),
        status: it.status.as_str().to_owned(),
        created_at: it.created_at.timestamp_micros(),
        metadata: raw(metadata),
        config: raw(config),
    };
    encode(&Stored {
        written: Some(written),
        ..Stored::new(&it.id, it.revision, it.updated_at, earlier)
    })
}

/// The object of a deletion.
pub(super) fn encode_deleted(id: &Id, link: &Link, note: &ChangeNote, earlier: &[Link]) -> Bytes {
    encode(&Stored {
        deleted: note_to_text(note).map(|text| raw(&text)),
        ..Stored::new(id, link.revision, link.at, earlier)
    })
}

impl Stored {
    /// Of neither a version nor a deletion yet.
    fn new(id: &Id, revision: Revision, at: DateTime<Utc>, earlier: &[Link]) -> Self {
        Self {
            format: FORMAT,
            id: id.as_str().to_owned(),
            revision: revision.0.cast_signed(),
            at: at.timestamp_micros(),
            written: None,
            deleted: None,
            earlier: earlier.iter().map(Link::name).collect(),
        }
    }
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).expect("it was written as JSON")
}

fn encode(stored: &Stored) -> Bytes {
    serde_json::to_vec(stored)
        .expect("it has text keys and is written to memory")
        .into()
}

/// Reads the object that a link names; the error says what is wrong with it.
pub(super) fn decode(id: &Id, link: &Link, body: &[u8]) -> Result<Version, String> {
    let stored: Stored = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let is_it = stored.id == id.as_str()
        && stored.revision == link.revision.0.cast_signed()
        && stored.at == link.at.timestamp_micros();
    if stored.format != FORMAT || !is_it {
        return Err("it holds something else than its key says".into());
    }
    let past = match stored.written {
        Some(written) => {
            let stored = StoredRegistration {
                id: &stored.id,
                revision: stored.revision,
                version: written.version,
                status: &written.status,
                created_at: DateTime::from_timestamp_micros(written.created_at)
                    .ok_or("its time of creation is none")?,
                updated_at: link.at,
                last_accessed_at: link.at,
                metadata: written.metadata.get(),
                config: Some(written.config.get()),
            };
            Past::Written(Box::new(stored.understand()?))
        }
        None => Past::Deleted {
            id: id.clone(),
            revision: link.revision,
            at: link.at,
            note: note(stored.deleted.as_deref().map(RawValue::get))?,
        },
    };
    let earlier = stored
        .earlier
        .iter()
        .map(|name| Link::parse(name).ok_or_else(|| format!("{name:?} names no version")))
        .collect::<Result<_, _>>()?;
    Ok(Version {
        past,
        earlier,
        size: body.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it has been stored since there are buckets.
    const DELETED: &str = r#"{"format":1,"id":"a","revision":7,"at":1767323045123456,"earlier":["5-1767323045000000-ab"]}"#;

    #[test]
    fn a_deletion_without_a_note_is_stored_as_ever_and_one_with_a_note_beside_it() {
        let id = Id::new("a").unwrap();
        let at = DateTime::from_timestamp_micros(1_767_323_045_123_456).unwrap();
        let link = Link::new(Revision(7), at, &"cd".into());
        let earlier = [Link::parse("5-1767323045000000-ab").unwrap()];
        let noted = ChangeNote {
            by: Some("ada".into()),
            reason: None,
        };
        let told = |body: &[u8]| decode(&id, &link, body).unwrap().past.note();
        let plain = encode_deleted(&id, &link, &ChangeNote::NONE, &earlier);
        assert_eq!(plain, DELETED);
        assert_eq!(told(&plain), ChangeNote::NONE);
        let body = encode_deleted(&id, &link, &noted, &earlier);
        let with_note =
            DELETED.replace("\"earlier\"", r#""deleted":{"changed_by":"ada"},"earlier""#);
        assert_eq!(body, with_note);
        assert_eq!(told(&body), noted);
    }
}

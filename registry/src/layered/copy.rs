//! What in the overlay is only a copy of the base.

use crate::{Draft, Error, Id, Past, Registration};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The metadata key of the mark. Its value is the digest of what was copied: whoever writes over a copy makes it
/// another, by whatever way they came to it.
const MARK: &str = "hotbed.base";

/// What the overlay is to hold of a registration of the base.
pub(super) fn of(base: Registration) -> Draft {
    let mut metadata = base.metadata;
    metadata.remove(MARK);
    let digest = digest(base.config.digest(), base.status.as_str(), &metadata);
    metadata.insert(MARK.to_owned(), digest.into());
    Draft {
        config: base.config,
        status: base.status,
        metadata: Some(metadata),
        created_at: Some(base.created_at),
    }
}

/// Whether a registration of the overlay is a copy, of whatever the base was then.
pub(super) fn is_one(overlay: &Registration) -> bool {
    let Some(Value::String(mark)) = overlay.metadata.get(MARK) else {
        return false;
    };
    let mut metadata = overlay.metadata.clone();
    metadata.remove(MARK);
    *mark == digest(overlay.config.digest(), overlay.status.as_str(), &metadata)
}

/// Whether a copy says what the base does now.
pub(super) fn is_of(overlay: &Registration, base: &Registration) -> bool {
    let draft = of(base.clone());
    draft
        .metadata
        .is_some_and(|it| it.get(MARK) == overlay.metadata.get(MARK))
}

/// Whether a registration carries a mark, which may no longer be true of it.
pub(super) fn is_marked(overlay: &Registration) -> bool {
    overlay.metadata.contains_key(MARK)
}

/// A registration of the overlay as it is seen from outside.
pub(super) fn shown(mut overlay: Registration) -> Registration {
    overlay.metadata.remove(MARK);
    overlay
}

pub(super) fn shown_past(past: Past) -> Past {
    match past {
        Past::Written(written) => Past::Written(Box::new(shown(*written))),
        deleted @ Past::Deleted { .. } => deleted,
    }
}

/// Refuses a draft that would pass for a copy.
pub(super) fn refuse_mark(id: &Id, draft: &Draft) -> Result<(), Error> {
    match &draft.metadata {
        Some(metadata) if metadata.contains_key(MARK) => Err(Error::Refused {
            id: id.clone(),
            problems: vec![format!(
                "its metadata holds {MARK:?}, which marks what was copied from the base: remove the key"
            )],
        }),
        _ => Ok(()),
    }
}

fn digest(config: &str, status: &str, metadata: &Map<String, Value>) -> String {
    let mut metadata = Value::Object(metadata.clone());
    metadata.sort_all_objects();
    let digest = Sha256::digest(format!("{config} {status} {metadata}"));
    digest[..16].iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes what is written to it");
        hex
    })
}

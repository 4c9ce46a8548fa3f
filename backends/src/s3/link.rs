use chrono::{DateTime, Utc};
use hotbed_registry::{Id, Revision};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What an id may keep of itself in a key, beside letters of ASCII and digits.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Names the object of one version of a registration: no two attempts to write one share it, so what it names is
/// written once and never changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Link {
    pub(super) revision: Revision,
    /// When that was written.
    pub(super) at: DateTime<Utc>,
    mark: Arc<str>,
}

impl Link {
    pub(super) fn new(revision: Revision, at: DateTime<Utc>, mark: &Arc<str>) -> Self {
        Self {
            revision,
            at,
            mark: Arc::clone(mark),
        }
    }

    /// The link as text.
    pub(super) fn name(&self) -> String {
        let (revision, at) = (self.revision.0, self.at.timestamp_micros());
        format!("{revision}-{at}-{}", self.mark)
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        let (revision, rest) = name.split_once('-')?;
        let (at, mark) = rest.split_once('-')?;
        Some(Self {
            revision: Revision(revision.parse().ok()?),
            at: DateTime::from_timestamp_micros(at.parse().ok()?)?,
            mark: mark.into(),
        })
    }

    /// The key of the object, below the collection's own.
    pub(super) fn key(&self, id: &Id) -> String {
        let id = utf8_percent_encode(id.as_str(), ESCAPED);
        format!("versions/{id}/{}", self.name())
    }

    /// What a key below `versions/` names, if it is one of ours.
    pub(super) fn of_key(key: &str) -> Option<(Id, Self)> {
        let (id, name) = key.split_once('/')?;
        let id = percent_decode_str(id).decode_utf8().ok()?;
        Some((Id::new(&id).ok()?, Self::parse(name)?))
    }
}

/// Marks everything that one handle on a store writes, so that it knows its own.
#[derive(Debug)]
pub(super) struct Marks {
    writer: String,
    count: AtomicU64,
}

impl Marks {
    pub(super) fn new() -> Self {
        Self {
            writer: format!("{:016x}", rand::random::<u64>()),
            count: AtomicU64::new(0),
        }
    }

    pub(super) fn writer(&self) -> &str {
        &self.writer
    }

    /// A number that was never given before.
    pub(super) fn next(&self) -> u64 {
        self.count.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A mark that nobody else has.
    pub(super) fn mark(&self) -> Arc<str> {
        format!("{}{:x}", self.writer, self.next()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_and_its_key_are_read_back() {
        let marks = Marks::new();
        let link = Link::new(Revision(42), Utc::now(), &marks.mark());
        let link = Link::parse(&link.name()).unwrap();
        for id in ["a", "my bot", "größe", "...", "a:b@c~\"'", &"ß".repeat(128)] {
            let id = Id::new(id).unwrap();
            let key = link.key(&id);
            assert!(key.is_ascii() && key.matches('/').count() == 2, "{key}");
            let below = key.strip_prefix("versions/").unwrap();
            assert_eq!(Link::of_key(below), Some((id, link.clone())));
        }
        for strange in ["", "a", "a/b", "a/1-2", "a/x-2-y", "%ff/1-2-y", "%2f/1-2-y"] {
            assert_eq!(Link::of_key(strange), None, "{strange}");
        }
        assert_ne!(marks.mark(), marks.mark());
    }
}

//! The index and its base as they are stored, JSON both.
//!
//! The index is small: the writes since the base, and a few words beside them. The base is everything as it was at one
//! revision, and never changes. A reader that has seen the collection before needs only the index.

use super::link::Link;
use super::state::{Brief, Entry, Op, State};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use hotbed_registry::{Change, ChangeKind, Id, Revision, Status};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

/// The format that this program writes, and the only one there ever was.
const FORMAT: u32 = 1;
/// Writers that the index remembers, the last to write being the last.
pub(super) const WRITERS: usize = 64;

/// The index, but for what its writes come to.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Tells this index from another that once stood in its place. New also when the base forgets something that the
    /// writes do not tell of, so that whoever remembers it reads the base again.
    pub(super) lineage: String,
    /// How many times it was replaced.
    pub(super) generation: u64,
    /// The newest revision that the log no longer tells.
    pub(super) forgotten: Revision,
    /// The name of the base, if there is one.
    pub(super) base: Option<String>,
    /// The base before this one, for those who are about to read it.
    pub(super) retired: Option<String>,
    /// The writes after this revision are told here.
    pub(super) since: Revision,
    pub(super) ops: Vec<Arc<Op>>,
    /// For each writer the number of its last attempt that was the one to replace the index: how it learns what became
    /// of it when the answer was lost.
    pub(super) writers: VecDeque<(String, u64)>,
}

#[derive(Serialize, Deserialize)]
struct StoredIndex<'t> {
    format: u32,
    lineage: Cow<'t, str>,
    generation: u64,
    forgotten: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retired: Option<String>,
    since: u64,
    writers: VecDeque<(String, u64)>,
    ops: Vec<StoredOp<'t>>,
}

#[derive(Serialize, Deserialize)]
struct StoredOp<'t> {
    kind: Cow<'t, str>,
    it: StoredEntry<'t>,
}

/// Short names: there may be a hundred thousand of it.
#[derive(Serialize, Deserialize)]
struct StoredEntry<'t> {
    id: Cow<'t, str>,
    at: Cow<'t, str>,
    /// `None` for a deletion.
    #[serde(default, rename = "v", skip_serializing_if = "Option::is_none")]
    written: Option<StoredBrief<'t>>,
}

#[derive(Serialize, Deserialize)]
struct StoredBrief<'t> {
    #[serde(rename = "n")]
    version: u64,
    #[serde(rename = "s")]
    status: Cow<'t, str>,
    #[serde(rename = "c")]
    created_at: i64,
    /// An object, or `false` where it is with the configuration.
    #[serde(rename = "m")]
    metadata: Box<RawValue>,
}

#[derive(Serialize, Deserialize)]
struct StoredBase<'t> {
    format: u32,
    head: u64,
    entries: Vec<StoredEntry<'t>>,
    deleted: Vec<(Cow<'t, str>, Cow<'t, str>)>,
    /// Who, what and when; ends with the head.
    log: Vec<(Cow<'t, str>, Cow<'t, str>, i64)>,
}

impl Index {
    /// The index as it is stored.
    pub(super) fn encode(&self) -> Bytes {
        let stored = StoredIndex {
            format: FORMAT,
            lineage: (&self.lineage).into(),
            generation: self.generation,
            forgotten: self.forgotten.0,
            base: self.base.clone(),
            retired: self.retired.clone(),
            since: self.since.0,
            writers: self.writers.clone(),
            ops: self.ops.iter().map(|op| StoredOp::of(op)).collect(),
        };
        to_bytes(&stored)
    }

    /// Reads an index; the error says what is wrong with it.
    pub(super) fn decode(body: &[u8]) -> Result<Self, String> {
        let stored: StoredIndex<'_> = parse(body)?;
        let index = Self {
            lineage: stored.lineage.into_owned(),
            generation: stored.generation,
            forgotten: Revision(stored.forgotten),
            base: stored.base,
            retired: stored.retired,
            since: Revision(stored.since),
            writers: stored.writers,
            ops: stored
                .ops
                .into_iter()
                .map(|op| op.understand().map(Arc::new))
                .collect::<Result<_, _>>()?,
        };
        let told = index.ops.iter().map(|op| op.link.revision.0);
        if told.eq((index.since.0..).skip(1).take(index.ops.len())) {
            Ok(index)
        } else {
            Err("its writes are not in order".into())
        }
    }

    /// The newest revision.
    pub(super) fn head(&self) -> Revision {
        self.ops.last().map_or(self.since, |op| op.link.revision)
    }

    /// The number of a writer's last attempt that succeeded; `None` if it is not known any more.
    pub(super) fn last_attempt(&self, writer: &str) -> Option<u64> {
        let found = self.writers.iter().find(|(name, _)| name == writer);
        match found {
            Some((_, attempt)) => Some(*attempt),
            None if self.writers.len() < WRITERS => Some(0),
            None => None,
        }
    }

    /// Notes an attempt of a writer, as a part of it.
    pub(super) fn sign(&mut self, writer: &str, attempt: u64) {
        self.writers.retain(|(name, _)| name != writer);
        if self.writers.len() == WRITERS {
            self.writers.pop_front();
        }
        self.writers.push_back((writer.to_owned(), attempt));
    }
}

/// The base that says what a state does.
pub(super) fn encode_base(state: &State) -> Bytes {
    let entries = state.entries.iter();
    let stored = StoredBase {
        format: FORMAT,
        head: state.head.0,
        entries: entries
            .map(|(id, entry)| StoredEntry::of(id, &entry.link, Some(&entry.brief())))
            .collect(),
        deleted: state
            .deleted
            .iter()
            .map(|(id, link)| (id.as_str().into(), link.name().into()))
            .collect(),
        log: state
            .log
            .iter()
            .map(|it| {
                let at = it.at.timestamp_micros();
                (it.id.as_str().into(), it.kind.as_str().into(), at)
            })
            .collect(),
    };
    to_bytes(&stored)
}

/// Reads a base; the error says what is wrong with it.
pub(super) fn decode_base(body: &[u8]) -> Result<State, String> {
    let stored: StoredBase<'_> = parse(body)?;
    let mut state = State {
        head: Revision(stored.head),
        ..State::default()
    };
    for entry in stored.entries {
        let (id, link, brief) = entry.understand()?;
        let brief = brief.ok_or("an entry lacks its status")?;
        let entry = Entry::new(&id, &link, &brief);
        state.entries.insert(id, entry);
    }
    for (id, link) in stored.deleted {
        state
            .deleted
            .insert(understand_id(&id)?, understand_link(&link)?);
    }
    let told = stored.log.len() as u64;
    let before = stored
        .head
        .checked_sub(told)
        .ok_or("its log is longer than it can be")?;
    for (revision, (id, kind, at)) in (before + 1..).zip(stored.log) {
        state.log.push_back(Change {
            id: understand_id(&id)?,
            revision: Revision(revision),
            kind: understand_kind(&kind)?,
            at: time(at)?,
        });
    }
    Ok(state)
}

impl<'t> StoredOp<'t> {
    fn of(op: &'t Op) -> Self {
        Self {
            kind: op.kind.as_str().into(),
            it: StoredEntry::of(&op.id, &op.link, op.written.as_ref()),
        }
    }

    fn understand(self) -> Result<Op, String> {
        let kind = understand_kind(&self.kind)?;
        let (id, link, written) = self.it.understand()?;
        if written.is_none() != (kind == ChangeKind::Deleted) {
            return Err(format!("the write of {id:?} is half a deletion"));
        }
        Ok(Op {
            id,
            kind,
            link,
            written,
        })
    }
}

impl<'t> StoredEntry<'t> {
    fn of(id: &'t Id, link: &Link, brief: Option<&Brief>) -> Self {
        Self {
            id: id.as_str().into(),
            at: link.name().into(),
            written: brief.map(|brief| StoredBrief {
                version: brief.version,
                status: brief.status.as_str().into(),
                created_at: brief.created_at.timestamp_micros(),
                metadata: match &brief.metadata {
                    Some(metadata) => serde_json::value::to_raw_value(metadata),
                    None => serde_json::value::to_raw_value(&false),
                }
                .expect("JSON values have text keys and write to memory"),
            }),
        }
    }

    fn understand(self) -> Result<(Id, Link, Option<Brief>), String> {
        let id = understand_id(&self.id)?;
        let link = understand_link(&self.at)?;
        let brief = self.written.map(StoredBrief::understand).transpose();
        let brief = brief.map_err(|reason| format!("{id:?}: {reason}"))?;
        Ok((id, link, brief))
    }
}

impl StoredBrief<'_> {
    fn understand(self) -> Result<Brief, String> {
        let metadata = match self.metadata.get() {
            "false" => None,
            text => {
                Some(serde_json::from_str(text).map_err(|error| format!("its metadata: {error}"))?)
            }
        };
        Ok(Brief {
            version: self.version,
            status: self
                .status
                .parse::<Status>()
                .map_err(|error| error.to_string())?,
            created_at: time(self.created_at)?,
            metadata,
        })
    }
}

fn understand_id(text: &str) -> Result<Id, String> {
    Id::new(text).map_err(|error| error.to_string())
}

fn understand_link(text: &str) -> Result<Link, String> {
    Link::parse(text).ok_or_else(|| format!("{text:?} names no version"))
}

fn understand_kind(text: &str) -> Result<ChangeKind, String> {
    text.parse()
        .map_err(|()| format!("the kind {text:?} is unknown"))
}

fn time(micros: i64) -> Result<DateTime<Utc>, String> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| format!("{micros} is no time"))
}

fn to_bytes(stored: &impl Serialize) -> Bytes {
    serde_json::to_vec(stored)
        .expect("it has text keys and is written to memory")
        .into()
}

fn parse<'t, T: Deserialize<'t>>(body: &'t [u8]) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    serde_json::from_slice(body).map_err(|error| {
        // A newer program may have written something else altogether; then say that.
        match serde_json::from_slice::<Format>(body) {
            Ok(Format { format }) if format != FORMAT => {
                format!("it is of format {format}, which a newer version wrote: use that version")
            }
            _ => error.to_string(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::link::Marks;
    use super::*;
    use serde_json::json;

    fn op(marks: &Marks, revision: u64, name: &str, written: Option<Brief>) -> Arc<Op> {
        let at = DateTime::from_timestamp_micros(1_700_000_000_000_000).unwrap();
        Arc::new(Op {
            id: Id::new(name).unwrap(),
            kind: match (revision, &written) {
                (_, None) => ChangeKind::Deleted,
                (1, _) => ChangeKind::Created,
                _ => ChangeKind::Updated,
            },
            link: Link::new(Revision(revision), at, &marks.mark()),
            written,
        })
    }

    fn brief(metadata: Option<serde_json::Value>) -> Brief {
        let created_at = DateTime::from_timestamp_micros(1_600_000_000_000_001).unwrap();
        Brief {
            version: 3,
            status: Status::Inactive,
            created_at,
            metadata: metadata.map(|it| it.as_object().unwrap().clone()),
        }
    }

    /// Some writes, and what they come to.
    fn story() -> (Vec<Arc<Op>>, State) {
        let marks = Marks::new();
        let odd =
            json!({"n": 1e300, "u": u64::MAX, "nul": "a\0b", "o": {"b": [null, false], "a": 0.1}});
        let ops = vec![
            op(&marks, 1, "a", Some(brief(Some(json!({}))))),
            op(&marks, 2, "größe \"x\"", Some(brief(Some(odd)))),
            op(&marks, 3, "a", None),
            op(&marks, 4, "long", Some(brief(None))),
        ];
        let mut state = State::default();
        assert!(ops.iter().all(|op| state.apply(op)));
        (ops, state)
    }

    #[test]
    fn an_index_and_its_base_are_read_back() {
        let (ops, mut state) = story();
        let mut index = Index {
            lineage: "x".into(),
            generation: 7,
            forgotten: Revision(1),
            base: Some("7-x".into()),
            retired: Some("6-x".into()),
            since: Revision(0),
            ops,
            writers: VecDeque::new(),
        };
        index.sign("me", 41);
        index.sign("you", 1);
        index.sign("me", 42);
        let read = Index::decode(&index.encode()).unwrap();
        assert_eq!(format!("{read:?}"), format!("{index:?}"));
        assert_eq!(read.head(), Revision(4));
        assert_eq!(
            (read.last_attempt("me"), read.last_attempt("him")),
            (Some(42), Some(0))
        );
        for forgotten in 0..5 {
            state.forget(Revision(forgotten));
            let read = decode_base(&encode_base(&state)).unwrap();
            assert_eq!(format!("{read:?}"), format!("{state:?}"));
        }
    }

    #[test]
    fn a_writer_that_was_forgotten_is_told_so() {
        let mut index = Index::default();
        for n in 0..=WRITERS as u64 {
            index.sign(&format!("writer-{n}"), n);
        }
        assert_eq!(index.last_attempt("writer-0"), None);
        assert_eq!(index.last_attempt("writer-1"), Some(1));
        assert_eq!(index.writers.len(), WRITERS);
    }

    #[test]
    fn what_is_not_an_index_or_a_base_is_refused_with_a_reason() {
        let (ops, state) = story();
        let gap = Index {
            ops: vec![Arc::clone(&ops[0]), Arc::clone(&ops[2])],
            ..Index::default()
        };
        for bad in [&b""[..], b"{}", b"{\"format\":1}", b"\xff", &gap.encode()] {
            assert!(Index::decode(bad).is_err());
            assert!(decode_base(bad).is_err());
        }
        let newer = Index::decode(br#"{"format":2,"anything":[]}"#).unwrap_err();
        assert!(newer.contains("a newer version wrote"), "{newer}");
        let base = String::from_utf8(encode_base(&state).to_vec()).unwrap();
        for (from, to) in [
            ("\"head\":4", "\"head\":3"),
            ("inactive", "odd"),
            ("created", "odd"),
            ("\"long\"", "\"..\""),
        ] {
            assert!(base.contains(from), "{from}");
            assert!(
                decode_base(base.replace(from, to).as_bytes()).is_err(),
                "{from}"
            );
        }
    }
}

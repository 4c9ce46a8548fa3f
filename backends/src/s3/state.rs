use super::link::Link;
use chrono::{DateTime, Utc};
use hotbed_registry::{
    Change, ChangeKind, Changes, Id, PortableConfig, Registration, Revision, Status,
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// One collection, but for the configurations: what the index says.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) head: Revision,
    pub(super) entries: BTreeMap<Id, Entry>,
    /// What was deleted and is remembered for its past.
    pub(super) deleted: HashMap<Id, Link>,
    /// Ends with the head.
    pub(super) log: VecDeque<Change>,
}

/// A registration as far as the index tells it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Without its configuration, and without its metadata where that is in the object only.
    pub(super) registration: Registration,
    pub(super) link: Link,
    pub(super) metadata: Place,
}

/// Where the metadata of a registration is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Index,
    /// It is too large for the index.
    Object,
}

/// One write, as the index tells it: an entry of the log, and what it made of the registration.
#[derive(Debug)]
pub(super) struct Op {
    pub(super) id: Id,
    pub(super) kind: ChangeKind,
    pub(super) link: Link,
    /// `None` for a deletion.
    pub(super) written: Option<Brief>,
}

/// What a write says of a registration beside its configuration.
#[derive(Debug, Clone)]
pub(super) struct Brief {
    pub(super) version: u64,
    pub(super) status: Status,
    pub(super) created_at: DateTime<Utc>,
    /// `None` if it is too large for the index.
    pub(super) metadata: Option<Map<String, Value>>,
}

impl Entry {
    pub(super) fn new(id: &Id, link: &Link, brief: &Brief) -> Self {
        Self {
            registration: Registration {
                id: id.clone(),
                config: PortableConfig::from_map(Map::new())
                    .expect("nothing is nested in an empty object"),
                status: brief.status,
                metadata: brief.metadata.clone().unwrap_or_default(),
                revision: link.revision,
                version: brief.version,
                created_at: brief.created_at,
                updated_at: link.at,
                last_accessed_at: link.at,
            },
            link: link.clone(),
            metadata: match brief.metadata {
                Some(_) => Place::Index,
                None => Place::Object,
            },
        }
    }

    pub(super) fn brief(&self) -> Brief {
        let it = &self.registration;
        Brief {
            version: it.version,
            status: it.status,
            created_at: it.created_at,
            metadata: (self.metadata == Place::Index).then(|| it.metadata.clone()),
        }
    }
}

impl State {
    /// Takes the next write; one that it has already is passed over. `false` if some before it are missing.
    pub(super) fn apply(&mut self, op: &Op) -> bool {
        if op.link.revision <= self.head {
            return true;
        }
        if op.link.revision != self.head.next() {
            return false;
        }
        self.head = op.link.revision;
        if let Some(brief) = &op.written {
            self.deleted.remove(&op.id);
            self.entries
                .insert(op.id.clone(), Entry::new(&op.id, &op.link, brief));
        } else {
            self.entries.remove(&op.id);
            self.deleted.insert(op.id.clone(), op.link.clone());
        }
        self.log.push_back(Change {
            id: op.id.clone(),
            revision: op.link.revision,
            kind: op.kind,
            at: op.link.at,
        });
        true
    }

    /// The newest version of an id, also if that is its deletion.
    pub(super) fn newest(&self, id: &Id) -> Option<&Link> {
        self.entries
            .get(id)
            .map(|entry| &entry.link)
            .or_else(|| self.deleted.get(id))
    }

    /// Forgets the log up to a revision.
    pub(super) fn forget(&mut self, until: Revision) {
        while self
            .log
            .front()
            .is_some_and(|oldest| oldest.revision <= until)
        {
            self.log.pop_front();
        }
    }

    /// The oldest revision in the log, or the one after the head.
    pub(super) fn oldest(&self) -> Revision {
        self.log
            .front()
            .map_or(self.head.next(), |change| change.revision)
    }

    /// The entry of the log at a revision.
    pub(super) fn told(&self, revision: Revision) -> Option<&Change> {
        let skip = revision.0.checked_sub(self.oldest().0)?;
        self.log.get(usize::try_from(skip).ok()?)
    }

    pub(super) fn changes(&self, after: Revision, limit: usize) -> Changes {
        let (oldest, head) = (self.oldest(), self.head);
        if after > head || after.next() < oldest {
            return Changes::Compacted { oldest, head };
        }
        let skip = usize::try_from(after.next().0 - oldest.0).unwrap_or(usize::MAX);
        Changes::Log {
            changes: self.log.iter().skip(skip).take(limit).cloned().collect(),
            head,
        }
    }

    /// Notes an access of what stands at exactly this revision.
    pub(super) fn touch(&mut self, id: &Id, revision: Revision, at: DateTime<Utc>) {
        if let Some(entry) = self.entries.get_mut(id)
            && entry.registration.revision == revision
        {
            let noted = &mut entry.registration.last_accessed_at;
            *noted = at.max(*noted);
        }
    }
}

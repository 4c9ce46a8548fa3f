//! What the writes of one transaction come to, decided one after another on what is stored. No I/O.

#[cfg_attr(
    not(any(feature = "postgres", feature = "sqlite")),
    expect(dead_code, reason = "files keep no history")
)]
mod past;

use crate::job::Task;
use crate::stored::Unreadable;
use crate::texts::{Texts, note_to_text, to_text};
use chrono::{DateTime, SubsecRound, Utc};
use hotbed_registry::{
    Change, ChangeKind, ChangeNote, Draft, Error, Id, Precondition, Registration, Revision,
};
pub(crate) use past::{Gone, PastWrite};
use std::collections::HashMap;

/// One collection as a transaction finds it and leaves it.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) head: Revision,
    pub(crate) log: Vec<Change>,
    /// The writes that stand no longer, and the deletions, in their order.
    pub(crate) past: Vec<PastWrite>,
    rows: HashMap<Id, Row>,
    now: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct Row {
    /// What the next write finds; kept apart from the rest, which may be unreadable.
    revision: Option<Revision>,
    registration: Option<Result<Registration, Unreadable>>,
    fate: Fate,
}

/// What the transaction does to a row.
#[derive(Debug, Default)]
enum Fate {
    #[default]
    Untouched,
    /// Writes it, with these texts.
    Written {
        config: String,
        metadata: Option<String>,
    },
    Deleted,
}

/// A row as it is to be written.
#[derive(Debug)]
pub(crate) struct Written<'a> {
    pub(crate) registration: &'a Registration,
    pub(crate) metadata: String,
    pub(crate) config: &'a str,
}

impl Ledger {
    pub(crate) fn new(head: Revision, now: DateTime<Utc>) -> Self {
        Self {
            head,
            log: Vec::new(),
            past: Vec::new(),
            rows: HashMap::new(),
            now: now.trunc_subsecs(6),
        }
    }

    /// Adds what is stored of an id before anything is decided.
    pub(crate) fn found(
        &mut self,
        id: Id,
        revision: Revision,
        stored: Result<Registration, Unreadable>,
    ) {
        let row = Row {
            revision: Some(revision),
            registration: Some(stored),
            fate: Fate::Untouched,
        };
        self.rows.insert(id, row);
    }

    /// Adds that something nobody understands stands where an id would be written.
    #[cfg(feature = "file")]
    pub(crate) fn in_the_way(&mut self, id: Id, unreadable: Unreadable) {
        let row = Row {
            registration: Some(Err(unreadable)),
            ..Row::default()
        };
        self.rows.insert(id, row);
    }

    /// What the next write of an id finds.
    #[cfg(feature = "file")]
    pub(crate) fn current(&self, id: &Id) -> Option<&Registration> {
        self.rows.get(id)?.registration.as_ref()?.as_ref().ok()
    }

    /// Whether the next write of an id will be done.
    #[cfg(feature = "file")]
    pub(crate) fn admits(&self, id: &Id, when: Precondition) -> bool {
        match self.rows.get(id) {
            Some(row) => when.holds(row.revision) && !matches!(row.registration, Some(Err(_))),
            None => when.holds(None),
        }
    }

    /// Decides a task that writes; others are left alone.
    pub(crate) fn decide(&mut self, task: &mut Task) {
        match task {
            Task::Put {
                id,
                draft,
                when,
                answer,
            } => {
                if let Some((draft, texts)) = draft.take().map(|taken| *taken) {
                    answer.settle(self.put(id, draft, texts, *when));
                }
            }
            Task::Delete {
                id,
                when,
                note,
                answer,
            } => answer.settle(self.delete(id, *when, note)),
            Task::Touch { .. } | Task::Forget { .. } | Task::ForgetPast { .. } => {}
        }
    }

    pub(crate) fn put(
        &mut self,
        id: &Id,
        draft: Draft,
        texts: Texts,
        when: Precondition,
    ) -> Result<Registration, Error> {
        let row = self.rows.entry(id.clone()).or_default();
        row.expect(id, when)?;
        let before = match &row.registration {
            Some(Err(unreadable)) => return Err(unreadable.clone().into()),
            Some(Ok(before)) => Some(before),
            None => None,
        };
        let kind = ChangeKind::of_write(before.map(|old| old.status), draft.status);
        let written = draft.apply(id, before, self.head.next(), self.now);
        row.revision = Some(written.revision);
        let fate = Fate::Written {
            config: texts.config,
            metadata: texts.metadata,
        };
        let replaced = Gone::of(
            id,
            row.registration.replace(Ok(written.clone())),
            std::mem::replace(&mut row.fate, fate),
        );
        let (by, at) = (written.revision, written.updated_at);
        self.past
            .extend(replaced.map(|what| PastWrite { what, by, at }));
        self.note(id, kind, written.updated_at);
        Ok(written)
    }

    pub(crate) fn delete(
        &mut self,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        let row = self.rows.entry(id.clone()).or_default();
        if row.revision.is_none() && matches!(when, Precondition::Any | Precondition::Absent) {
            return Err(Error::NotFound { id: id.clone() });
        }
        row.expect(id, when)?;
        let deleted = Row {
            fate: Fate::Deleted,
            ..Row::default()
        };
        let row = std::mem::replace(row, deleted);
        let replaced = Gone::of(id, row.registration, row.fate);
        let (by, at) = (self.head.next(), self.now);
        let deleted = Gone::Deleted {
            id: id.clone(),
            metadata: note_to_text(note),
        };
        for what in replaced.into_iter().chain([deleted]) {
            self.past.push(PastWrite { what, by, at });
        }
        self.note(id, ChangeKind::Deleted, self.now);
        Ok(self.head)
    }

    fn note(&mut self, id: &Id, kind: ChangeKind, at: DateTime<Utc>) {
        self.head = self.head.next();
        self.log.push(Change {
            id: id.clone(),
            revision: self.head,
            kind,
            at,
        });
    }

    /// The rows to be written, each once, as the last write of it left it.
    pub(crate) fn written(&self) -> impl Iterator<Item = Written<'_>> {
        self.rows
            .values()
            .filter_map(|row| match (&row.fate, &row.registration) {
                (Fate::Written { config, metadata }, Some(Ok(registration))) => {
                    let metadata = metadata
                        .clone()
                        .unwrap_or_else(|| to_text(&registration.metadata));
                    Some(Written {
                        registration,
                        metadata,
                        config,
                    })
                }
                _ => None,
            })
    }

    /// The ids of rows to be deleted.
    pub(crate) fn deleted(&self) -> impl Iterator<Item = &Id> {
        self.rows
            .iter()
            .filter(|(_, row)| matches!(row.fate, Fate::Deleted))
            .map(|(id, _)| id)
    }
}

impl Row {
    fn expect(&self, id: &Id, when: Precondition) -> Result<(), Error> {
        if when.holds(self.revision) {
            Ok(())
        } else {
            Err(Error::Conflict {
                id: id.clone(),
                expected: when,
                actual: self.revision,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotbed_registry::PortableConfig;
    use serde_json::json;

    fn id(name: &str) -> Id {
        Id::new(name).unwrap()
    }

    fn put(
        ledger: &mut Ledger,
        name: &str,
        n: u64,
        when: Precondition,
    ) -> Result<Registration, Error> {
        let draft = Draft::active(PortableConfig::from_value(json!({ "n": n })).unwrap());
        let texts = Texts::of(&id(name), &draft).unwrap();
        ledger.put(&id(name), draft, texts, when)
    }

    #[test]
    fn writes_of_one_transaction_see_one_another() {
        let mut ledger = Ledger::new(Revision(41), Utc::now());
        let first = put(&mut ledger, "a", 1, Precondition::Absent).unwrap();
        assert!(put(&mut ledger, "a", 2, Precondition::Absent).is_err());
        let second = put(&mut ledger, "a", 3, Precondition::At(first.revision)).unwrap();
        assert_eq!((second.revision, second.version), (Revision(43), 2));
        assert!(second.updated_at > first.updated_at);
        let rows: Vec<_> = ledger.written().map(|row| row.config).collect();
        assert_eq!(rows, [r#"{"n":3}"#]);
        assert_eq!(ledger.log.len(), 2);
        let [past] = &*ledger.past else {
            panic!("one write was replaced")
        };
        assert_eq!((past.by, past.at), (second.revision, second.updated_at));
        assert!(matches!(&past.what, Gone::Written { config, .. } if config == r#"{"n":1}"#));
    }

    #[test]
    fn what_was_stored_is_gone_once_and_a_deletion_is_told() {
        let mut ledger = Ledger::new(Revision(5), Utc::now());
        let mut before = Ledger::new(Revision(2), Utc::now());
        let stored = put(&mut before, "a", 1, Precondition::Any).unwrap();
        ledger.found(id("a"), stored.revision, Ok(stored));
        put(&mut ledger, "a", 2, Precondition::Any).unwrap();
        ledger
            .delete(&id("a"), Precondition::Any, &ChangeNote::NONE)
            .unwrap();
        put(&mut ledger, "a", 3, Precondition::Any).unwrap();
        let told: Vec<_> = ledger
            .past
            .iter()
            .map(|past| {
                let what = match &past.what {
                    Gone::Stored(id) => format!("{id} as stored"),
                    Gone::Written { config, .. } => config.clone(),
                    Gone::Deleted { id, .. } => format!("{id} deleted"),
                };
                (past.by.0, what)
            })
            .collect();
        let expected = [(6, "a as stored"), (7, r#"{"n":2}"#), (7, "a deleted")];
        assert_eq!(told, expected.map(|(by, what)| (by, what.to_owned())));
    }

    #[test]
    fn a_refused_write_spoils_no_neighbour() {
        let mut ledger = Ledger::new(Revision(5), Utc::now());
        assert!(put(&mut ledger, "a", 1, Precondition::Present).is_err());
        assert!(
            ledger
                .delete(&id("b"), Precondition::Any, &ChangeNote::NONE)
                .is_err()
        );
        assert_eq!(
            put(&mut ledger, "a", 1, Precondition::Any)
                .unwrap()
                .revision,
            Revision(6)
        );
    }

    #[test]
    fn what_is_created_and_deleted_again_leaves_only_its_log() {
        let mut ledger = Ledger::new(Revision::ZERO, Utc::now());
        put(&mut ledger, "a", 1, Precondition::Any).unwrap();
        assert_eq!(
            ledger
                .delete(&id("a"), Precondition::Any, &ChangeNote::NONE)
                .unwrap(),
            Revision(2)
        );
        assert_eq!(ledger.written().count(), 0);
        assert_eq!(ledger.deleted().collect::<Vec<_>>(), [&id("a")]);
        assert_eq!(
            put(&mut ledger, "a", 1, Precondition::Absent)
                .unwrap()
                .version,
            1
        );
        assert_eq!(ledger.deleted().count(), 0);
    }

    #[test]
    fn an_unreadable_row_can_be_deleted_but_not_written_over() {
        let mut ledger = Ledger::new(Revision(5), Utc::now());
        let unreadable = Unreadable {
            place: "table registrations, id \"a\"".into(),
            reason: "its status is odd".into(),
        };
        ledger.found(id("a"), Revision(3), Err(unreadable));
        let refused = put(&mut ledger, "a", 1, Precondition::Any)
            .unwrap_err()
            .to_string();
        assert_eq!(
            refused,
            "registry holds something unreadable at table registrations, id \"a\": its status is odd"
        );
        assert_eq!(
            ledger
                .delete(&id("a"), Precondition::At(Revision(3)), &ChangeNote::NONE)
                .unwrap(),
            Revision(6)
        );
    }
}

//! Revisions for a service that knows none: each difference between what is seen and what was seen before is a change.
//! No I/O.

use super::digest::Digest;
use super::seen::{Content, Seen};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use hotbed_registry::{
    Access, Change, ChangeKind, Changes, Error, Id, Registration, Retention, Revision, Status,
};
use std::collections::{BTreeMap, HashSet, VecDeque};

/// Entries of the log, if nobody compacts it.
const MAX_LOG: usize = 100_000;

/// What this process has seen of one collection, and in which order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Book {
    pub(super) rows: BTreeMap<Id, Row>,
    pub(super) log: VecDeque<Change>,
    pub(super) head: Revision,
}

/// One registration.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) digest: Digest,
    pub(super) status: Status,
    pub(super) revision: Revision,
    pub(super) version: u64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    /// As noted here: at the service each of our own reads counts as one.
    pub(super) last_accessed_at: DateTime<Utc>,
    /// `None` after a restart, until it is seen again.
    pub(super) content: Option<Result<Content, String>>,
}

/// Why something is written into the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// It was looked at: a change where it differs.
    Found,
    /// It was written, by this process: a change in any case.
    Wrote,
}

impl Book {
    /// An empty book whose first change is the one after `base`.
    pub(super) fn new(base: Revision) -> Self {
        Self {
            rows: BTreeMap::new(),
            log: VecDeque::new(),
            head: base,
        }
    }

    pub(super) fn revision(&self, id: &Id) -> Option<Revision> {
        self.rows.get(id).map(|row| row.revision)
    }

    /// What is known of an id, which was seen in this run.
    pub(super) fn registration(&self, id: &Id) -> Result<Option<Registration>, Error> {
        self.rows
            .get(id)
            .map(|row| row.registration(id))
            .transpose()
    }

    /// All registrations, in id order.
    pub(super) fn registrations(&self) -> Result<Vec<Registration>, Error> {
        self.rows
            .iter()
            .map(|(id, row)| row.registration(id))
            .collect()
    }

    /// Takes in a whole list.
    pub(super) fn see_all(&mut self, mut all: Vec<Seen>, now: DateTime<Utc>) {
        let there: HashSet<&Id> = all.iter().map(|seen| &seen.id).collect();
        let gone: Vec<Id> = self
            .rows
            .keys()
            .filter(|id| !there.contains(id))
            .cloned()
            .collect();
        for id in gone {
            self.miss(&id, now);
        }
        all.sort_by(|a, b| (a.updated_at, &a.id).cmp(&(b.updated_at, &b.id)));
        for seen in all {
            self.see(seen, Cause::Found, now);
        }
    }

    /// Takes in one registration.
    pub(super) fn see(&mut self, seen: Seen, cause: Cause, now: DateTime<Utc>) {
        let now = now.trunc_subsecs(6);
        let before = self.rows.get_mut(&seen.id);
        let before = match before {
            Some(row) if row.digest == seen.digest && cause == Cause::Found => {
                row.content = Some(seen.content);
                return;
            }
            before => before.map(|row| &*row),
        };
        let status = seen
            .content
            .as_ref()
            .map_or(Status::Error, |content| content.status);
        let kind = ChangeKind::of_write(before.map(|row| row.status), status);
        let changed_at = seen.updated_at.unwrap_or(now);
        let (created_at, updated_at, version) = if let Some(row) = before {
            let after = row.updated_at + TimeDelta::microseconds(1);
            (row.created_at, changed_at.max(after), row.version + 1)
        } else {
            let created_at = seen.created_at.unwrap_or(changed_at);
            (created_at, changed_at.max(created_at), 1)
        };
        let accessed = match cause {
            Cause::Found => seen.last_accessed_at.unwrap_or(updated_at),
            Cause::Wrote => updated_at,
        };
        let row = Row {
            digest: seen.digest,
            status,
            revision: self.head.next(),
            version,
            created_at,
            updated_at,
            last_accessed_at: accessed.max(updated_at),
            content: Some(seen.content),
        };
        self.note(&seen.id, kind, updated_at);
        self.rows.insert(seen.id, row);
    }

    /// Takes in that there is no such registration.
    pub(super) fn miss(&mut self, id: &Id, now: DateTime<Utc>) {
        if let Some(row) = self.rows.remove(id) {
            self.note(
                id,
                ChangeKind::Deleted,
                now.trunc_subsecs(6).max(row.updated_at),
            );
        }
    }

    fn note(&mut self, id: &Id, kind: ChangeKind, at: DateTime<Utc>) {
        self.head = self.head.next();
        self.log.push_back(Change {
            id: id.clone(),
            revision: self.head,
            kind,
            at,
        });
        if self.log.len() > MAX_LOG {
            self.log.pop_front();
        }
    }

    pub(super) fn changes(&self, after: Revision, limit: usize) -> Changes {
        let (oldest, head) = (self.oldest(), self.head);
        if after > head || after.next() < oldest {
            return Changes::Compacted { oldest, head };
        }
        let from = self.log.partition_point(|change| change.revision <= after);
        Changes::Log {
            changes: self.log.range(from..).take(limit).cloned().collect(),
            head,
        }
    }

    pub(super) fn touch(&mut self, accesses: &[Access]) {
        for access in accesses {
            if let Some(row) = self.rows.get_mut(&access.id) {
                row.last_accessed_at = row.last_accessed_at.max(access.at);
            }
        }
    }

    /// Forgets the log beyond the retention; answers the oldest revision that is left.
    pub(super) fn compact(&mut self, keep: Retention, now: DateTime<Utc>) -> Revision {
        let horizon = keep.horizon(now);
        let entries = usize::try_from(keep.entries).unwrap_or(usize::MAX);
        while self.log.len() > entries || self.log.front().is_some_and(|oldest| oldest.at < horizon)
        {
            self.log.pop_front();
        }
        self.oldest()
    }

    fn oldest(&self) -> Revision {
        self.log
            .front()
            .map_or(self.head.next(), |oldest| oldest.revision)
    }
}

impl Row {
    fn registration(&self, id: &Id) -> Result<Registration, Error> {
        let corrupt = |reason: &str| Error::Corrupt {
            place: format!("registration {id:?} of the service"),
            reason: reason.to_owned(),
        };
        let content = match &self.content {
            Some(Ok(content)) => content.clone(),
            Some(Err(reason)) => return Err(corrupt(reason)),
            None => return Err(corrupt("it has not been seen since the start")),
        };
        Ok(Registration {
            id: id.clone(),
            config: content.config,
            status: content.status,
            metadata: content.metadata,
            revision: self.revision,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            last_accessed_at: self.last_accessed_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::seen;
    use super::*;
    use serde_json::{Value, json};

    fn seen(id: &str, n: u64) -> Seen {
        seen::one(json!({"bot_id": id, "config": {"n": n}}))
            .unwrap()
            .unwrap()
    }

    fn told(book: &Book) -> Vec<String> {
        let word = |change: &Change| format!("{}:{}:{}", change.revision, change.id, change.kind);
        book.log.iter().map(word).collect()
    }

    fn now() -> DateTime<Utc> {
        Utc::now()
    }

    #[test]
    fn each_difference_is_one_change_and_no_difference_is_none() {
        let mut book = Book::new(Revision(10));
        book.see_all(vec![seen("b", 1), seen("a", 1)], now());
        book.see_all(vec![seen("a", 1), seen("b", 1)], now());
        assert_eq!(told(&book), ["11:a:created", "12:b:created"]);
        book.see_all(vec![seen("b", 2), seen("c", 1)], now());
        assert_eq!(
            told(&book)[2..],
            ["13:a:deleted", "14:b:updated", "15:c:created"]
        );
        assert_eq!(
            book.registration(&Id::new("b").unwrap())
                .unwrap()
                .unwrap()
                .version,
            2
        );
        assert_eq!(book.head, Revision(15));
    }

    #[test]
    fn a_write_that_changes_nothing_is_a_change() {
        let mut book = Book::new(Revision::ZERO);
        book.see(seen("a", 1), Cause::Wrote, now());
        book.see(seen("a", 1), Cause::Found, now());
        book.see(seen("a", 1), Cause::Wrote, now());
        assert_eq!(told(&book), ["1:a:created", "2:a:updated"]);
    }

    #[test]
    fn times_rise_whatever_the_service_says() {
        let mut book = Book::new(Revision::ZERO);
        let at = |n: u64, time: Value| {
            let item =
                json!({"bot_id": "a", "config": {"n": n}, "updated_at": time, "created_at": time});
            seen::one(item).unwrap().unwrap()
        };
        let id = Id::new("a").unwrap();
        let mut last = DateTime::<Utc>::MIN_UTC;
        for (n, time) in [
            json!("2026-01-02T03:04:05Z"),
            json!("2020-01-01T00:00:00Z"),
            json!(null),
            json!("2026-01-02T03:04:05Z"),
        ]
        .into_iter()
        .enumerate()
        {
            book.see(at(n as u64, time), Cause::Found, now());
            let found = book.registration(&id).unwrap().unwrap();
            assert!(found.updated_at > last);
            assert!(found.last_accessed_at >= found.updated_at);
            last = found.updated_at;
        }
    }

    #[test]
    fn odd_content_is_told_to_who_reads_it_and_can_be_mended() {
        let mut book = Book::new(Revision::ZERO);
        let odd = seen::one(json!({"bot_id": "a", "config": 7}))
            .unwrap()
            .unwrap();
        book.see_all(vec![odd, seen("b", 1)], now());
        let id = Id::new("a").unwrap();
        let error = book.registration(&id).unwrap_err().to_string();
        assert!(
            error.contains("registration \"a\" of the service: its config: "),
            "{error}"
        );
        assert!(book.registrations().is_err());
        book.see(seen("a", 1), Cause::Wrote, now());
        assert_eq!(book.registrations().unwrap().len(), 2);
    }

    #[test]
    fn an_old_place_in_the_log_is_told_so() {
        let mut book = Book::new(Revision(100));
        for n in 0..5 {
            book.see(seen("a", n), Cause::Found, now());
        }
        let compacted = Changes::Compacted {
            oldest: Revision(101),
            head: Revision(105),
        };
        assert_eq!(book.changes(Revision(99), 9), compacted);
        assert_eq!(book.changes(Revision(106), 9), compacted);
        let Changes::Log { changes, .. } = book.changes(Revision(102), 2) else {
            panic!("the log is there")
        };
        assert_eq!(
            changes.iter().map(|it| it.revision.0).collect::<Vec<_>>(),
            [103, 104]
        );
    }
}

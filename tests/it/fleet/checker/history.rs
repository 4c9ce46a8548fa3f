use super::timeline::Timelines;
use crate::fleet::record::{How, Op, Outcome, Record, Seen, Write};
use std::collections::BTreeMap;

/// What the log tells, held against what writers were told.
pub(super) struct History {
    pub(super) timelines: Timelines,
    /// Which write each revision is of.
    pub(super) ops: BTreeMap<u64, Op>,
    pub(super) violations: Vec<String>,
}

impl History {
    /// No update is lost: each acknowledged write is in the log once, replaced what it was to replace, and comes after
    /// every write that was acknowledged before it began; everything else there may be of a write that was not answered.
    pub(super) fn of(record: &Record) -> Self {
        let mut found = Self {
            timelines: Timelines::of(record),
            ops: BTreeMap::new(),
            violations: Vec::new(),
        };
        found.check_log(record);
        found.check_order(&record.writes);
        found.check_values(record);
        found
    }

    fn wrong(&mut self, what: &str) {
        self.violations.push(format!("no lost update: {what}"));
    }

    fn check_log(&mut self, record: &Record) {
        let mut done: BTreeMap<u64, &Write> = BTreeMap::new();
        let mut unknown: Vec<&Write> = Vec::new();
        for write in &record.writes {
            match write.outcome {
                Outcome::Done(revision) => {
                    if let Some(other) = done.insert(revision, write) {
                        self.wrong(&format!("two writes of one revision: {other:?}, {write:?}"));
                    }
                }
                Outcome::Unknown => unknown.push(write),
                Outcome::Refused => {}
            }
        }
        let mut stands: BTreeMap<&str, u64> = BTreeMap::new();
        for (entry, expected) in record.log.iter().zip(1..) {
            if entry.revision != expected {
                self.wrong(&format!("{entry:?} where revision {expected} should be"));
                return;
            }
            let base = stands.get(entry.id.as_str()).copied();
            let fits = |write: &Write| {
                let deletes = write.op == Op::Delete;
                write.id == entry.id && write.base == base && deletes == entry.deleted
            };
            match done.remove(&entry.revision) {
                Some(write) if fits(write) => {
                    self.ops.insert(entry.revision, write.op);
                }
                Some(write) => {
                    self.wrong(&format!("{write:?} became {entry:?} on top of {base:?}"));
                }
                None => match unknown.iter().position(|write| fits(write)) {
                    Some(found) => {
                        let write = unknown.swap_remove(found);
                        self.ops.insert(entry.revision, write.op);
                    }
                    None => self.wrong(&format!("nobody asked for {entry:?} on top of {base:?}")),
                },
            }
            if entry.deleted {
                stands.remove(entry.id.as_str());
            } else {
                stands.insert(&entry.id, entry.revision);
            }
        }
        for write in done.into_values() {
            self.wrong(&format!("not in the log: {write:?}"));
        }
    }

    fn check_order(&mut self, writes: &[Write]) {
        let mut done: Vec<(u64, &Write)> = writes
            .iter()
            .filter_map(|write| match write.outcome {
                Outcome::Done(revision) => Some((revision, write)),
                _ => None,
            })
            .collect();
        done.sort_by_key(|(revision, _)| *revision);
        // From the newest back: whatever is older must have begun before all of those were acknowledged.
        let mut first_end: Option<(u64, &Write)> = None;
        for (revision, write) in done.into_iter().rev() {
            match first_end {
                Some((_, later)) if later.span.to < write.span.from => self.wrong(&format!(
                    "{write:?} began after a newer revision was acknowledged: {later:?}"
                )),
                Some((_, later)) if later.span.to <= write.span.to => {}
                _ => first_end = Some((revision, write)),
            }
        }
    }

    /// What is read at a revision is what was written there.
    fn check_values(&mut self, record: &Record) {
        for read in &record.reads {
            let Seen::At { revision, value } = read.seen else {
                continue;
            };
            if read.how == How::Chat {
                continue;
            }
            if let Some(&Op::Put { value: written, .. }) = self.ops.get(&revision)
                && value != Some(written)
            {
                // Two writes that nobody answered may be told apart by nothing else.
                let answered = record
                    .writes
                    .iter()
                    .any(|write| write.outcome == Outcome::Done(revision));
                if answered {
                    self.wrong(&format!("{read} where {written} was written"));
                }
            }
        }
    }
}

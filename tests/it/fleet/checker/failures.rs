use super::timeline::Timelines;
use crate::fleet::record::{How, Op, Read, Record, Seen, Trouble};
use std::collections::BTreeMap;

/// No call fails because of a reload: a bot whose instance was built once answers on a node that is up, for as long as
/// it is registered and in service.
pub(super) fn check(
    record: &Record,
    timelines: &Timelines,
    ops: &BTreeMap<u64, Op>,
) -> Vec<String> {
    let failed = record.reads.iter().filter(|read| {
        let failed = match read.seen {
            Seen::Refused { .. } | Seen::Unanswered(_) => true,
            Seen::At { .. } | Seen::Gone | Seen::Behind(_) => false,
        };
        failed && read.how == How::Chat && !was_down(record, read)
    });
    failed
        .filter(|read| match last_served(record, read) {
            None => false,
            Some(revision) => stood(record, timelines, ops, read, revision),
        })
        .map(|read| format!("a call failed: {read}"))
        .collect()
}

fn was_down(record: &Record, read: &Read) -> bool {
    let mut troubles = record.troubles.iter();
    troubles.any(|(node, trouble, span)| {
        *node == read.process.node && *trouble == Trouble::Down && span.overlaps(read.span)
    })
}

/// The newest revision that answered on this process before.
fn last_served(record: &Record, read: &Read) -> Option<u64> {
    let before = record.reads.iter().filter(|other| {
        other.process == read.process
            && other.id == read.id
            && other.how == How::Chat
            && other.span.to < read.span.from
    });
    let revisions = before.filter_map(|other| match other.seen {
        Seen::At { revision, .. } => Some(revision),
        _ => None,
    });
    revisions.max()
}

/// Whether from this revision on the id was registered and in service, as far as anybody could know when it was read.
fn stood(
    record: &Record,
    timelines: &Timelines,
    ops: &BTreeMap<u64, Op>,
    read: &Read,
    since: u64,
) -> bool {
    // A write that had not begun cannot have been known.
    let later = record
        .writes
        .iter()
        .filter(|write| write.span.from > read.span.to);
    let unknown: Vec<u64> = later
        .filter_map(|write| match write.outcome {
            crate::fleet::record::Outcome::Done(revision) => Some(revision),
            _ => None,
        })
        .collect();
    let states = timelines.states(&read.id).iter();
    states
        .filter(|state| state.revision >= since && !unknown.contains(&state.revision))
        .all(|state| matches!(ops.get(&state.revision), Some(Op::Put { active: true, .. })))
}

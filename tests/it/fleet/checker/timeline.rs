use crate::fleet::record::{Outcome, Read, Record, Seen};
use std::collections::BTreeMap;
use std::time::Duration;

/// How each id stood.
#[derive(Debug)]
pub(super) struct Timelines(BTreeMap<String, Vec<State>>);

/// How an id stood after a write; the first is of before all writes.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) revision: u64,
    pub(super) gone: bool,
    /// When the write began, as far as is known: nobody can have seen it before.
    begun: Duration,
}

const BEFORE: State = State {
    revision: 0,
    gone: true,
    begun: Duration::ZERO,
};

impl Timelines {
    pub(super) fn of(record: &Record) -> Self {
        let done = record
            .writes
            .iter()
            .filter_map(|write| match write.outcome {
                Outcome::Done(revision) => Some((revision, write.span.from)),
                _ => None,
            });
        let begun: BTreeMap<u64, Duration> = done.collect();
        let mut all: BTreeMap<String, Vec<State>> = BTreeMap::new();
        for entry in &record.log {
            let states = all.entry(entry.id.clone()).or_insert_with(|| vec![BEFORE]);
            states.push(State {
                revision: entry.revision,
                gone: entry.deleted,
                begun: begun.get(&entry.revision).copied().unwrap_or_default(),
            });
        }
        Self(all)
    }

    pub(super) fn states(&self, id: &str) -> &[State] {
        self.0.get(id).map_or(&[BEFORE], Vec::as_slice)
    }

    /// Where an id was when the collection was at this revision.
    pub(super) fn at(&self, id: &str, revision: u64) -> usize {
        let later = self
            .states(id)
            .partition_point(|state| state.revision <= revision);
        later - 1
    }

    /// The earliest place at or after `floor` that shows what was read, and that there was before the read ended; none if
    /// there is none. What is no sight of the id is anywhere.
    pub(super) fn place(&self, read: &Read, floor: usize) -> Option<usize> {
        let states = self.states(&read.id).iter().enumerate().skip(floor);
        let past = states.filter(|(_, state)| state.begun <= read.span.to);
        let mut matching = past.filter(|(_, state)| match &read.seen {
            Seen::At { revision, .. } => !state.gone && state.revision == *revision,
            Seen::Gone => state.gone,
            _ => true,
        });
        matching.next().map(|(place, _)| place)
    }
}

use crate::fleet::record::{Entry, Seen};
use std::collections::BTreeMap;

/// How each id stood.
#[derive(Debug)]
pub(super) struct Timelines(BTreeMap<String, Vec<State>>);

/// How an id stood after a write; the first is of before all writes.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) revision: u64,
    pub(super) gone: bool,
}

const BEFORE: State = State {
    revision: 0,
    gone: true,
};

impl Timelines {
    pub(super) fn of(log: &[Entry]) -> Self {
        let mut all: BTreeMap<String, Vec<State>> = BTreeMap::new();
        for entry in log {
            let states = all.entry(entry.id.clone()).or_insert_with(|| vec![BEFORE]);
            states.push(State {
                revision: entry.revision,
                gone: entry.deleted,
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

    /// The earliest place at or after `floor` that shows what was seen; none if there is none. What is no sight of the
    /// id is anywhere.
    pub(super) fn place(&self, id: &str, seen: &Seen, floor: usize) -> Option<usize> {
        let states = self.states(id).iter().enumerate().skip(floor);
        let mut matching = states.filter(|(_, state)| match seen {
            Seen::At { revision, .. } => !state.gone && state.revision == *revision,
            Seen::Gone => state.gone,
            _ => true,
        });
        matching.next().map(|(place, _)| place)
    }
}

//! The events of one agent that were taken in last, so that one that is sent again is not done again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Remembers the last so many, and forgets the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    order: VecDeque<Arc<str>>,
    outcomes: HashMap<Arc<str>, Outcome>,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is being done.
    UnderWay,
    /// It was done.
    Done,
    /// It was not.
    Refused,
}

impl Recent {
    /// Notes that an event is taken in; or says what became of it, if it was before.
    pub(crate) fn begin(&mut self, event_id: &Arc<str>, limit: usize) -> Option<Outcome> {
        if limit == 0 {
            return None;
        }
        if let Some(outcome) = self.outcomes.get(event_id) {
            return Some(*outcome);
        }
        while self.order.len() >= limit {
            if let Some(oldest) = self.order.pop_front() {
                self.outcomes.remove(&oldest);
            }
        }
        self.order.push_back(Arc::clone(event_id));
        self.outcomes
            .insert(Arc::clone(event_id), Outcome::UnderWay);
        None
    }

    /// Notes what became of an event, if it is remembered still.
    pub(crate) fn end(&mut self, event_id: &str, outcome: Outcome) {
        if let Some(noted) = self.outcomes.get_mut(event_id) {
            *noted = outcome;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> Arc<str> {
        format!("e{number}").into()
    }

    /// B16: what was called the oldest half of all ids was a random half of a set, so that an event could be done again
    /// a moment after it was done.
    #[test]
    fn the_oldest_event_is_forgotten_first() {
        let mut recent = Recent::default();
        for number in 0..1_000 {
            assert_eq!(recent.begin(&id(number), 100), None);
            recent.end(&id(number), Outcome::Done);
            let oldest = (number + 1).saturating_sub(100);
            for known in oldest..=number {
                assert_eq!(recent.outcomes.get(&id(known)), Some(&Outcome::Done));
            }
            assert_eq!(recent.outcomes.len(), recent.order.len());
            assert!(recent.order.len() <= 100);
        }
        assert_eq!(recent.begin(&id(900), 100), Some(Outcome::Done));
        assert_eq!(recent.begin(&id(899), 100), None);
    }
}

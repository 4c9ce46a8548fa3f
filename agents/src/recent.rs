//! The events of one agent that were taken in last, so that one that is sent again is not done again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Remembers the last so many, and forgets the oldest first; but none that is under way.
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

/// Whether an event is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// It is.
    Now,
    /// It was taken in before.
    Before(Outcome),
    /// So many are under way that none can be forgotten for it.
    TooMany,
}

impl Recent {
    /// Notes that an event is taken in, unless it was before.
    pub(crate) fn begin(&mut self, event_id: &Arc<str>, limit: usize) -> Begun {
        if limit == 0 {
            return Begun::Now;
        }
        if let Some(outcome) = self.outcomes.get(event_id) {
            return Begun::Before(*outcome);
        }
        if self.order.len() >= limit {
            let is_over = |id: &Arc<str>| self.outcomes.get(id) != Some(&Outcome::UnderWay);
            let Some(oldest) = self.order.iter().position(is_over) else {
                return Begun::TooMany;
            };
            if let Some(oldest) = self.order.remove(oldest) {
                self.outcomes.remove(&oldest);
            }
        }
        self.order.push_back(Arc::clone(event_id));
        self.outcomes
            .insert(Arc::clone(event_id), Outcome::UnderWay);
        Begun::Now
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
            assert_eq!(recent.begin(&id(number), 100), Begun::Now);
            recent.end(&id(number), Outcome::Done);
            let oldest = (number + 1).saturating_sub(100);
            for known in oldest..=number {
                assert_eq!(recent.outcomes.get(&id(known)), Some(&Outcome::Done));
            }
            assert_eq!(recent.outcomes.len(), recent.order.len());
            assert!(recent.order.len() <= 100);
        }
        let known = Begun::Before(Outcome::Done);
        assert_eq!(recent.begin(&id(900), 100), known);
        assert_eq!(recent.begin(&id(899), 100), Begun::Now);
    }

    /// One that was forgotten while it was under way would be done twice at the same time if it were sent again.
    /// Caught: the oldest forgotten, whatever becomes of it.
    #[test]
    fn what_is_under_way_is_not_forgotten() {
        let mut recent = Recent::default();
        for number in 0..3 {
            assert_eq!(recent.begin(&id(number), 3), Begun::Now);
        }
        assert_eq!(recent.begin(&id(3), 3), Begun::TooMany);
        recent.end("e1", Outcome::Refused);
        assert_eq!(recent.begin(&id(3), 3), Begun::Now);
        let under_way = Begun::Before(Outcome::UnderWay);
        for number in [0, 2, 3] {
            assert_eq!(recent.begin(&id(number), 3), under_way);
        }
        assert_eq!(recent.begin(&id(4), 0), Begun::Now);
        assert_eq!(recent.begin(&id(4), 0), Begun::Now);
    }
}

use crate::slot::Slot;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Slots to build before anybody asks, the one that was used last first. Bounded by the slots: each is in it once.
pub(crate) struct Queue<T> {
    line: Mutex<Line<Arc<Slot<T>>>>,
    /// Rings when there may be something to take.
    filled: Notify,
}

/// While there is one, nothing is taken from the queue: who comes first is not known before all have come.
pub(crate) struct Hold<'a, T>(&'a Queue<T>);

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self {
            line: Mutex::new(Line::default()),
            filled: Notify::new(),
        }
    }

    pub(crate) fn push(&self, slot: &Arc<Slot<T>>) {
        if !slot.queued.swap(true, Ordering::AcqRel) {
            let heat = slot.last_used_ms.load(Ordering::Relaxed);
            self.line().push(heat, Arc::clone(slot));
            self.filled.notify_one();
        }
    }

    pub(crate) fn hold(&self) -> Hold<'_, T> {
        self.line().holds += 1;
        Hold(self)
    }

    /// Waits until there is something to take. For one caller at a time.
    pub(crate) async fn filled(&self) {
        loop {
            let filled = self.filled.notified();
            if self.line().is_open() {
                return;
            }
            filled.await;
        }
    }

    pub(crate) fn pop(&self) -> Option<Arc<Slot<T>>> {
        let slot = self.line().pop()?;
        // From here on another change queues it again.
        slot.queued.store(false, Ordering::Release);
        Some(slot)
    }

    fn line(&self) -> MutexGuard<'_, Line<Arc<Slot<T>>>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Hold<'_, T> {
    fn drop(&mut self) {
        self.0.line().holds -= 1;
        self.0.filled.notify_one();
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

/// The order of the queue: by heat, and those of the same heat as they came.
struct Line<S> {
    waiting: BinaryHeap<Waiting<S>>,
    came: u64,
    holds: usize,
}

struct Waiting<S> {
    rank: (u64, Reverse<u64>),
    what: S,
}

impl<S> Default for Line<S> {
    fn default() -> Self {
        Self {
            waiting: BinaryHeap::new(),
            came: 0,
            holds: 0,
        }
    }
}

impl<S> Line<S> {
    fn push(&mut self, heat: u64, what: S) {
        self.came += 1;
        let rank = (heat, Reverse(self.came));
        self.waiting.push(Waiting { rank, what });
    }

    fn pop(&mut self) -> Option<S> {
        if !self.is_open() {
            return None;
        }
        self.waiting.pop().map(|waiting| waiting.what)
    }

    fn is_open(&self) -> bool {
        self.holds == 0 && !self.waiting.is_empty()
    }
}

impl<S> PartialEq for Waiting<S> {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl<S> Eq for Waiting<S> {}

impl<S> PartialOrd for Waiting<S> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<S> Ord for Waiting<S> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Held against a list that is looked through each time.
        ///
        /// Mutations, each tried: the order is that of coming; the coldest comes first; of the same heat the last
        /// comes first; a held line gives something away.
        #[test]
        fn the_hottest_comes_first_and_of_the_same_heat_the_one_that_waits_longest(
            steps in proptest::collection::vec((0..8_u64, 0..5_u8), 1..200)
        ) {
            let mut line = Line::default();
            let mut naive: Vec<(u64, usize)> = Vec::new();
            for (name, (heat, step)) in steps.into_iter().enumerate() {
                match step {
                    0 | 1 => {
                        line.push(heat, name);
                        naive.push((heat, name));
                    }
                    2 => {
                        line.holds += 1;
                        prop_assert_eq!(line.pop(), None);
                        line.holds -= 1;
                    }
                    _ => {
                        let hottest = naive.iter().map(|(heat, _)| *heat).max();
                        let first = naive.iter().position(|(heat, _)| Some(*heat) == hottest);
                        prop_assert_eq!(line.pop(), first.map(|at| naive.remove(at).1));
                    }
                }
            }
        }
    }
}

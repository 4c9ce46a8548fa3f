//! What waits for one reader: for an agent until it polls, or in a stream.

use crate::event::AgentEvent;
use crate::parcel::Parcel;
use std::collections::VecDeque;
use std::sync::Arc;

/// A queue that is bounded in events and in bytes. The oldest give way to the newest, and are counted.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    waiting: VecDeque<Parcel>,
    bytes: usize,
    dropped: u64,
}

/// How much may wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

/// What waited.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Drained {
    /// The oldest first.
    pub(crate) events: Vec<Arc<AgentEvent>>,
    /// How many older ones were dropped.
    pub(crate) dropped: u64,
}

impl Mailbox {
    /// Puts an event in. The newest is always kept, however large it is.
    pub(crate) fn put(&mut self, parcel: Parcel, room: Room) {
        self.bytes += parcel.bytes;
        self.waiting.push_back(parcel);
        while self.waiting.len() > 1
            && (self.waiting.len() > room.events || self.bytes > room.bytes)
        {
            if let Some(oldest) = self.waiting.pop_front() {
                self.bytes -= oldest.bytes;
                self.dropped += 1;
            }
        }
    }

    /// Takes everything out.
    pub(crate) fn drain(&mut self) -> Drained {
        let Self {
            waiting, dropped, ..
        } = std::mem::take(self);
        Drained {
            events: waiting.into_iter().map(|parcel| parcel.event).collect(),
            dropped,
        }
    }

    /// Takes the oldest out.
    pub(crate) fn take_oldest(&mut self) -> Option<Arc<AgentEvent>> {
        let oldest = self.waiting.pop_front()?;
        self.bytes -= oldest.bytes;
        Some(oldest.event)
    }

    /// How many were dropped since this was asked last.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotbed_mods::EventName;
    use proptest::prelude::*;
    use serde_json::Map;

    fn parcel(number: usize, bytes: usize) -> Parcel {
        let name = EventName::new(&format!("test.event_{number}")).unwrap();
        Parcel {
            event: Arc::new(AgentEvent::of_system(name, Map::new())),
            bytes,
        }
    }

    proptest! {
        #[test]
        fn what_waits_is_bounded_and_what_is_lost_is_counted(
            sizes in prop::collection::vec(1_usize..50, 0..60),
            events in 1_usize..8,
            bytes in 0_usize..120,
        ) {
            let room = Room { events, bytes };
            let mut mailbox = Mailbox::default();
            for (number, size) in sizes.iter().enumerate() {
                mailbox.put(parcel(number, *size), room);
                prop_assert!(mailbox.len() <= events);
                let waiting: usize = mailbox.waiting.iter().map(|parcel| parcel.bytes).sum();
                prop_assert_eq!(waiting, mailbox.bytes);
                prop_assert!(waiting <= bytes || mailbox.len() == 1);
            }
            let first = sizes.len() - mailbox.len();
            let oldest = mailbox.take_oldest().map(|event| event.event_name.to_string());
            prop_assert_eq!(oldest.clone(), (!sizes.is_empty()).then(|| format!("test.event_{first}")));
            let waiting: usize = mailbox.waiting.iter().map(|parcel| parcel.bytes).sum();
            prop_assert_eq!(waiting, mailbox.bytes);
            let taken = u64::from(oldest.is_some());
            let drained = mailbox.drain();
            let kept = drained.events.len();
            prop_assert_eq!(taken + kept as u64 + drained.dropped, sizes.len() as u64);
            let names: Vec<String> = drained.events.iter().map(|event| event.event_name.to_string()).collect();
            let newest: Vec<String> = (sizes.len() - kept..sizes.len()).map(|n| format!("test.event_{n}")).collect();
            prop_assert_eq!(names, newest);
            prop_assert_eq!(mailbox.drain(), Drained::default());
        }
    }
}

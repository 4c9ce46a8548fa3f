//! Events as they come, for transports that keep a connection open.

use crate::event::AgentEvent;
use crate::mailbox::{Mailbox, Room};
use crate::parcel::Parcel;
use hotbed_mods::EventPattern;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Events as they come. Bounded in number and in bytes: whoever reads too slowly loses the oldest, and is told how many.
///
/// Ends when the agent it belongs to is gone or has a new secret. Dropping it closes it.
pub struct EventStream {
    ring: Arc<Ring>,
}

/// What comes out of an [`EventStream`].
#[derive(Debug, Clone, PartialEq)]
pub enum StreamItem {
    /// An event.
    Event(Arc<AgentEvent>),
    /// Here so many events are missing, since too many waited.
    Gap {
        /// How many.
        missed: u64,
    },
}

/// The end of a stream at which events are put in.
#[derive(Debug)]
pub(crate) struct Inlet {
    ring: Arc<Ring>,
    pattern: EventPattern,
}

#[derive(Debug)]
struct Ring {
    state: Mutex<State>,
    changed: Notify,
    room: Room,
}

#[derive(Debug, Default)]
struct State {
    waiting: Mailbox,
    writer: End,
    reader: End,
}

/// Whether an end of the stream is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum End {
    #[default]
    Open,
    Closed,
}

/// A stream in which there is this room for events that wait, of those whose names the pattern matches.
pub(crate) fn stream(pattern: EventPattern, room: Room) -> (Inlet, EventStream) {
    let ring = Arc::new(Ring {
        state: Mutex::default(),
        changed: Notify::new(),
        room,
    });
    let inlet = Inlet {
        ring: Arc::clone(&ring),
        pattern,
    };
    (inlet, EventStream { ring })
}

impl EventStream {
    /// Waits for the next event or gap; `None` once the stream has ended and all of it was read. Cancel-safe.
    pub async fn next(&mut self) -> Option<StreamItem> {
        loop {
            {
                let mut state = self.ring.lock();
                let missed = state.waiting.take_dropped();
                if missed > 0 {
                    return Some(StreamItem::Gap { missed });
                }
                if let Some(event) = state.waiting.take_oldest() {
                    return Some(StreamItem::Event(event));
                }
                if state.writer == End::Closed {
                    return None;
                }
            }
            // Keeps a permit if it was notified in between.
            self.ring.changed.notified().await;
        }
    }
}

impl Inlet {
    /// Puts an event in, if it is wanted. The oldest gives way.
    pub(crate) fn offer(&self, parcel: &Parcel) {
        if !self.pattern.matches(parcel.event.event_name.as_str()) {
            return;
        }
        {
            let mut state = self.ring.lock();
            if state.reader == End::Closed {
                return;
            }
            state.waiting.put(parcel.clone(), self.ring.room);
        }
        self.ring.changed.notify_one();
    }

    /// Whether anybody reads it.
    pub(crate) fn is_read(&self) -> bool {
        self.ring.lock().reader == End::Open
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        self.ring.lock().writer = End::Closed;
        self.ring.changed.notify_one();
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        let mut state = self.ring.lock();
        state.reader = End::Closed;
        state.waiting = Mailbox::default();
    }
}

impl Ring {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("waiting", &self.ring.lock().waiting.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotbed_mods::EventName;
    use serde_json::Map;

    const ROOM: Room = Room {
        events: 2,
        bytes: 1_000,
    };

    fn parcel(name: &str, bytes: usize) -> Parcel {
        let name = EventName::new(name).unwrap();
        Parcel {
            event: Arc::new(AgentEvent::of_system(name, Map::new())),
            bytes,
        }
    }

    async fn assert_next(reader: &mut EventStream, parcel: &Parcel) {
        let event = Arc::clone(&parcel.event);
        assert_eq!(reader.next().await, Some(StreamItem::Event(event)));
    }

    /// A gap stands where the events are missing: before all that is left, for the oldest are dropped.
    #[tokio::test]
    async fn a_slow_reader_is_told_how_many_it_lost_and_then_gets_the_newest() {
        let (inlet, mut reader) = stream(EventPattern::new("test.*").unwrap(), ROOM);
        let parcels: Vec<_> = (0..5)
            .map(|n| parcel(&format!("test.event_{n}"), 1))
            .collect();
        for parcel in &parcels {
            inlet.offer(parcel);
        }
        inlet.offer(&parcel("other.event", 1));
        assert_eq!(reader.next().await, Some(StreamItem::Gap { missed: 3 }));
        for parcel in &parcels[3..] {
            assert_next(&mut reader, parcel).await;
        }
        drop(inlet);
        assert_eq!(reader.next().await, None);
        assert_eq!(reader.next().await, None);
    }

    /// Caught: no limit of bytes; a limit by which what was read counts on.
    #[tokio::test]
    async fn a_stream_is_bounded_in_bytes_too_and_keeps_the_newest_however_large() {
        let (inlet, mut reader) = stream(EventPattern::new("*").unwrap(), ROOM);
        let large = parcel("test.large", 600);
        inlet.offer(&large);
        inlet.offer(&large);
        assert_eq!(reader.next().await, Some(StreamItem::Gap { missed: 1 }));
        assert_next(&mut reader, &large).await;
        // What was read counts no longer.
        inlet.offer(&large);
        assert_next(&mut reader, &large).await;
        let huge = parcel("test.huge", 5_000);
        inlet.offer(&huge);
        assert_next(&mut reader, &huge).await;
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_woken_and_one_that_went_keeps_nothing() {
        let (inlet, mut reader) = stream(EventPattern::new("*").unwrap(), ROOM);
        let sent = parcel("test.event", 1);
        let (got, ()) = tokio::join!(reader.next(), async {
            tokio::task::yield_now().await;
            inlet.offer(&sent);
        });
        assert_eq!(got, Some(StreamItem::Event(Arc::clone(&sent.event))));
        drop(got);
        assert!(inlet.is_read());
        inlet.offer(&sent);
        drop(reader);
        inlet.offer(&sent);
        assert!(!inlet.is_read());
        assert_eq!(Arc::strong_count(&sent.event), 1);
    }
}

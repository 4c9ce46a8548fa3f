use crate::{Change, Revision, event_from_change};
use hotbed_events::{Event, EventBus, Topic};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the bus may take over what is announced at once.
const DEADLINE: Duration = Duration::from_secs(1);
/// Changes that wait for their announcement, at most. Beyond them the log tells.
const WAITING: usize = 10_000;

/// Tells the other nodes of committed changes: in the order of their revisions as far as possible, those that come
/// while the bus is busy together.
///
/// Best effort: the commit stands whatever becomes of its announcement, and the log tells those that miss it.
pub(crate) struct Announcer {
    bus: Arc<dyn EventBus>,
    topics: Vec<Topic>,
    source: Arc<str>,
    waiting: Mutex<Vec<Change>>,
    /// Held while publishing.
    turn: tokio::sync::Mutex<()>,
}

impl Announcer {
    pub(crate) fn new(bus: Arc<dyn EventBus>, topics: Vec<Topic>, source: Arc<str>) -> Self {
        Self {
            bus,
            topics,
            source,
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Puts a change in line. Whoever does so owes a call of [`announce`](Self::announce).
    pub(crate) fn note(&self, change: Change) {
        let mut waiting = self.waiting();
        if waiting.len() < WAITING {
            waiting.push(change);
        }
    }

    /// Sees to it that all that is in line is announced, or was tried to.
    pub(crate) async fn announce(&self) {
        let _turn = self.turn.lock().await;
        // Whoever had the turn before may have announced what this call is about.
        let mut changes = std::mem::take(&mut *self.waiting());
        if changes.is_empty() || self.topics.is_empty() {
            return;
        }
        changes.sort_unstable_by_key(|change| change.revision);
        let events: Vec<Event> = changes
            .iter()
            .flat_map(|change| self.events(change))
            .collect();
        let (first, last) = (revision(changes.first()), revision(changes.last()));
        match tokio::time::timeout(DEADLINE, self.bus.publish(&events)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%first, %last, %error, "changes are not announced");
            }
            Err(_) => {
                tracing::warn!(%first, %last, "changes are not announced: the event bus is too slow");
            }
        }
    }

    /// One event, told on every topic: it is one fact, and has one id.
    fn events(&self, change: &Change) -> impl Iterator<Item = Event> {
        let first = self.topics.first().map(|topic| Event {
            source: Some(Arc::clone(&self.source)),
            ..event_from_change(change, topic.clone())
        });
        first.into_iter().flat_map(|event| {
            self.topics.iter().map(move |topic| Event {
                topic: topic.clone(),
                ..event.clone()
            })
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Change>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn revision(change: Option<&Change>) -> Revision {
    change.map_or(Revision::ZERO, |change| change.revision)
}

impl fmt::Debug for Announcer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcer")
            .field("bus", &self.bus)
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChangeKind, Id};
    use async_trait::async_trait;
    use chrono::Utc;
    use futures::future::join_all;
    use hotbed_events::{Error, Interest, Subscription};

    /// A bus that takes its time and keeps what it was given, call by call.
    #[derive(Debug, Default)]
    struct SlowBus {
        calls: Mutex<Vec<Vec<Event>>>,
    }

    #[async_trait]
    impl EventBus for SlowBus {
        async fn publish(&self, events: &[Event]) -> Result<(), Error> {
            tokio::time::sleep(Duration::from_millis(10)).await;
            self.calls.lock().unwrap().push(events.to_vec());
            Ok(())
        }

        async fn subscribe(&self, _: &Interest) -> Result<Subscription, Error> {
            unreachable!("nobody listens here")
        }
    }

    fn change(revision: u64) -> Change {
        Change {
            id: Id::new("a").unwrap(),
            revision: Revision(revision),
            kind: ChangeKind::Updated,
            at: Utc::now(),
        }
    }

    fn topics() -> Vec<Topic> {
        ["registry:bots", "registry:instances"]
            .map(|name| Topic::new(name).unwrap())
            .to_vec()
    }

    /// Mutations it catches: publishing each change by itself, and not sorting those that wait.
    #[tokio::test(start_paused = true)]
    async fn changes_that_come_while_the_bus_is_busy_are_announced_together_and_in_order() {
        let bus = Arc::new(SlowBus::default());
        let announcer = Announcer::new(bus.clone(), topics(), "node".into());
        let writes = [1, 4, 3, 2].map(|revision| {
            let announcer = &announcer;
            async move {
                announcer.note(change(revision));
                announcer.announce().await;
            }
        });
        join_all(writes).await;
        let calls = bus.calls.lock().unwrap();
        let told: Vec<Vec<(u64, &str)>> = calls
            .iter()
            .map(|events| {
                let told = events.iter().map(|event| {
                    let revision = event.payload["revision"].as_u64().unwrap();
                    (revision, event.topic.as_str())
                });
                told.collect()
            })
            .collect();
        let on_both = |revision| topics_of(revision);
        let rest = [2, 3, 4].into_iter().flat_map(on_both).collect::<Vec<_>>();
        assert_eq!(told, [on_both(1), rest]);
        assert_eq!(calls[0][0].id, calls[0][1].id, "one fact has one id");
        assert_ne!(calls[0][0].id, calls[1][0].id);
        assert_eq!(calls[0][0].source.as_deref(), Some("node"));
    }

    fn topics_of(revision: u64) -> Vec<(u64, &'static str)> {
        vec![
            (revision, "registry:bots"),
            (revision, "registry:instances"),
        ]
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_bounded() {
        let announcer = Announcer::new(Arc::new(SlowBus::default()), topics(), "node".into());
        for revision in 0..2 * WAITING as u64 {
            announcer.note(change(revision));
        }
        assert_eq!(announcer.waiting().len(), WAITING);
    }
}

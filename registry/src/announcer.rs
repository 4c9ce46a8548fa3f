use crate::announce::COLLECTION;
use crate::{Change, CollectionName, Revision, event_from_change};
use hotbed_events::{Event, EventBus, Topic};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How long the bus may take over what is announced at once.
const DEADLINE: Duration = Duration::from_secs(1);
/// Changes that wait for their announcement, at most. The oldest make room: a node that is told of the newest reads the
/// log, and there are the others.
const WAITING: usize = 10_000;
/// How long to wait before announcing again what could not be announced; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Tells the other nodes of committed changes: in the order of their revisions as far as possible, those that come
/// while the bus is busy together.
///
/// The commit stands whatever becomes of its announcement. What the bus did not take is announced again, for it may be
/// only this node that the bus does not hear: the others would believe that they miss nothing.
pub(crate) struct Announcer {
    bus: Arc<dyn EventBus>,
    collection: CollectionName,
    topics: Vec<Topic>,
    source: Arc<str>,
    waiting: Mutex<VecDeque<Change>>,
    /// Held while publishing.
    turn: tokio::sync::Mutex<()>,
    /// Rings when the bus did not take something.
    failed: Notify,
}

impl Announcer {
    pub(crate) fn new(
        bus: Arc<dyn EventBus>,
        collection: CollectionName,
        topics: Vec<Topic>,
        source: Arc<str>,
    ) -> Self {
        Self {
            bus,
            collection,
            topics,
            source,
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            failed: Notify::new(),
        }
    }

    /// Puts a change in line. Whoever does so owes a call of [`announce`](Self::announce).
    pub(crate) fn note(&self, change: Change) {
        let mut waiting = self.waiting();
        if waiting.len() >= WAITING {
            waiting.pop_front();
        }
        waiting.push_back(change);
    }

    /// Sees to it that all that is in line is announced, or was tried to. What the bus did not take stays in line, for
    /// the next call or [`keep_trying`](Self::keep_trying).
    pub(crate) async fn announce(&self) {
        if !self.announced().await {
            self.failed.notify_one();
        }
    }

    /// Announces again what the bus did not take, in growing pauses, for as long as it is polled.
    pub(crate) async fn keep_trying(&self) -> std::convert::Infallible {
        loop {
            self.failed.notified().await;
            let mut pause = FIRST_PAUSE;
            loop {
                tokio::time::sleep(pause).await;
                if self.announced().await {
                    break;
                }
                pause = LONGEST_PAUSE.min(2 * pause);
            }
        }
    }

    /// False if the bus did not take what was in line.
    async fn announced(&self) -> bool {
        let _turn = self.turn.lock().await;
        // Whoever had the turn before may have announced what this call is about.
        let mut changes = Vec::from(std::mem::take(&mut *self.waiting()));
        if changes.is_empty() || self.topics.is_empty() {
            return true;
        }
        changes.sort_unstable_by_key(|change| change.revision);
        let events: Vec<Event> = changes
            .iter()
            .flat_map(|change| self.events(change))
            .collect();
        let (first, last) = (revision(changes.first()), revision(changes.last()));
        match tokio::time::timeout(DEADLINE, self.bus.publish(&events)).await {
            Ok(Ok(())) => return true,
            Ok(Err(error @ hotbed_events::Error::TooLarge { .. })) => {
                tracing::error!(%first, %last, %error, "changes are not announced: the log tells of them");
                return true;
            }
            Ok(Err(error)) => {
                tracing::warn!(%first, %last, %error, "changes are not announced yet");
            }
            Err(_) => {
                tracing::warn!(%first, %last, "changes are not announced yet: the event bus is too slow");
            }
        }
        let mut waiting = self.waiting();
        for change in changes.into_iter().rev() {
            if waiting.len() >= WAITING {
                break;
            }
            waiting.push_front(change);
        }
        false
    }

    /// One event, told on every topic: it is one fact, and has one id.
    fn events(&self, change: &Change) -> impl Iterator<Item = Event> {
        let first = self.topics.first().map(|topic| {
            let mut event = event_from_change(change, topic.clone());
            let collection = self.collection.as_str().into();
            event.payload.insert(COLLECTION.into(), collection);
            event.source = Some(Arc::clone(&self.source));
            event
        });
        first.into_iter().flat_map(|event| {
            self.topics.iter().map(move |topic| Event {
                topic: topic.clone(),
                ..event.clone()
            })
        })
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Change>> {
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
    use tokio::time::Instant;

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
        let announcer =
            Announcer::new(bus.clone(), CollectionName::bots(), topics(), "node".into());
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

    /// A bus that takes nothing for a while.
    #[derive(Debug)]
    struct DeafBus {
        deaf_until: Instant,
        hangs: bool,
        taken: Mutex<Vec<u64>>,
    }

    #[async_trait]
    impl EventBus for DeafBus {
        async fn publish(&self, events: &[Event]) -> Result<(), Error> {
            if Instant::now() < self.deaf_until {
                if self.hangs {
                    tokio::time::sleep(Duration::from_hours(1)).await;
                }
                return Err(Error::Unavailable {
                    operation: "publish",
                    source: "it is deaf".into(),
                });
            }
            let revisions = events
                .iter()
                .filter_map(|it| it.payload["revision"].as_u64());
            self.taken.lock().unwrap().extend(revisions);
            Ok(())
        }

        async fn subscribe(&self, _: &Interest) -> Result<Subscription, Error> {
            unreachable!("nobody listens here")
        }
    }

    /// Mutations it catches, each tried: what failed is not kept, or nobody is told that it waits.
    #[tokio::test(start_paused = true)]
    async fn what_the_bus_did_not_take_is_announced_when_it_does() {
        for hangs in [false, true] {
            let bus = Arc::new(DeafBus {
                deaf_until: Instant::now() + Duration::from_secs(20),
                hangs,
                taken: Mutex::default(),
            });
            let topics = vec![Topic::new("registry:bots").unwrap()];
            let announcer =
                Announcer::new(bus.clone(), CollectionName::bots(), topics, "node".into());
            let writes = async {
                for revision in 1..=3 {
                    announcer.note(change(revision));
                    announcer.announce().await;
                    tokio::time::sleep(Duration::from_secs(3)).await;
                }
                tokio::time::sleep_until(bus.deaf_until + LONGEST_PAUSE + DEADLINE).await;
            };
            tokio::select! {
                () = writes => {}
                never = announcer.keep_trying() => match never {},
            }
            assert_eq!(*bus.taken.lock().unwrap(), [1, 2, 3], "hangs: {hangs}");
        }
    }

    /// Mutations it catches, each tried: what comes when the line is full is not kept, or takes the place of the last.
    #[tokio::test(start_paused = true)]
    async fn what_waits_is_bounded_and_the_newest_is_not_what_is_forgotten() {
        let announcer = Announcer::new(
            Arc::new(SlowBus::default()),
            CollectionName::bots(),
            topics(),
            "node".into(),
        );
        for revision in 0..2 * WAITING as u64 {
            announcer.note(change(revision));
        }
        assert_eq!(announcer.waiting().len(), WAITING);
        let waiting = announcer.waiting();
        let ends = [waiting.front(), waiting.back()].map(revision);
        assert_eq!(
            ends.map(|end| end.0),
            [WAITING as u64, 2 * WAITING as u64 - 1]
        );
    }
}

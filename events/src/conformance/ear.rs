//! A subscription under test, with the verbs that keep cases short.

use crate::{Delivery, Event, EventBus, EventKind, Interest, Pattern, Subscription, Topic};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;

/// How long anything may take that only needs a working server.
pub(super) const SOON: Duration = Duration::from_secs(10);
/// How long it may take until an outage, or its end, was noticed: also by those who hear nothing.
const NOTICED: Duration = Duration::from_secs(30);

pub(super) fn topic(name: &str) -> Topic {
    Topic::new(name).expect("a good topic")
}

pub(super) fn topics<const N: usize>(names: [&str; N]) -> Interest {
    names.map(topic).into_iter().collect()
}

pub(super) fn pattern(text: &str) -> Pattern {
    Pattern::new(text).expect("a good pattern")
}

/// A new event of this topic.
pub(super) fn event(name: &str) -> Event {
    numbered(name, 0)
}

/// A new event of this topic with a number in it.
pub(super) fn numbered(name: &str, number: usize) -> Event {
    let payload = Map::from_iter([("n".to_owned(), Value::from(number))]);
    Event::new(topic(name), EventKind::Updated, payload)
}

/// Publishes events, which must be possible.
pub(super) async fn tell(bus: &dyn EventBus, events: &[Event]) {
    let told = tokio::time::timeout(SOON, bus.publish(events)).await;
    told.expect("publishing ends soon")
        .expect("events are published");
}

/// Publishes an event once that is possible again.
pub(super) async fn tell_at_last(bus: &dyn EventBus, event: &Event) {
    let trying = async {
        while bus.publish(std::slice::from_ref(event)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let told = tokio::time::timeout(NOTICED, trying).await;
    told.expect("publishing is possible again after an outage");
}

/// The end of a bus that listens.
pub(super) struct Ear(Subscription);

impl Ear {
    /// Subscribes, which must be possible, and takes the first gap.
    pub(super) async fn open(bus: &dyn EventBus, interest: impl Into<Interest>) -> Self {
        let subscribed = tokio::time::timeout(SOON, bus.subscribe(&interest.into())).await;
        let subscription = subscribed.expect("subscribing ends soon");
        Self::of(subscription.expect("a subscription is made")).await
    }

    /// Takes the first gap of a subscription.
    pub(super) async fn of(subscription: Subscription) -> Self {
        let mut ear = Self(subscription);
        assert_eq!(ear.next().await, Delivery::Gap, "first of all");
        ear
    }

    /// The next delivery.
    pub(super) async fn next(&mut self) -> Delivery {
        Self::within(SOON, self.0.next()).await
    }

    /// The next event, whatever gaps are told before it.
    pub(super) async fn event(&mut self) -> Event {
        loop {
            match self.next().await {
                Delivery::Event(event) => return Arc::unwrap_or_clone(event),
                Delivery::Gap => {}
                lost @ Delivery::Lost(_) => panic!("an event is heard next, not {lost:?}"),
            }
        }
    }

    /// Hears exactly these events, in this order.
    pub(super) async fn hears(&mut self, events: &[Event]) {
        for expected in events {
            let heard = self.event().await;
            assert_eq!(heard.id, expected.id, "{heard:?} in place of {expected:?}");
        }
    }

    /// Is told that nothing is heard any more.
    pub(super) async fn is_told_of_the_loss(&mut self) {
        loop {
            match Self::within(NOTICED, self.0.next()).await {
                Delivery::Lost(reason) => {
                    assert!(!reason.is_empty(), "why is said");
                    return;
                }
                Delivery::Gap => {}
                Delivery::Event(event) => panic!("the loss is told next, not {event:?}"),
            }
        }
    }

    /// Is told that it hears again.
    pub(super) async fn is_told_of_the_gap(&mut self) {
        loop {
            match Self::within(NOTICED, self.0.next()).await {
                Delivery::Gap => return,
                Delivery::Lost(_) => {}
                Delivery::Event(event) => panic!("the gap is told before {event:?}"),
            }
        }
    }

    async fn within(time: Duration, next: impl Future<Output = Option<Delivery>>) -> Delivery {
        let next = tokio::time::timeout(time, next).await;
        let next = next.unwrap_or_else(|_| panic!("nothing is heard within {time:?}"));
        next.expect("a subscription lasts as long as its bus")
    }
}

use crate::{Delivery, Event, Interest, Subscription};
use futures::stream;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::broadcast::{self, error::RecvError};
use uuid::Uuid;

/// Events that a subscriber may fall behind by before it is told [`Delivery::Gap`] instead.
const CAPACITY: usize = 1024;
/// Events among which a second telling of one is recognised.
const REMEMBERED: usize = 16;

/// Hands what arrives in a process to whoever listens there: what a bus has between its one connection and its
/// subscribers.
///
/// One bounded ring serves all topics. A slow subscriber costs nobody else anything: it loses its oldest events and
/// gets a gap in their place. An event that is told on several topics, close together, reaches a subscriber once.
#[derive(Debug, Clone)]
pub struct Hub {
    ring: broadcast::Sender<Delivery>,
}

impl Hub {
    /// A hub without subscribers.
    pub fn new() -> Self {
        Self {
            ring: broadcast::Sender::new(CAPACITY),
        }
    }

    /// Tells an event to those who are interested in its topic.
    pub fn tell(&self, event: Arc<Event>) {
        self.send(Delivery::Event(event));
    }

    /// Tells everybody that events may have been missed.
    pub fn gap(&self) {
        self.send(Delivery::Gap);
    }

    /// Tells everybody that no events are heard any more, and why.
    pub fn lost(&self, reason: Arc<str>) {
        self.send(Delivery::Lost(reason));
    }

    /// Listens from now on. The subscription ends when the hub and all its clones are gone.
    pub fn subscribe(&self, interest: Interest) -> Subscription {
        let listener = Listener {
            ring: self.ring.subscribe(),
            interest,
            told: VecDeque::with_capacity(REMEMBERED),
        };
        Subscription::new(stream::unfold(listener, Listener::next))
    }

    fn send(&self, delivery: Delivery) {
        // An error means that nobody listens.
        drop(self.ring.send(delivery));
    }
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

struct Listener {
    ring: broadcast::Receiver<Delivery>,
    interest: Interest,
    /// The newest last.
    told: VecDeque<Uuid>,
}

impl Listener {
    async fn next(mut self) -> Option<(Delivery, Self)> {
        loop {
            match self.ring.recv().await {
                Ok(Delivery::Event(event)) => {
                    if self.interest.covers(&event.topic) && self.is_first_telling(event.id) {
                        return Some((Delivery::Event(event), self));
                    }
                }
                Ok(lost @ Delivery::Lost(_)) => return Some((lost, self)),
                Ok(Delivery::Gap) | Err(RecvError::Lagged(_)) => {
                    return Some((Delivery::Gap, self));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn is_first_telling(&mut self, id: Uuid) -> bool {
        if self.told.contains(&id) {
            return false;
        }
        if self.told.len() == REMEMBERED {
            self.told.pop_front();
        }
        self.told.push_back(id);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventKind, Topic};
    use serde_json::Map;

    fn event(topic: &str) -> Event {
        Event::new(Topic::new(topic).unwrap(), EventKind::Updated, Map::new())
    }

    fn told(event: &Event) -> Option<Delivery> {
        Some(Delivery::Event(Arc::new(event.clone())))
    }

    #[tokio::test]
    async fn a_subscription_begins_with_a_gap_and_hears_only_what_it_is_interested_in() {
        let hub = Hub::new();
        let mut bots = hub.subscribe(Topic::new("bots").unwrap().into());
        hub.tell(Arc::new(event("mods")));
        let sent = event("bots");
        hub.tell(Arc::new(sent.clone()));
        assert_eq!(bots.next().await, Some(Delivery::Gap));
        assert_eq!(bots.next().await, told(&sent));
    }

    #[tokio::test]
    async fn a_slow_subscriber_gets_a_gap_and_delays_nobody() {
        let hub = Hub::new();
        let mut slow = hub.subscribe(Topic::new("bots").unwrap().into());
        for _ in 0..CAPACITY * 2 {
            hub.tell(Arc::new(event("bots")));
        }
        assert_eq!(slow.next().await, Some(Delivery::Gap));
        let overflow = slow.next().await;
        assert_eq!(overflow, Some(Delivery::Gap), "announced, not hidden");
        assert!(matches!(slow.next().await, Some(Delivery::Event(_))));
    }

    #[tokio::test]
    async fn one_fact_told_on_two_topics_is_heard_once() {
        let hub = Hub::new();
        let interest = ["a", "b"].map(|name| Topic::new(name).unwrap());
        let mut both = hub.subscribe(interest.into_iter().collect());
        let on_a = event("a");
        let on_b = Event {
            topic: Topic::new("b").unwrap(),
            ..on_a.clone()
        };
        let other = event("b");
        for sent in [&on_a, &on_b, &other] {
            hub.tell(Arc::new(sent.clone()));
        }
        assert_eq!(both.next().await, Some(Delivery::Gap));
        assert_eq!(both.next().await, told(&on_a));
        assert_eq!(both.next().await, told(&other));
    }

    #[tokio::test]
    async fn a_loss_and_a_gap_reach_everybody() {
        let hub = Hub::new();
        let mut bots = hub.subscribe(Topic::new("bots").unwrap().into());
        hub.lost("gone".into());
        assert_eq!(bots.next().await, Some(Delivery::Gap));
        assert_eq!(bots.next().await, Some(Delivery::Lost("gone".into())));
        hub.gap();
        hub.gap();
        for _ in 0..2 {
            assert_eq!(bots.next().await, Some(Delivery::Gap));
        }
    }

    #[tokio::test]
    async fn a_subscription_ends_when_the_hub_is_gone() {
        let hub = Hub::new();
        let mut bots = hub.subscribe(Topic::new("bots").unwrap().into());
        drop(hub);
        assert_eq!(bots.next().await, Some(Delivery::Gap));
        assert_eq!(bots.next().await, None);
    }
}

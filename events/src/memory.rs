use crate::{Delivery, Error, Event, EventBus, Subscription, Topic};
use async_trait::async_trait;
use futures::stream;
use std::sync::Arc;
use tokio::sync::broadcast::{self, error::RecvError};

/// Events that a subscriber may fall behind by before it is told [`Delivery::Gap`] instead.
const CAPACITY: usize = 1024;

/// The bus within one process: the embedded default.
///
/// One bounded ring serves all topics, so a slow subscriber costs nobody else anything: it loses its oldest
/// events and gets a gap in their place.
#[derive(Debug, Clone)]
pub struct MemoryBus {
    ring: broadcast::Sender<Arc<Event>>,
}

impl MemoryBus {
    /// An empty bus.
    pub fn new() -> Self {
        Self {
            ring: broadcast::Sender::new(CAPACITY),
        }
    }
}

impl Default for MemoryBus {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl EventBus for MemoryBus {
    async fn publish(&self, event: Event) -> Result<(), Error> {
        // An error means that nobody listens, which is not a failure of the bus.
        drop(self.ring.send(Arc::new(event)));
        Ok(())
    }

    async fn subscribe(&self, topic: &Topic) -> Result<Subscription, Error> {
        let state = (self.ring.subscribe(), topic.clone());
        Ok(Subscription::new(stream::unfold(
            state,
            |(mut ring, topic)| async move {
                loop {
                    match ring.recv().await {
                        Ok(event) if event.topic == topic => {
                            return Some((Delivery::Event(event), (ring, topic)));
                        }
                        Ok(_) => {}
                        Err(RecvError::Lagged(_)) => return Some((Delivery::Gap, (ring, topic))),
                        Err(RecvError::Closed) => return None,
                    }
                }
            },
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventKind;
    use serde_json::Map;

    fn event(topic: &str) -> Event {
        Event::new(Topic::new(topic).unwrap(), EventKind::Updated, Map::new())
    }

    #[tokio::test]
    async fn a_subscription_begins_with_a_gap_and_hears_only_its_topic() {
        let bus = MemoryBus::new();
        let mut bots = bus.subscribe(&Topic::new("bots").unwrap()).await.unwrap();
        bus.publish(event("mods")).await.unwrap();
        let sent = event("bots");
        bus.publish(sent.clone()).await.unwrap();
        assert_eq!(bots.next().await, Some(Delivery::Gap));
        assert_eq!(bots.next().await, Some(Delivery::Event(Arc::new(sent))));
    }

    #[tokio::test]
    async fn a_slow_subscriber_gets_a_gap_and_delays_nobody() {
        let bus = MemoryBus::new();
        let mut slow = bus.subscribe(&Topic::new("bots").unwrap()).await.unwrap();
        for _ in 0..CAPACITY * 2 {
            bus.publish(event("bots")).await.unwrap();
        }
        assert_eq!(slow.next().await, Some(Delivery::Gap));
        assert_eq!(
            slow.next().await,
            Some(Delivery::Gap),
            "the overflow is announced, not hidden"
        );
        assert!(matches!(slow.next().await, Some(Delivery::Event(_))));
    }

    #[tokio::test]
    async fn a_subscription_ends_when_the_bus_is_gone() {
        let bus = MemoryBus::new();
        let mut sub = bus.subscribe(&Topic::new("bots").unwrap()).await.unwrap();
        drop(bus);
        assert_eq!(sub.next().await, Some(Delivery::Gap));
        assert_eq!(sub.next().await, None);
    }
}

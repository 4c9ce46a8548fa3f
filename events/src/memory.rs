use crate::{Error, Event, EventBus, Hub, Interest, Subscription};
use async_trait::async_trait;
use std::sync::Arc;

/// The bus within one process: the embedded default.
#[derive(Debug, Clone, Default)]
pub struct MemoryBus {
    hub: Hub,
}

impl MemoryBus {
    /// An empty bus.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl EventBus for MemoryBus {
    async fn publish(&self, events: &[Event]) -> Result<(), Error> {
        for event in events {
            self.hub.tell(Arc::new(event.clone()));
        }
        Ok(())
    }

    async fn subscribe(&self, interest: &Interest) -> Result<Subscription, Error> {
        Ok(self.hub.subscribe(interest.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Delivery, EventKind, Topic};
    use serde_json::Map;

    #[tokio::test]
    async fn what_is_published_is_heard_in_order() {
        let bus = MemoryBus::new();
        let topic = Topic::new("bots").unwrap();
        let mut bots = bus.subscribe(&topic.clone().into()).await.unwrap();
        let sent: Vec<Event> = (0..3)
            .map(|_| Event::new(topic.clone(), EventKind::Updated, Map::new()))
            .collect();
        bus.publish(&sent).await.unwrap();
        assert_eq!(bots.next().await, Some(Delivery::Gap));
        for event in sent {
            assert_eq!(bots.next().await, Some(Delivery::Event(Arc::new(event))));
        }
    }
}

use super::announced::Announced;
use crate::waiting::StoreAt;
use async_trait::async_trait;
use futures::stream::{self, Stream, StreamExt};
use hotbed_events::{Delivery, Error, Event, EventBus, Interest, MemoryBus, Subscription, Topic};
use hotbed_registry::CollectionName;
use std::future::ready;
use std::sync::Arc;

/// What stands before a collection's name in its topic.
const PREFIX: &str = "registry:";

/// Carries what a config service across the network announces, and what is published in this process.
///
/// Another hotbed announces each write of its log to all who listen, so nothing need be published there: a write of
/// anybody reaches every node that has this for its bus. A subscription ends when its connection does; the next one
/// begins with a gap, as all do, and whoever follows reads the log on from where he was. A service that is no hotbed
/// announces nothing: poll it.
#[derive(Debug)]
pub(crate) struct HttpBus {
    store: Arc<StoreAt>,
    local: MemoryBus,
}

impl HttpBus {
    pub(crate) fn new(store: Arc<StoreAt>) -> Self {
        Self {
            store,
            local: MemoryBus::new(),
        }
    }

    /// What the service announces of a topic; `None` if it announces nothing.
    async fn announced(&self, topic: &Topic) -> Result<Option<Announced>, Error> {
        let name = topic.as_str().strip_prefix(PREFIX);
        let Some(name) = name.and_then(|name| CollectionName::new(name).ok()) else {
            return Ok(None);
        };
        let store = self.store.store().await.map_err(unheard)?;
        match store.http() {
            Some(http) => http.announced(&name, topic.clone()).await.map_err(unheard),
            None => Ok(None),
        }
    }
}

fn unheard(error: hotbed_registry::Error) -> Error {
    Error::Unavailable {
        operation: "subscribe",
        source: error.into(),
    }
}

#[async_trait]
impl EventBus for HttpBus {
    async fn publish(&self, events: &[Event]) -> Result<(), Error> {
        self.local.publish(events).await
    }

    /// Of the topics that a pattern matches, what other processes announce is not heard.
    async fn subscribe(&self, interest: &Interest) -> Result<Subscription, Error> {
        let local = deliveries(self.local.subscribe(interest).await?);
        let mut all = vec![local.map(Some).boxed()];
        for topic in interest.topics() {
            if let Some(announced) = self.announced(topic).await? {
                // The end of a connection is the end of all.
                let end = stream::once(ready(None));
                all.push(announced.map(Some).chain(end).boxed());
            }
        }
        let all = stream::select_all(all);
        Ok(Subscription::new(
            all.take_while(|it| ready(it.is_some())).filter_map(ready),
        ))
    }
}

fn deliveries(subscription: Subscription) -> impl Stream<Item = Delivery> + Send {
    stream::unfold(subscription, |mut subscription| async move {
        let delivery = subscription.next().await?;
        Some((delivery, subscription))
    })
}

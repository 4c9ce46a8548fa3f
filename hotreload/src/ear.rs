use crate::ReloadMode;
use crate::pace::{MAX_RETRY, backoff};
use futures::FutureExt;
use futures::future::BoxFuture;
use hotbed_cache::Chance;
use hotbed_events::{Delivery, Event, EventBus, Interest, Subscription};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long one attempt to subscribe may take.
const SUBSCRIBE_DEADLINE: Duration = Duration::from_secs(5);

/// What there is to hear.
pub(crate) enum Heard {
    Event(Arc<Event>),
    Gap,
    /// Nothing is heard from here on, and why.
    Loss(String),
}

/// Listens to the bus, for ever: subscribes again whenever the subscription ends.
pub(crate) struct Ear {
    source: Option<(Arc<dyn EventBus>, Interest)>,
    chance: Arc<Chance>,
    /// Since when it is subscribed.
    subscription: Option<(Subscription, Instant)>,
    /// An attempt to subscribe. Kept here, for a dropped `hear` must not begin it anew, nor the wait before it.
    attempt: Option<BoxFuture<'static, Result<Subscription, String>>>,
    failures: u32,
}

impl Ear {
    pub(crate) fn new(mode: &ReloadMode, chance: Arc<Chance>) -> Self {
        let source = mode
            .events()
            .map(|(bus, topics)| (Arc::clone(bus), topics.clone()));
        Self {
            source,
            chance,
            subscription: None,
            attempt: None,
            failures: 0,
        }
    }

    /// Waits for what comes next. Cancel-safe.
    pub(crate) async fn hear(&mut self) -> Heard {
        let Some((bus, topics)) = &self.source else {
            return std::future::pending().await;
        };
        loop {
            if let Some((subscription, since)) = &mut self.subscription {
                match subscription.next().await {
                    Some(Delivery::Event(event)) => return Heard::Event(event),
                    Some(Delivery::Gap) => return Heard::Gap,
                    Some(Delivery::Lost(reason)) => {
                        return Heard::Loss(format!("event bus is not heard: {reason}"));
                    }
                    None => {
                        // One that never lasts is as bad as none: the wait goes on growing.
                        if since.elapsed() > MAX_RETRY {
                            self.failures = 0;
                        }
                        self.failures = self.failures.saturating_add(1);
                        self.subscription = None;
                        tracing::warn!(%topics, "subscription ended: subscribing again");
                        return Heard::Loss("event bus ended the subscription".into());
                    }
                }
            }
            let attempt = self
                .attempt
                .get_or_insert_with(|| subscribe(bus, topics, self.failures, &self.chance));
            let subscribed = attempt.await;
            self.attempt = None;
            match subscribed {
                Ok(subscription) => self.subscription = Some((subscription, Instant::now())),
                Err(error) => {
                    self.failures = self.failures.saturating_add(1);
                    tracing::warn!(%topics, error, "event bus is not heard");
                    return Heard::Loss(format!("event bus is not heard: {error}"));
                }
            }
        }
    }
}

/// Subscribes once, after the wait that so many failures deserve.
fn subscribe(
    bus: &Arc<dyn EventBus>,
    topics: &Interest,
    failures: u32,
    chance: &Chance,
) -> BoxFuture<'static, Result<Subscription, String>> {
    let (bus, topics) = (Arc::clone(bus), topics.clone());
    let wait = (failures > 0).then(|| backoff(failures, MAX_RETRY, chance));
    let attempt = async move {
        if let Some(wait) = wait {
            tokio::time::sleep(wait).await;
        }
        match tokio::time::timeout(SUBSCRIBE_DEADLINE, bus.subscribe(&topics)).await {
            Ok(subscribed) => subscribed.map_err(|error| error.to_string()),
            Err(_) => Err("it did not answer in time".to_owned()),
        }
    };
    attempt.boxed()
}

//! Events by way of a real NATS server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)]
mod carrying;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod faults;

use hotbed_backends::{BusUrl, open_bus};
use hotbed_events::{Delivery, Event, EventBus, EventKind, Interest, Subscription, Topic};
use hotbed_testkit::NatsServer;
use serde_json::Map;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// How long anything may take that only needs a working server.
const SOON: Duration = Duration::from_secs(10);

/// A bus as a process of its own would have it.
fn bus(url: &str) -> Arc<dyn EventBus> {
    open_bus(&url.parse::<BusUrl>().unwrap())
}

/// The way to a server that runs, below a prefix that nobody else has.
fn url() -> String {
    static PREFIXES: AtomicU32 = AtomicU32::new(0);
    let number = PREFIXES.fetch_add(1, Ordering::Relaxed);
    format!("{}?prefix=test-{number}", NatsServer::shared().url())
}

fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

fn event(name: &str) -> Event {
    Event::new(topic(name), EventKind::Updated, Map::new())
}

/// Listens; takes the first gap.
async fn subscribe(bus: &Arc<dyn EventBus>, interest: impl Into<Interest>) -> Subscription {
    let mut heard = bus.subscribe(&interest.into()).await.unwrap();
    assert_eq!(next(&mut heard).await, Delivery::Gap);
    heard
}

async fn next(heard: &mut Subscription) -> Delivery {
    timeout(SOON, heard.next()).await.unwrap().unwrap()
}

/// The next event, whatever gaps are told before: a connection begins with one.
async fn hears(heard: &mut Subscription) -> Arc<Event> {
    loop {
        match next(heard).await {
            Delivery::Event(event) => return event,
            Delivery::Gap => {}
            lost @ Delivery::Lost(_) => panic!("an event is heard, not {lost:?}"),
        }
    }
}

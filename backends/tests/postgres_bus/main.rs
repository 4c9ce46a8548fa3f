//! Events by way of a real PostgreSQL server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)]
mod carrying;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod database;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod python;
#[cfg(test)]
mod registry;

use hotbed_backends::{BusUrl, open_bus};
use hotbed_events::{Delivery, Event, EventBus, EventKind, Interest, Subscription, Topic};
use serde_json::{Map, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long anything may take that only needs a working server.
const SOON: Duration = Duration::from_secs(10);

/// A bus as a process of its own would have it.
fn bus(url: &str) -> Arc<dyn EventBus> {
    open_bus(&url.parse::<BusUrl>().unwrap())
}

fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

fn event(name: &str) -> Event {
    Event::new(topic(name), EventKind::Updated, Map::new())
}

/// An event with so many bytes of text in it.
fn large(name: &str, bytes: usize) -> Event {
    let payload = json!({"text": "x".repeat(bytes)});
    Event {
        payload: payload.as_object().unwrap().clone(),
        ..event(name)
    }
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

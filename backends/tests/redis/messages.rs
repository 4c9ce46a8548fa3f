//! What stands on the channels: ours and everybody else's.

use hotbed_backends::open_bus;
use hotbed_events::{Delivery, Event, EventBus, EventKind, Pattern, Subscription, Topic};
use hotbed_testkit::RedisServer;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);

/// A bus that is alone on its server, and a subscription to one topic that hears what is sent to it.
async fn alone() -> (RedisServer, Arc<dyn EventBus>, Subscription) {
    let server = RedisServer::start(&[]);
    let bus = open_bus(&server.url().parse().unwrap());
    let topic = Topic::new("registry:instances").unwrap();
    let mut subscription = bus.subscribe(&topic.into()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(next(&mut subscription).await, Delivery::Gap);
    }
    (server, bus, subscription)
}

async fn next(subscription: &mut Subscription) -> Delivery {
    let next = timeout(DEADLINE, subscription.next()).await;
    next.expect("something is heard").expect("it lasts")
}

/// Mutation it catches: taking the topic that its sender wrote into it for the one it was published on.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_of_the_channel_that_it_came_on() {
    let (server, _bus, mut subscription) = alone().await;
    let message = json!({
        "type": "updated", "topic": "registry:instances:my-bot", "payload": {"instance_id": "my-bot"},
        "timestamp": "2026-01-02T03:04:05.123456+00:00", "event_id": "0e4c4b0e-5b0f-4d0a-9a9e-0123456789ab",
        "source": "caching_manager", "correlation_id": null, "metadata": {},
    });
    let channel = "events:registry:instances";
    server.ask(&["PUBLISH", channel, &message.to_string()]);
    let Delivery::Event(event) = next(&mut subscription).await else {
        panic!("an event");
    };
    assert_eq!(event.topic.as_str(), "registry:instances");
    assert_eq!(event.payload["instance_id"], "my-bot");
    assert_eq!(event.source.as_deref(), Some("caching_manager"));
}

/// Mutation it catches: passing over what is not understood.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_is_a_gap() {
    let (server, bus, mut subscription) = alone().await;
    for message in ["", "no JSON", "{}", r#"{"type":"exploded","topic":"a"}"#] {
        server.ask(&["PUBLISH", "events:registry:instances", message]);
        assert_eq!(next(&mut subscription).await, Delivery::Gap, "{message}");
    }
    // What is on other channels is nobody's business, whatever it is.
    let all = bus.subscribe(&Pattern::new("*").unwrap().into()).await;
    let mut all = all.unwrap();
    assert_eq!(next(&mut all).await, Delivery::Gap);
    server.ask(&["PUBLISH", "events:", "no topic"]);
    server.ask(&["PUBLISH", "events:a b", "no topic"]);
    server.ask(&["PUBLISH", "others:registry:bots", "no event"]);
    let sent = Event::new(Topic::new("a").unwrap(), EventKind::Custom, Map::new());
    bus.publish(std::slice::from_ref(&sent)).await.unwrap();
    let heard = next(&mut all).await;
    assert!(
        matches!(&heard, Delivery::Event(event) if event.id == sent.id),
        "{heard:?}"
    );
}

/// As contracts/dynamic-registration says that the Python config service reads it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_what_the_python_service_reads() {
    let (server, bus, _subscription) = alone().await;
    let url = server.url();
    let client = redis::Client::open(url).unwrap();
    let mut raw = client.get_async_pubsub().await.unwrap();
    raw.subscribe("events:registry:bots").await.unwrap();
    let payload = json!({"instance_id": "a", "bot_id": "a", "revision": 7});
    let sent = Event::new(
        Topic::new("registry:bots").unwrap(),
        EventKind::Updated,
        payload.as_object().unwrap().clone(),
    )
    .from_source("hotbed:x");
    bus.publish(std::slice::from_ref(&sent)).await.unwrap();
    let message = {
        use futures::StreamExt;
        let mut messages = raw.on_message();
        timeout(DEADLINE, messages.next()).await.unwrap().unwrap()
    };
    let message: Value = serde_json::from_slice(message.get_payload_bytes()).unwrap();
    let timestamp = message["timestamp"].as_str().unwrap();
    assert!(timestamp.ends_with("+00:00"), "{timestamp}");
    assert_eq!(
        message,
        json!({
            "type": "updated", "topic": "registry:bots", "payload": payload, "timestamp": timestamp,
            "event_id": sent.id.to_string(), "source": "hotbed:x", "correlation_id": null, "metadata": {},
        })
    );
}

/// Mutation it catches: one round trip for each event.
#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_published_together_travel_together() {
    let (server, bus, _subscription) = alone().await;
    let topic = Topic::new("elsewhere").unwrap();
    let sent: Vec<Event> = (0..1_000)
        .map(|_| Event::new(topic.clone(), EventKind::Updated, Map::new()))
        .collect();
    bus.publish(&sent[..1]).await.unwrap();
    let before = reads(&server);
    bus.publish(&sent).await.unwrap();
    let reads = reads(&server) - before;
    // A quarter of a megabyte comes in pieces of at least 16 KiB; the question itself is among them.
    assert!(reads < 100, "{reads} reads");
}

/// How often the server has read something from a client.
fn reads(server: &RedisServer) -> u64 {
    let stats = server.ask(&["INFO", "stats"]);
    let count = stats
        .lines()
        .find_map(|line| line.strip_prefix("total_reads_processed:"));
    count.unwrap().trim().parse().unwrap()
}

//! What is carried, and what of others is understood.

use crate::{bus, event, hears, next, subscribe, topic, url};
use async_nats::Client;
use hotbed_events::{Delivery, Pattern};
use hotbed_testkit::NatsServer;

/// Somebody else on the same server.
async fn stranger() -> Client {
    async_nats::connect(NatsServer::shared().url())
        .await
        .unwrap()
}

fn prefix(url: &str) -> &str {
    url.split_once("?prefix=").unwrap().1
}

async fn tell(stranger: &Client, subject: String, message: &str) {
    stranger
        .publish(subject, message.to_owned().into())
        .await
        .unwrap();
    stranger.flush().await.unwrap();
}

#[tokio::test]
async fn what_others_write_is_heard_on_the_topic_of_its_subject() {
    let url = url();
    let bus = bus(&url);
    let mut heard = subscribe(&bus, topic("registry:instances")).await;
    let message =
        r#"{"type":"updated","topic":"registry:instances:a","payload":{"instance_id":"a"}}"#;
    tell(
        &stranger().await,
        format!("{}.registry:instances", prefix(&url)),
        message,
    )
    .await;
    let event = hears(&mut heard).await;
    assert_eq!(event.topic, topic("registry:instances"));
    assert_eq!(event.payload["instance_id"], "a");
}

/// Catches: what is not understood is passed over in silence, and what nobody wants is taken for it.
#[tokio::test]
async fn what_is_wanted_and_not_understood_is_a_gap() {
    let url = url();
    let bus = bus(&url);
    let mut heard = subscribe(&bus, topic("a")).await;
    bus.publish(&[event("a")]).await.unwrap();
    hears(&mut heard).await;
    let stranger = stranger().await;
    for unwanted in ["b", "a.b", "%61"] {
        tell(&stranger, format!("{}.{unwanted}", prefix(&url)), "odd").await;
    }
    tell(&stranger, format!("{}.a", prefix(&url)), "odd").await;
    assert_eq!(next(&mut heard).await, Delivery::Gap);
    let sent = event("a");
    bus.publish(std::slice::from_ref(&sent)).await.unwrap();
    assert!(matches!(next(&mut heard).await, Delivery::Event(event) if event.id == sent.id));
}

#[tokio::test]
async fn buses_of_another_prefix_hear_nothing_of_each_other() {
    let buses = [bus(&url()), bus(&url())];
    let all = || Pattern::new("*").unwrap();
    let mut ears = [
        subscribe(&buses[0], all()).await,
        subscribe(&buses[1], all()).await,
    ];
    let sent = [event("a"), event("a")];
    for (bus, event) in buses.iter().zip(&sent) {
        bus.publish(std::slice::from_ref(event)).await.unwrap();
    }
    for (ear, event) in ears.iter_mut().zip(&sent) {
        assert_eq!(hears(ear).await.id, event.id);
    }
}

/// Catches: a publisher that takes the socket's word for the server's.
#[tokio::test]
async fn who_has_published_has_been_heard_by_the_server() {
    let url = url();
    let (here, there) = (bus(&url), bus(&url));
    let mut heard = subscribe(&there, topic("a")).await;
    for _ in 0..100 {
        let sent = event("a");
        here.publish(std::slice::from_ref(&sent)).await.unwrap();
        assert_eq!(hears(&mut heard).await.id, sent.id);
    }
}

//! A URL says how to get to the server.

use hotbed_backends::open_bus;
use hotbed_events::{Delivery, Event, EventBus, EventKind, Topic};
use hotbed_testkit::RedisServer;
use serde_json::Map;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);

fn bus(url: &str) -> Arc<dyn EventBus> {
    open_bus(&url.parse().unwrap())
}

fn event() -> Event {
    let topic = Topic::new("registry:bots").unwrap();
    Event::new(topic, EventKind::Updated, Map::new())
}

/// What is published on the one is heard on the other.
async fn joins(one: &str, other: &str) {
    let (here, there) = (bus(one), bus(other));
    let sent = event();
    let mut subscription = there.subscribe(&sent.topic.clone().into()).await.unwrap();
    here.publish(std::slice::from_ref(&sent)).await.unwrap();
    let heard = async {
        loop {
            match subscription.next().await.unwrap() {
                Delivery::Event(event) => return event.id,
                Delivery::Gap => {}
                lost @ Delivery::Lost(_) => panic!("{lost:?}"),
            }
        }
    };
    assert_eq!(timeout(DEADLINE, heard).await.unwrap(), sent.id);
}

/// Why nothing can be published.
async fn refusal(url: &str) -> String {
    let error = bus(url).publish(&[event()]).await.unwrap_err();
    let hotbed_events::Error::Unavailable { source, .. } = error else {
        panic!("it is not reached: {error:?}");
    };
    source.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_ways_lead_to_the_same_server() {
    let server = RedisServer::start_with_tls(&[]);
    let plain = server.url();
    let socket = format!("redis+unix://{}", server.socket().display());
    for other in [&server.tls_url(), &socket, &format!("{plain}/3")] {
        joins(&plain, other).await;
        joins(other, &plain).await;
    }
}

/// Mutation it catches: trusting every certificate.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_nobody_vouches_for_is_not_spoken_to() {
    let (server, other) = (
        RedisServer::start_with_tls(&[]),
        RedisServer::start_with_tls(&[]),
    );
    let url = server.tls_url();
    let (place, _) = url.split_once('?').unwrap();
    let by_others = format!("{place}?ssl_ca_certs={}", other.authorities().display());
    for url in [place, &by_others] {
        let reason = refusal(url).await;
        assert!(reason.contains("certificate"), "{url}: {reason}");
    }
    let reason = refusal(&format!("{place}?ssl_ca_certs=/nowhere.pem")).await;
    assert!(
        reason.contains("cannot be read from /nowhere.pem"),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_and_a_user_are_what_the_server_wants() {
    let server = RedisServer::start(&[
        "requirepass open/sesame",
        "user bot on >s3cret allchannels +@all",
    ]);
    let place = format!("127.0.0.1:{}", server.port());
    let by_password = format!("redis://:open%2Fsesame@{place}");
    joins(&by_password, &format!("redis://bot:s3cret@{place}")).await;
    let reason = refusal(&format!("redis://bot:wr0ng@{place}")).await;
    assert!(!reason.contains("wr0ng"), "{reason}");
    let reason = refusal(&format!("redis://{place}")).await;
    assert!(reason.to_lowercase().contains("auth"), "{reason}");
    // Who listens is told why nothing is heard.
    let topic = Topic::new("a").unwrap();
    let refused = bus(&format!("redis://bot:wr0ng@{place}"))
        .subscribe(&topic.into())
        .await;
    let error = format!("{:?}", refused.unwrap_err());
    assert!(!error.contains("wr0ng"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hears_another_prefix() {
    let server = RedisServer::start(&[]);
    let (one, other) = (
        bus(&format!("{}?prefix=one", server.url())),
        bus(&format!("{}?prefix=other", server.url())),
    );
    let sent = event();
    let mut subscription = one.subscribe(&sent.topic.clone().into()).await.unwrap();
    other.publish(&[event()]).await.unwrap();
    one.publish(std::slice::from_ref(&sent)).await.unwrap();
    let heard = async {
        loop {
            if let Delivery::Event(event) = subscription.next().await.unwrap() {
                return event.id;
            }
        }
    };
    assert_eq!(timeout(DEADLINE, heard).await.unwrap(), sent.id);
}

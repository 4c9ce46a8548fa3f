//! What is carried, on which channels, and what of others is understood.

use crate::database::{connections, notify, stranger, until_connections};
use crate::{bus, event, hears, large, next, subscribe, topic};
use futures::future::join_all;
use hotbed_events::{Delivery, Error, Event, Interest, Pattern};
use hotbed_testkit::PostgresServer;
use serde_json::json;
use std::time::Duration;

/// What a program of another kind, Python's for example, writes.
fn written(topic: &str) -> String {
    json!({"type": "updated", "topic": topic, "payload": {"instance_id": "a"}}).to_string()
}

/// Catches: topics told by their channels alone.
#[tokio::test]
async fn topics_that_share_a_channel_are_told_apart() {
    let database = PostgresServer::shared().database();
    let (here, there) = (bus(&database.url()), bus(&database.url()));
    let mut colon = subscribe(&there, topic("a:b")).await;
    let mut line = subscribe(&there, topic("a_b")).await;
    let sent = ["a:b", "a_b"].map(event);
    here.publish(&sent).await.unwrap();
    assert_eq!(hears(&mut line).await.id, sent[1].id);
    assert_eq!(hears(&mut colon).await.id, sent[0].id);
    let last = event("a:b");
    here.publish(std::slice::from_ref(&last)).await.unwrap();
    assert_eq!(hears(&mut colon).await.id, last.id);
}

#[tokio::test]
async fn topics_that_would_have_no_channel_are_carried() {
    let database = PostgresServer::shared().database();
    let (here, there) = (bus(&database.url()), bus(&database.url()));
    let names = [
        &"x".repeat(256),
        &"x".repeat(255),
        "日本",
        "中国",
        "'\";--",
        "*",
    ];
    let interest: Interest = names.iter().map(|name| topic(name)).collect();
    let mut heard = subscribe(&there, interest).await;
    let sent = names.map(event);
    here.publish(&sent).await.unwrap();
    for expected in sent {
        let heard = hears(&mut heard).await;
        assert_eq!((heard.id, &heard.topic), (expected.id, &expected.topic));
    }
}

/// Catches: nothing told on the channel of all; an event on both channels heard twice.
#[tokio::test]
async fn a_pattern_hears_every_topic_that_is_published_here_once() {
    let database = PostgresServer::shared().database();
    let (here, there) = (bus(&database.url()), bus(&database.url()));
    let interest =
        Interest::from(topic("registry:bots")).and_all(Pattern::new("registry:*").unwrap());
    let mut heard = subscribe(&there, interest).await;
    let sent = [
        "registry:bots",
        "fleet:nodes",
        "registry:unheard-of",
        "registry:bots",
    ]
    .map(event);
    here.publish(&sent).await.unwrap();
    for expected in [&sent[0], &sent[2], &sent[3]] {
        assert_eq!(hears(&mut heard).await.id, expected.id);
    }
}

#[tokio::test]
async fn what_others_write_is_heard_on_the_topic_that_they_publish_on() {
    let database = PostgresServer::shared().database();
    let there = bus(&database.url());
    let mut heard = subscribe(&there, topic("registry:instances")).await;
    let mut stranger = stranger(&database).await;
    notify(
        &mut stranger,
        "events_registry_instances",
        &written("registry:instances:my-bot"),
    )
    .await;
    let event = hears(&mut heard).await;
    assert_eq!(event.topic, topic("registry:instances"));
    assert_eq!(event.payload["instance_id"], "a");
}

/// Catches: what is not understood is passed over in silence.
#[tokio::test]
async fn what_is_not_understood_is_a_gap() {
    let database = PostgresServer::shared().database();
    let there = bus(&database.url());
    let mut heard = subscribe(&there, topic("a")).await;
    let mut stranger = stranger(&database).await;
    notify(&mut stranger, "events_a", &written("a")).await;
    hears(&mut heard).await;
    for odd in ["", "{}", &written("b"), &written("b:a")] {
        notify(&mut stranger, "events_a", odd).await;
        assert_eq!(next(&mut heard).await, Delivery::Gap, "{odd}");
    }
    notify(&mut stranger, "events_a", &written("a")).await;
    hears(&mut heard).await;
}

/// Catches: events before the large one are sent.
#[tokio::test]
async fn an_event_that_is_too_large_is_refused_before_anything_is_sent() {
    let database = PostgresServer::shared().database();
    let there = bus(&database.url());
    let mut heard = subscribe(&there, topic("a")).await;
    let refused = there.publish(&[event("a"), large("a", 8000)]).await;
    assert!(
        matches!(refused, Err(Error::TooLarge { limit: 7999, .. })),
        "{refused:?}"
    );
    // The largest that the server takes.
    let empty = refused_bytes(&there.publish(&[large("a", 8000)]).await) - 8000;
    for (bytes, fits) in [(7999 - empty, true), (8000 - empty, false)] {
        let sent = large("a", bytes);
        assert_eq!(
            there.publish(std::slice::from_ref(&sent)).await.is_ok(),
            fits,
            "{bytes}"
        );
        if fits {
            assert_eq!(hears(&mut heard).await.id, sent.id);
        }
    }
}

fn refused_bytes(refused: &Result<(), Error>) -> usize {
    match refused {
        Err(Error::TooLarge { bytes, .. }) => *bytes,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn buses_of_another_prefix_hear_nothing_of_each_other() {
    let database = PostgresServer::shared().database();
    let blue = format!("{}&prefix=blue", database.url());
    let (blue, other) = (bus(&blue), bus(&database.url()));
    let all = || Pattern::new("*").unwrap();
    let (mut in_blue, mut in_other) = (
        subscribe(&blue, all()).await,
        subscribe(&other, all()).await,
    );
    let sent = ["a", "a"].map(event);
    blue.publish(&sent[..1]).await.unwrap();
    other.publish(&sent[1..]).await.unwrap();
    assert_eq!(hears(&mut in_blue).await.id, sent[0].id);
    assert_eq!(hears(&mut in_other).await.id, sent[1].id);
}

/// Catches: a connection for each subscription or publication; connections that outlive the bus.
#[tokio::test]
async fn a_process_has_one_connection_that_listens_and_one_that_publishes_and_then_none() {
    let database = PostgresServer::shared().database();
    let mut stranger = stranger(&database).await;
    let bus = bus(&database.url());
    assert_eq!(connections(&mut stranger).await, 0);
    let mut heard = Vec::new();
    for n in 0..20 {
        heard.push(subscribe(&bus, topic(&format!("topic-{n}"))).await);
    }
    until_connections(&mut stranger, 1).await;
    let sent: Vec<Event> = (0..20).map(|n| event(&format!("topic-{n}"))).collect();
    join_all(sent.iter().map(|it| bus.publish(std::slice::from_ref(it)))).await;
    for (heard, sent) in heard.iter_mut().zip(&sent) {
        assert_eq!(hears(heard).await.id, sent.id);
    }
    assert_eq!(connections(&mut stranger).await, 2);
    drop(heard);
    until_connections(&mut stranger, 1).await;
    drop(bus);
    until_connections(&mut stranger, 0).await;
}

/// Catches: a list of events sent one by one.
#[tokio::test]
async fn a_thousand_events_are_published_together() {
    let database = PostgresServer::shared().database();
    let (here, there) = (bus(&database.url()), bus(&database.url()));
    let mut heard = subscribe(&there, topic("a")).await;
    let sent: Vec<Event> = (0..1000).map(|_| event("a")).collect();
    tokio::time::timeout(Duration::from_secs(2), here.publish(&sent))
        .await
        .unwrap()
        .unwrap();
    for expected in sent {
        assert_eq!(hears(&mut heard).await.id, expected.id);
    }
}

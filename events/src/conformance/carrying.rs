//! What is published arrives, everywhere, and as it was.

use super::Fixture;
use super::ear::{Ear, event, numbered, tell, topic};
use crate::{Delivery, Event, EventKind};
use serde_json::{Value, json};

fn object(value: &Value) -> serde_json::Map<String, Value> {
    value.as_object().expect("an object").clone()
}

pub(super) async fn a_subscription_begins_with_a_gap(fixture: &dyn Fixture) {
    let bus = fixture.open().await;
    for _ in 0..3 {
        // Opening it takes the gap, and fails without one.
        Ear::open(&*bus, topic("a")).await;
    }
}

pub(super) async fn everybody_hears_what_anybody_publishes(fixture: &dyn Fixture) {
    let buses = [
        fixture.open().await,
        fixture.open().await,
        fixture.open().await,
    ];
    let mut ears = Vec::new();
    for bus in &buses {
        ears.push(Ear::open(&**bus, topic("a")).await);
    }
    for bus in &buses {
        let sent = event("a");
        tell(&**bus, std::slice::from_ref(&sent)).await;
        for ear in &mut ears {
            ear.hears(std::slice::from_ref(&sent)).await;
        }
    }
}

pub(super) async fn an_event_arrives_as_it_was_published(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut ear = Ear::open(&*there, topic("registry:bots")).await;
    let payload =
        json!({"instance_id": "a", "revision": 7, "deep": {"er": [1, null, "x", {"y": 0.5}]}});
    let full = Event {
        // Microseconds are what every bus carries.
        timestamp: "2026-01-02T03:04:05.123456Z".parse().expect("a time"),
        correlation_id: Some("request-1".into()),
        metadata: object(&json!({"region": "eu", "tries": [1, 2]})),
        ..Event::new(topic("registry:bots"), EventKind::Created, object(&payload))
    }
    .from_source("hotbed:node-1");
    let bare = Event {
        source: None,
        correlation_id: None,
        metadata: object(&json!({})),
        payload: object(&json!({})),
        ..full.clone()
    };
    let bare = Event {
        id: event("registry:bots").id,
        ..bare
    };
    for sent in [full, bare] {
        tell(&*here, std::slice::from_ref(&sent)).await;
        assert_eq!(ear.event().await, sent);
    }
}

pub(super) async fn every_kind_arrives(fixture: &dyn Fixture) {
    let bus = fixture.open().await;
    let mut ear = Ear::open(&*bus, topic("a")).await;
    for kind in [
        EventKind::Created,
        EventKind::Updated,
        EventKind::Deleted,
        EventKind::Activated,
        EventKind::Deactivated,
        EventKind::Error,
        EventKind::Custom,
    ] {
        let sent = Event { kind, ..event("a") };
        tell(&*bus, std::slice::from_ref(&sent)).await;
        assert_eq!(ear.event().await.kind, kind);
    }
}

pub(super) async fn texts_of_any_script_arrive(fixture: &dyn Fixture) {
    let bus = fixture.open().await;
    let mut ear = Ear::open(&*bus, topic("a")).await;
    for text in [
        "Grüße",
        "保存",
        "مرحبا",
        "🤖\u{200d}🔧",
        "",
        " a\r\n\tb ",
        "'; NOTIFY x; --",
        "\"\\",
        "\u{0}\u{1f}\u{7f}",
        "$1 %s {0} $(id)",
    ] {
        let sent = Event {
            payload: object(&json!({ "instance_id": text, text: "key" })),
            correlation_id: Some(text.into()),
            ..event("a")
        };
        tell(&*bus, std::slice::from_ref(&sent)).await;
        let heard = ear.event().await;
        assert_eq!(heard.payload, sent.payload);
        assert_eq!(heard.correlation_id, sent.correlation_id);
    }
}

pub(super) async fn nothing_published_is_nothing_heard(fixture: &dyn Fixture) {
    let bus = fixture.open().await;
    let mut ear = Ear::open(&*bus, topic("a")).await;
    tell(&*bus, &[]).await;
    let sent = event("a");
    tell(&*bus, std::slice::from_ref(&sent)).await;
    ear.hears(&[sent]).await;
}

pub(super) async fn where_nothing_happens_no_gap_is_told(fixture: &dyn Fixture) {
    let bus = fixture.open().await;
    let mut ear = Ear::open(&*bus, topic("a")).await;
    // Up to here a bus that has just connected may say so.
    let first = event("a");
    tell(&*bus, std::slice::from_ref(&first)).await;
    ear.hears(&[first]).await;
    for n in 0..20 {
        let other = Ear::open(&*bus, topic(&format!("other:{n}"))).await;
        let sent = numbered("a", n);
        tell(&*bus, std::slice::from_ref(&sent)).await;
        match ear.next().await {
            Delivery::Event(heard) => assert_eq!(heard.id, sent.id),
            told => panic!("{told:?} is told without a reason"),
        }
        drop(other);
    }
}

//! Events name things, they do not carry them; one that tries to is carried whole or not at all.

use super::Fixture;
use super::ear::{Ear, SOON, event, tell, topic};
use crate::{Error, Event};
use serde_json::{Map, Value};

/// From what every bus carries to what none needs to.
const SIZES: [usize; 6] = [1_000, 4_000, 7_999, 8_000, 100_000, 2_000_000];

/// An event with a text of this many bytes, some of them of characters that take several.
fn large(bytes: usize) -> Event {
    let text = format!("{}{}", "ü".repeat(100), "x".repeat(bytes - 200));
    Event {
        payload: Map::from_iter([("text".to_owned(), Value::from(text))]),
        ..event("a")
    }
}

pub(super) async fn a_large_event_is_carried_whole_or_refused(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut ear = Ear::open(&*there, topic("a")).await;
    for bytes in SIZES {
        let sent = large(bytes);
        let published = tokio::time::timeout(SOON, here.publish(std::slice::from_ref(&sent))).await;
        match published.expect("publishing ends soon") {
            Ok(()) => assert_eq!(ear.event().await.payload, sent.payload),
            Err(Error::TooLarge { bytes, limit }) => {
                assert!(bytes > limit && limit >= 7_000, "{bytes} against {limit}");
            }
            Err(other) => panic!("it is carried or too large: {other:?}"),
        }
    }
}

pub(super) async fn a_refused_event_hinders_none_that_follows(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut ear = Ear::open(&*there, topic("a")).await;
    for bytes in SIZES {
        let sent = large(bytes);
        let carried = here.publish(std::slice::from_ref(&sent)).await.is_ok();
        let small = event("a");
        tell(&*here, std::slice::from_ref(&small)).await;
        if carried {
            ear.hears(&[sent, small]).await;
        } else {
            ear.hears(&[small]).await;
        }
    }
}

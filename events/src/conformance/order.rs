//! Events of one publisher are heard as they were told.

use super::Fixture;
use super::ear::{Ear, numbered, tell, topic};
use crate::Event;
use futures::future::join_all;
use serde_json::Value;

pub(super) async fn events_of_one_publisher_are_heard_in_order(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut ear = Ear::open(&*there, topic("a")).await;
    let sent: Vec<Event> = (0..300).map(|n| numbered("a", n)).collect();
    // By itself, and with others.
    for part in [1, 2, 7].iter().cycle().scan(0, |from, len| {
        let range = *from..(*from + len).min(sent.len());
        *from = range.end;
        (!range.is_empty()).then_some(range)
    }) {
        tell(&*here, &sent[part]).await;
    }
    ear.hears(&sent).await;
}

pub(super) async fn a_big_batch_is_heard_whole_and_in_order(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut ear = Ear::open(&*there, topic("a")).await;
    // Fewer than any subscriber may fall behind by.
    let sent: Vec<Event> = (0..900).map(|n| numbered("a", n)).collect();
    tell(&*here, &sent).await;
    ear.hears(&sent).await;
}

pub(super) async fn publishers_at_once_are_each_heard_in_order(fixture: &dyn Fixture) {
    const EACH: usize = 50;
    let bus = fixture.open().await;
    let mut ear = Ear::open(&*bus, topic("a")).await;
    let mut buses = Vec::new();
    for _ in 0..4 {
        buses.push(fixture.open().await);
    }
    let publishing = buses.iter().enumerate().map(|(publisher, bus)| async move {
        for n in 0..EACH {
            let event = numbered("a", n).from_source(&publisher.to_string());
            tell(&**bus, &[event]).await;
        }
    });
    let hearing = async {
        let mut next = vec![0; buses.len()];
        for _ in 0..EACH * buses.len() {
            let heard = ear.event().await;
            let source = heard
                .source
                .as_deref()
                .and_then(|it| it.parse::<usize>().ok());
            let expected = &mut next[source.expect("the publisher's number")];
            assert_eq!(heard.payload.get("n"), Some(&Value::from(*expected)));
            *expected += 1;
        }
    };
    futures::future::join(join_all(publishing), hearing).await;
}

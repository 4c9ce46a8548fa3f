//! A server that fails is told of, and everything is well again once it is back.

use super::ear::{Ear, event, pattern, tell, tell_at_last, topic, topics};
use super::{Outage, Outages};
use crate::{Error, EventBus, Interest};
use std::time::Duration;
use tokio::time::Instant;

/// How long a subscription may be tried for in vain, and how long publishing.
const REFUSED_WITHIN: Duration = Duration::from_secs(8);

/// Another bus is heard through this ear.
async fn hears_again(ear: &mut Ear, from: &dyn EventBus, name: &str) {
    let sent = event(name);
    tell_at_last(from, &sent).await;
    ear.hears(&[sent]).await;
}

async fn is_told_and_heard_again(fixture: &dyn Outages, outage: Outage) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut ear = Ear::open(&*there, topic("a")).await;
    hears_again(&mut ear, &*here, "a").await;
    fixture.begin(outage).await;
    ear.is_told_of_the_loss().await;
    fixture.end().await;
    ear.is_told_of_the_gap().await;
    hears_again(&mut ear, &*here, "a").await;
    hears_again(&mut ear, &*there, "a").await;
}

pub(super) async fn a_killed_server_is_told_and_heard_again_when_it_is_back(fixture: &dyn Outages) {
    is_told_and_heard_again(fixture, Outage::Killed).await;
}

pub(super) async fn a_stopped_server_is_told_and_heard_again_when_it_is_back(
    fixture: &dyn Outages,
) {
    is_told_and_heard_again(fixture, Outage::Stopped).await;
}

pub(super) async fn a_cut_connection_is_told_and_made_anew(fixture: &dyn Outages) {
    is_told_and_heard_again(fixture, Outage::Cut).await;
}

pub(super) async fn a_silent_server_is_told_and_heard_again_when_it_speaks(fixture: &dyn Outages) {
    is_told_and_heard_again(fixture, Outage::Silent).await;
}

pub(super) async fn all_that_was_listened_to_is_heard_again(fixture: &dyn Outages) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let several: Interest = topics(["a", "b"]).and_all(pattern("x:*"));
    let mut ears = [
        Ear::open(&*there, several).await,
        Ear::open(&*there, topic("b")).await,
        Ear::open(&*there, pattern("*")).await,
    ];
    fixture.begin(Outage::Killed).await;
    for ear in &mut ears {
        ear.is_told_of_the_loss().await;
    }
    fixture.end().await;
    for ear in &mut ears {
        ear.is_told_of_the_gap().await;
    }
    tell_at_last(&*here, &event("nobody's:business")).await;
    let sent = [event("a"), event("b"), event("x:1")];
    tell(&*here, &sent).await;
    ears[0].hears(&sent).await;
    ears[1].hears(&sent[1..2]).await;
    while ears[2].event().await.id != sent[2].id {}
}

pub(super) async fn a_server_that_fails_again_and_again_is_heard_again_each_time(
    fixture: &dyn Outages,
) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut ear = Ear::open(&*there, topic("a")).await;
    for outage in [Outage::Cut, Outage::Killed, Outage::Cut, Outage::Cut] {
        fixture.begin(outage).await;
        ear.is_told_of_the_loss().await;
        fixture.end().await;
        ear.is_told_of_the_gap().await;
        hears_again(&mut ear, &*here, "a").await;
    }
}

pub(super) async fn during_an_outage_a_subscription_is_refused_soon(fixture: &dyn Outages) {
    for outage in [Outage::Killed, Outage::Silent] {
        let (here, there) = (fixture.open().await, fixture.open().await);
        let mut ear = Ear::open(&*there, topic("a")).await;
        fixture.begin(outage).await;
        ear.is_told_of_the_loss().await;
        for name in ["a", "b"] {
            let began = Instant::now();
            let refused = there.subscribe(&topic(name).into()).await;
            assert!(
                matches!(refused, Err(Error::Unavailable { .. })),
                "{outage:?}: {refused:?}"
            );
            assert!(began.elapsed() < REFUSED_WITHIN, "{:?}", began.elapsed());
        }
        fixture.end().await;
        ear.is_told_of_the_gap().await;
        let mut late = Ear::open(&*there, topic("b")).await;
        hears_again(&mut late, &*here, "b").await;
        hears_again(&mut ear, &*here, "a").await;
    }
}

pub(super) async fn during_an_outage_publishing_fails_soon(fixture: &dyn Outages) {
    for outage in [Outage::Killed, Outage::Silent] {
        let (here, there) = (fixture.open().await, fixture.open().await);
        let mut ear = Ear::open(&*there, topic("a")).await;
        hears_again(&mut ear, &*here, "a").await;
        fixture.begin(outage).await;
        for _ in 0..3 {
            let began = Instant::now();
            let published = here.publish(&[event("a")]).await;
            assert!(
                matches!(published, Err(Error::Unavailable { .. })),
                "{outage:?}: {published:?}"
            );
            assert!(began.elapsed() < REFUSED_WITHIN, "{:?}", began.elapsed());
        }
        ear.is_told_of_the_loss().await;
        fixture.end().await;
        ear.is_told_of_the_gap().await;
        hears_again(&mut ear, &*here, "a").await;
    }
}

pub(super) async fn a_subscription_ended_during_an_outage_stays_ended(fixture: &dyn Outages) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut kept = Ear::open(&*there, topic("a")).await;
    let ended = Ear::open(&*there, topics(["a", "b"])).await;
    fixture.begin(Outage::Killed).await;
    kept.is_told_of_the_loss().await;
    drop(ended);
    fixture.end().await;
    kept.is_told_of_the_gap().await;
    hears_again(&mut kept, &*here, "a").await;
    if let Some(count) = fixture.listened_to().await {
        assert_eq!(count, 1);
    }
}

pub(super) async fn a_bus_made_during_an_outage_works_after_it(fixture: &dyn Outages) {
    fixture.begin(Outage::Killed).await;
    let (here, there) = (fixture.open().await, fixture.open().await);
    assert!(there.subscribe(&topic("a").into()).await.is_err());
    assert!(here.publish(&[event("a")]).await.is_err());
    fixture.end().await;
    let mut ear = loop {
        // It may still be waiting before its next attempt.
        match there.subscribe(&topic("a").into()).await {
            Ok(subscription) => break Ear::of(subscription).await,
            Err(error) => assert!(matches!(error, Error::Unavailable { .. }), "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    hears_again(&mut ear, &*here, "a").await;
}

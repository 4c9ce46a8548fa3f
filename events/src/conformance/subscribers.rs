//! Subscribers do not get in each other's way, nor in a publisher's.

use super::Fixture;
use super::ear::{Ear, SOON, event, numbered, tell, topic, topics};
use crate::{Delivery, Event, Interest};
use futures::future::join_all;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(super) async fn a_slow_subscriber_gets_a_gap_and_delays_nobody(fixture: &dyn Fixture) {
    const BATCHES: usize = 60;
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut slow = Ear::open(&*there, topic("a")).await;
    let mut other = Ear::open(&*there, topics(["a", "b"])).await;
    let mut newest = None;
    for _ in 0..BATCHES {
        let mut sent: Vec<Event> = (0..99).map(|n| numbered("a", n)).collect();
        sent.push(event("b"));
        tell(&*here, &sent).await;
        other.hears(&sent).await;
        newest = sent.get(98).cloned();
    }
    // It hears the newest, and is told that there was more.
    let newest = newest.expect("something was sent");
    let mut heard = 0;
    let mut gap = false;
    loop {
        match slow.next().await {
            Delivery::Gap => gap = true,
            Delivery::Event(event) => {
                heard += 1;
                if event.id == newest.id {
                    break;
                }
            }
            other @ Delivery::Lost(_) => panic!("{other:?} though the bus works"),
        }
    }
    assert!(
        gap || heard == BATCHES * 99,
        "heard {heard} of {} and was told of no gap",
        BATCHES * 99
    );
}

pub(super) async fn many_subscriptions_each_hear_their_own(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let names: Vec<String> = (0..200).map(|n| format!("topic:{n}")).collect();
    let opening = names.iter().map(|name| Ear::open(&*there, topic(name)));
    let mut ears = join_all(opening).await;
    for _ in 0..2 {
        let sent: Vec<Event> = names.iter().map(|name| event(name)).collect();
        tell(&*here, &sent).await;
        for (ear, sent) in ears.iter_mut().zip(&sent) {
            ear.hears(std::slice::from_ref(sent)).await;
        }
    }
}

pub(super) async fn many_subscriptions_of_one_topic_all_hear(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut ears = join_all((0..100).map(|_| Ear::open(&*there, topic("a")))).await;
    let sent: Vec<Event> = (0..10).map(|n| numbered("a", n)).collect();
    tell(&*here, &sent).await;
    for ear in &mut ears {
        ear.hears(&sent).await;
    }
}

pub(super) async fn a_dropped_subscription_takes_nothing_from_the_others(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut both = Ear::open(&*there, topics(["a", "b"])).await;
    let mut only_a = Ear::open(&*there, topic("a")).await;
    for _ in 0..10 {
        let dropped = Ear::open(&*there, topics(["a", "b", "c"])).await;
        drop(dropped);
        let sent = [event("a"), event("b")];
        tell(&*here, &sent).await;
        both.hears(&sent).await;
        only_a.hears(&sent[..1]).await;
    }
}

pub(super) async fn dropped_subscriptions_leave_nothing_behind(fixture: &dyn Fixture) {
    let bus = fixture.open().await;
    let kept = Ear::open(&*bus, topics(["a", "b"])).await;
    let dropped = Ear::open(&*bus, topics(["b", "c", "d"])).await;
    if fixture.listened_to().await.is_some() {
        comes_to_listen_to(fixture, 4).await;
        drop(dropped);
        comes_to_listen_to(fixture, 2).await;
        drop(kept);
        comes_to_listen_to(fixture, 0).await;
    }
}

async fn comes_to_listen_to(fixture: &dyn Fixture, expected: usize) {
    let mut last = None;
    let coming = async {
        while last != Some(expected) {
            tokio::time::sleep(Duration::from_millis(10)).await;
            last = fixture.listened_to().await;
        }
    };
    let came = tokio::time::timeout(SOON, coming).await;
    assert!(
        came.is_ok(),
        "listens to {last:?} topics, not to {expected}"
    );
}

pub(super) async fn subscribing_again_hears_again(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    for _ in 0..20 {
        // The last subscription of the bus each time: it may hang up in between.
        let mut ear = Ear::open(&*there, topic("a")).await;
        let sent = event("a");
        tell(&*here, std::slice::from_ref(&sent)).await;
        ear.hears(&[sent]).await;
    }
}

pub(super) async fn subscribing_and_unsubscribing_at_once_loses_nothing(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut steady = Ear::open(&*there, topics(["a", "b"])).await;
    let done = AtomicBool::new(false);
    let flapping = async {
        join_all((0..8).map(|task| {
            let (here, there) = (&here, &there);
            async move {
                let own = format!("own:{task}");
                for n in 0..15 {
                    let interest: Interest = topics(["a", "b"]).and(topic(&own));
                    let mut ear = Ear::open(&**there, interest).await;
                    let sent = numbered(&own, n);
                    tell(&**here, std::slice::from_ref(&sent)).await;
                    // What the others are told in between is heard too.
                    while ear.event().await.id != sent.id {}
                }
            }
        }))
        .await;
        done.store(true, Ordering::Release);
    };
    let telling = async {
        let mut n = 0;
        while !done.load(Ordering::Acquire) {
            let sent = [numbered("a", n), numbered("b", n)];
            tell(&*here, &sent).await;
            steady.hears(&sent).await;
            n += 1;
        }
    };
    futures::future::join(flapping, telling).await;
}

pub(super) async fn an_abandoned_subscription_harms_nobody(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut ear = Ear::open(&*there, topic("a")).await;
    for n in 0..30 {
        let interest = topics(["a", "c"]);
        let patience = Duration::from_micros(n * 30);
        // Whoever waited for it went away, at some point of the way.
        drop(tokio::time::timeout(patience, there.subscribe(&interest)).await);
        let sent = event("a");
        tell(&*here, std::slice::from_ref(&sent)).await;
        ear.hears(&[sent]).await;
    }
    let mut late = Ear::open(&*there, topic("c")).await;
    let sent = event("c");
    tell(&*here, std::slice::from_ref(&sent)).await;
    late.hears(&[sent]).await;
}

//! A server, or a way to it, that fails.

use crate::{bus, event, hears, next, subscribe, topic};
use hotbed_events::{Delivery, Error, EventBus, Subscription};
use hotbed_testkit::{FaultProxy, NatsServer, NetworkFault};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How soon a connection that is dead without saying so is found out.
const FOUND_OUT: Duration = Duration::from_secs(10);

async fn is_lost(heard: &mut Subscription, within: Duration) -> Arc<str> {
    let told = async {
        loop {
            match heard.next().await.unwrap() {
                Delivery::Lost(reason) => return reason,
                Delivery::Gap => {}
                Delivery::Event(event) => panic!("a loss is told, not {event:?}"),
            }
        }
    };
    timeout(within, told).await.unwrap()
}

/// However many attempts fail before.
async fn is_heard_again(heard: &mut Subscription) {
    while next(heard).await != Delivery::Gap {}
}

async fn is_carried(from: &Arc<dyn EventBus>, heard: &mut Subscription) {
    let sent = event("a");
    from.publish(std::slice::from_ref(&sent)).await.unwrap();
    assert_eq!(hears(heard).await.id, sent.id);
}

/// Catches: the driver's two minutes between questions for a sign of life.
#[tokio::test]
async fn a_silent_connection_is_found_out_within_ten_seconds() {
    let server = NatsServer::start(&[]);
    let proxy = FaultProxy::to(server.port());
    let here = bus(&server.url());
    let there = bus(&format!("nats://127.0.0.1:{}", proxy.port()));
    let mut heard = subscribe(&there, topic("a")).await;
    is_carried(&here, &mut heard).await;
    proxy.set(NetworkFault::Silence);
    is_lost(&mut heard, FOUND_OUT).await;
    proxy.set(NetworkFault::None);
    is_heard_again(&mut heard).await;
    is_carried(&here, &mut heard).await;
}

/// Catches: a driver that connects again by itself before anybody is told, and so hides what was missed.
#[tokio::test]
async fn a_cut_is_a_loss_and_a_gap_however_quickly_it_is_mended() {
    let server = NatsServer::start(&[]);
    let proxy = FaultProxy::to(server.port());
    let here = bus(&server.url());
    let there = bus(&format!("nats://127.0.0.1:{}", proxy.port()));
    let mut heard = subscribe(&there, topic("a")).await;
    for _ in 0..3 {
        is_carried(&here, &mut heard).await;
        proxy.cut();
        is_lost(&mut heard, FOUND_OUT).await;
        is_heard_again(&mut heard).await;
    }
    is_carried(&here, &mut heard).await;
}

/// Catches: a server that announces its end taken for one that is gone.
#[tokio::test]
async fn a_server_that_retires_is_heard_until_it_ends() {
    let server = NatsServer::start(&[]);
    let bus = bus(&server.url());
    let mut heard = subscribe(&bus, topic("a")).await;
    is_carried(&bus, &mut heard).await;
    server.retire();
    let told = async {
        while !server.said().contains("lame duck mode") {
            tokio::task::yield_now().await;
        }
    };
    timeout(FOUND_OUT, told).await.unwrap();
    is_carried(&bus, &mut heard).await;
    server.kill();
    is_lost(&mut heard, FOUND_OUT).await;
    server.resume();
    is_heard_again(&mut heard).await;
    is_carried(&bus, &mut heard).await;
}

#[tokio::test]
async fn a_publisher_connects_again_without_an_error() {
    let server = NatsServer::start(&[]);
    let proxy = FaultProxy::to(server.port());
    let here = bus(&format!("nats://127.0.0.1:{}", proxy.port()));
    let there = bus(&server.url());
    let mut heard = subscribe(&there, topic("a")).await;
    for _ in 0..3 {
        is_carried(&here, &mut heard).await;
        proxy.cut();
    }
}

#[tokio::test]
async fn publishing_to_a_server_that_is_down_fails_at_once() {
    let server = NatsServer::start(&[]);
    let bus = bus(&server.url());
    bus.publish(&[event("a")]).await.unwrap();
    server.kill();
    let began = Instant::now();
    for _ in 0..5 {
        let refused = bus.publish(&[event("a")]).await;
        assert!(
            matches!(refused, Err(Error::Unavailable { .. })),
            "{refused:?}"
        );
    }
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    server.resume();
    bus.publish(&[event("a")]).await.unwrap();
}

/// An error as all that anybody may print of it.
fn said(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |it| it.source());
    causes.fold(format!("{error} {error:?}"), |said, it| {
        format!("{said} {it} {it:?}")
    })
}

#[tokio::test]
async fn user_password_and_token_let_in_and_are_not_shown() {
    let by_user = NatsServer::start(&["--user=bot", "--pass=s3cret/x"]);
    let by_token = NatsServer::start(&["--auth=s3cret"]);
    for (server, login) in [(&by_user, "bot:s3cret%2Fx"), (&by_token, "s3cret")] {
        let at = |login: &str| format!("nats://{login}@127.0.0.1:{}", server.port());
        let good = bus(&at(login));
        let mut heard = subscribe(&good, topic("a")).await;
        is_carried(&good, &mut heard).await;
        assert!(!format!("{good:?}").contains("s3cret"), "{good:?}");
        let wrong = bus(&at(&login.replace("s3cret", "s3cret-not")));
        let published = wrong.publish(&[event("a")]).await.unwrap_err();
        let subscribed = wrong.subscribe(&topic("a").into()).await.unwrap_err();
        for error in [published, subscribed] {
            let said = said(&error);
            assert!(said.to_lowercase().contains("authorization"), "{said}");
            assert!(!said.contains("s3cret"), "{said}");
        }
    }
}

/// Catches: trusting every certificate, and a `tls:` that goes without.
#[tokio::test]
async fn tls_is_spoken_with_those_whom_somebody_vouches_for() {
    let server = NatsServer::start_with_tls();
    let other = NatsServer::start_with_tls();
    let place = format!("127.0.0.1:{}", server.port());
    let by = |server: &NatsServer| format!("ca={}", server.authorities().display());
    for scheme in ["tls", "nats"] {
        let good = bus(&format!("{scheme}://{place}?{}", by(&server)));
        let mut heard = subscribe(&good, topic("a")).await;
        is_carried(&good, &mut heard).await;
    }
    for url in [
        format!("tls://{place}"),
        format!("tls://{place}?{}", by(&other)),
    ] {
        let refused = bus(&url).publish(&[event("a")]).await.unwrap_err();
        let said = said(&refused);
        assert!(said.contains("certificate"), "{url}: {said}");
    }
    let plain = NatsServer::start(&[]);
    let url = format!("tls://127.0.0.1:{}", plain.port());
    assert!(bus(&url).publish(&[event("a")]).await.is_err());
}

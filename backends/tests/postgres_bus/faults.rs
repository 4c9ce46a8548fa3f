//! A server, or a way to it, that fails.

use crate::database::{connections, stranger};
use crate::{SOON, bus, event, hears, next, subscribe, topic};
use hotbed_events::{Delivery, Error, Subscription};
use hotbed_testkit::{Database, FaultProxy, NetworkFault, PostgresServer};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How soon a connection that is dead without saying so is found out.
const FOUND_OUT: Duration = Duration::from_secs(10);

pub(crate) fn through(proxy: &FaultProxy, database: &Database) -> String {
    let port = format!(":{}/", database.port());
    database
        .tcp_url()
        .replace(&port, &format!(":{}/", proxy.port()))
}

async fn is_lost(heard: &mut Subscription, within: Duration) {
    let told = async {
        loop {
            match heard.next().await.unwrap() {
                Delivery::Lost(reason) => return reason,
                Delivery::Gap => {}
                Delivery::Event(event) => panic!("a loss is told, not {event:?}"),
            }
        }
    };
    let reason = timeout(within, told).await.unwrap();
    assert!(!reason.is_empty());
}

/// However many attempts fail before.
async fn is_heard_again(heard: &mut Subscription) {
    while next(heard).await != Delivery::Gap {}
}

/// Catches: no question for a sign of life, or an answer that is waited for without end.
#[tokio::test]
async fn a_silent_connection_is_found_out_within_ten_seconds() {
    let database = PostgresServer::shared().database();
    let proxy = FaultProxy::to(database.port());
    let (here, there) = (bus(&database.url()), bus(&through(&proxy, &database)));
    let mut heard = subscribe(&there, topic("a")).await;
    proxy.set(NetworkFault::Silence);
    is_lost(&mut heard, FOUND_OUT).await;
    here.publish(&[event("a")]).await.unwrap();
    proxy.set(NetworkFault::None);
    is_heard_again(&mut heard).await;
    let sent = event("a");
    here.publish(std::slice::from_ref(&sent)).await.unwrap();
    assert_eq!(hears(&mut heard).await.id, sent.id);
}

/// Catches: the answer to a question for a sign of life taken for an event, or events lost that come meanwhile.
#[tokio::test]
async fn a_connection_that_nothing_is_heard_on_for_long_is_kept() {
    let database = PostgresServer::shared().database();
    let bus = bus(&database.url());
    let mut heard = subscribe(&bus, topic("a")).await;
    bus.publish(&[event("a")]).await.unwrap();
    hears(&mut heard).await;
    let quiet = timeout(Duration::from_secs(7), heard.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    let mut stranger = stranger(&database).await;
    assert_eq!(connections(&mut stranger).await, 2);
    let sent = event("a");
    bus.publish(std::slice::from_ref(&sent)).await.unwrap();
    assert_eq!(hears(&mut heard).await.id, sent.id);
}

/// Catches: a driver that connects again by itself and tells nobody.
#[tokio::test]
async fn a_connection_that_the_server_ends_is_a_loss_and_a_gap() {
    let database = PostgresServer::shared().database();
    let (here, there) = (bus(&database.url()), bus(&database.url()));
    let mut heard = subscribe(&there, topic("a")).await;
    let mut stranger = stranger(&database).await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'hotbed'";
    sqlx::query(end).execute(&mut stranger).await.unwrap();
    is_lost(&mut heard, SOON).await;
    is_heard_again(&mut heard).await;
    let sent = event("a");
    here.publish(std::slice::from_ref(&sent)).await.unwrap();
    assert_eq!(hears(&mut heard).await.id, sent.id);
}

/// Catches: a publisher that stays with its broken connection.
#[tokio::test]
async fn a_publisher_connects_again_without_an_error() {
    let database = PostgresServer::shared().database();
    let proxy = FaultProxy::to(database.port());
    let (here, there) = (bus(&through(&proxy, &database)), bus(&database.url()));
    let mut heard = subscribe(&there, topic("a")).await;
    for _ in 0..3 {
        let sent = event("a");
        here.publish(std::slice::from_ref(&sent)).await.unwrap();
        assert_eq!(hears(&mut heard).await.id, sent.id);
        proxy.cut();
    }
}

#[tokio::test]
async fn publishing_to_a_silent_server_ends_in_time() {
    let database = PostgresServer::shared().database();
    let proxy = FaultProxy::to(database.port());
    let bus = bus(&through(&proxy, &database));
    bus.publish(&[event("a")]).await.unwrap();
    proxy.set(NetworkFault::Silence);
    let began = Instant::now();
    let both = ["a", "b"].map(event);
    let (one, other) = tokio::join!(bus.publish(&both[..1]), bus.publish(&both[1..]));
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    for error in [one, other] {
        assert!(matches!(error, Err(Error::Unavailable { .. })), "{error:?}");
    }
    proxy.set(NetworkFault::None);
    bus.publish(&both).await.unwrap();
}

/// An error as all that anybody may print of it.
fn said(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |it| it.source());
    causes.fold(format!("{error} {error:?}"), |said, it| {
        format!("{said} {it} {it:?}")
    })
}

#[tokio::test]
async fn what_is_wrong_is_said_and_no_password_is_shown() {
    let server = PostgresServer::shared();
    let database = server.database();
    let wrong = bus(&database.tcp_url_with("not the password"));
    let nowhere = FaultProxy::to(database.port());
    let gone = {
        let url = through(&nowhere, &database);
        bus(&url.replace(&format!(":{}/", nowhere.port()), ":1/"))
    };
    for (bus, reason) in [(wrong, "password authentication failed"), (gone, "refused")] {
        let published = bus.publish(&[event("a")]).await.unwrap_err();
        let subscribed = bus.subscribe(&topic("a").into()).await.unwrap_err();
        for error in [published, subscribed] {
            let said = said(&error);
            assert!(said.contains(reason), "{said}");
            for secret in ["not the password", "horse"] {
                assert!(!said.contains(secret), "{said}");
            }
        }
        let shown = format!("{bus:?}");
        assert!(
            !shown.contains("not the password") && !shown.contains("horse"),
            "{shown}"
        );
    }
}

//! What is written to another hotbed is heard at once by every node whose registry it is.

use crate::hotbed::{Hotbed, bots_of, store_at};
use hotbed_backends::StoreAt;
use hotbed_events::{Delivery, EventBus, Subscription};
use hotbed_hotreload::{HotReloadManager, ReloadMode, ReloadTarget};
use hotbed_registry::{
    Announcement, Change, ChangeKind, ChangeNote, CollectionName, Draft, Id, PortableConfig,
    Precondition, Reader, Registry, Revision, announcement, event_from_change,
};
use hotbed_testkit::{ConfigService, FaultProxy};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(20);

fn bus_at(port: u16) -> Arc<dyn EventBus> {
    let url = format!("http://127.0.0.1:{port}/api/v1");
    StoreAt::new(url.parse().unwrap()).bus().unwrap()
}

fn topic() -> hotbed_events::Topic {
    Registry::topic_of(&CollectionName::bots())
}

fn id(name: &str) -> Id {
    Id::new(name).unwrap()
}

fn draft() -> Draft {
    Draft::active(PortableConfig::from_value(json!({})).unwrap())
}

/// The next change that is heard; gaps are passed over.
async fn heard(subscription: &mut Subscription) -> Change {
    let hearing = async {
        loop {
            match subscription.next().await.expect("it goes on") {
                Delivery::Gap | Delivery::Lost(_) => {}
                Delivery::Event(event) => match announcement(&event) {
                    Some(Announcement::Change(change)) => return change,
                    other => panic!("no change: {other:?}"),
                },
            }
        }
    };
    timeout(DEADLINE, hearing).await.expect("it is heard")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_write_is_heard_once_and_in_order_whoever_wrote() {
    let server = Hotbed::start().await;
    let mut subscription = bus_at(server.port)
        .subscribe(&topic().into())
        .await
        .unwrap();
    assert_eq!(subscription.next().await, Some(Delivery::Gap));
    let (one, other) = (server.bots().await, server.bots().await);
    one.put(&id("a"), draft(), Precondition::Any).await.unwrap();
    other
        .put(&id("ä b"), draft(), Precondition::Any)
        .await
        .unwrap();
    one.delete(&id("a"), Precondition::Any, &ChangeNote::NONE)
        .await
        .unwrap();
    for (revision, name, kind) in [
        (1, "a", ChangeKind::Created),
        (2, "ä b", ChangeKind::Created),
        (3, "a", ChangeKind::Deleted),
    ] {
        let change = heard(&mut subscription).await;
        assert_eq!(
            (change.revision, change.id, change.kind),
            (Revision(revision), id(name), kind)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_ends_with_its_connection_and_the_next_begins_with_a_gap() {
    let server = Hotbed::start().await;
    let proxy = FaultProxy::to(server.port);
    let bus = bus_at(proxy.port());
    let mut subscription = bus.subscribe(&topic().into()).await.unwrap();
    proxy.cut();
    let ended = async { while subscription.next().await.is_some() {} };
    timeout(DEADLINE, ended).await.expect("it ends");
    let mut again = bus.subscribe(&topic().into()).await.unwrap();
    assert_eq!(again.next().await, Some(Delivery::Gap));
    server
        .bots()
        .await
        .put(&id("a"), draft(), Precondition::Any)
        .await
        .unwrap();
    assert_eq!(heard(&mut again).await.revision, Revision(1));
}

#[tokio::test]
async fn what_is_published_here_is_heard_here_whatever_the_service_is() {
    let service = ConfigService::shared();
    let url = format!("http://127.0.0.1:{}{}", service.port(), service.registry());
    let bus = StoreAt::new(url.parse().unwrap()).bus().unwrap();
    let mut subscription = bus.subscribe(&topic().into()).await.unwrap();
    let change = Change {
        id: id("a"),
        revision: Revision(7),
        kind: ChangeKind::Updated,
        at: chrono::Utc::now(),
    };
    bus.publish(&[event_from_change(&change, topic())])
        .await
        .unwrap();
    assert_eq!(heard(&mut subscription).await, change);
}

#[tokio::test]
async fn a_service_that_is_down_is_not_heard() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    assert!(bus_at(nobody).subscribe(&topic().into()).await.is_err());
}

/// Notes what it is told.
#[derive(Default)]
struct Notes(Mutex<Vec<Revision>>);

impl ReloadTarget for Notes {
    fn observe(&self, change: &Change) {
        self.0.lock().unwrap().push(change.revision);
    }

    fn revisions(&self) -> Vec<(Id, Revision)> {
        Vec::new()
    }

    fn begin_era(&self) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_never_polls_follows_by_what_is_announced_across_lost_connections() {
    let server = Hotbed::start().await;
    let proxy = FaultProxy::to(server.port);
    let it = bots_of(&store_at(proxy.port(), "/api/v1", "").await).await;
    let notes = Arc::new(Notes::default());
    let mode = ReloadMode::EventDriven {
        bus: bus_at(proxy.port()),
        topics: topic().into(),
    };
    let manager = HotReloadManager::new(Reader::new(it), mode, vec![Arc::clone(&notes) as _]);
    let mut reached = manager.handle().reached();
    let stop = CancellationToken::new();
    let mut running = tokio::task::JoinSet::new();
    running.spawn(manager.run(stop.clone()));
    let writer = server.bots().await;
    for n in 1..=30 {
        match n % 20 {
            0 => proxy.cut(),
            10 => proxy.reset(),
            _ => {}
        }
        let written = writer.put(&id("a"), draft(), Precondition::Any).await;
        assert_eq!(written.unwrap().revision, Revision(n));
        if n % 5 == 0 {
            let follows = reached.wait_for(|at| *at >= Revision(n));
            timeout(DEADLINE, follows)
                .await
                .expect("it follows")
                .unwrap();
        }
    }
    let told = notes.0.lock().unwrap().clone();
    assert_eq!(told.last(), Some(&Revision(30)));
    stop.cancel();
}

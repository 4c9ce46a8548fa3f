//! A gateway that dies.

use crate::place::{Place, id, log, put, read};
use hotbed_backends::StoreAt;
use hotbed_registry::{CollectionName, ConnectingBackend, Error, RegistryBackend, Revision};
use hotbed_testkit::{RgwServer, sized};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// Twice the usual patience, on a busy machine.
const SOON: Duration = Duration::from_secs(15);

/// A server that one test at a time may stop.
async fn mortal() -> MutexGuard<'static, RgwServer> {
    static SERVER: OnceLock<Mutex<RgwServer>> = OnceLock::new();
    let server = block_in_place(|| SERVER.get_or_init(|| Mutex::new(RgwServer::start())));
    server.lock().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_gone_is_said_to_be_and_used_once_it_is_back() {
    let server = mortal().await;
    let place = block_in_place(|| Place::of(&server.bucket()));
    let node = place.bots().await;
    put(&node, "a", 1).await.expect("a write");
    block_in_place(|| server.kill());
    let begun = Instant::now();
    let a = id("a");
    let refused = tokio::join!(put(&node, "a", 2), node.get(&a), node.head());
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    for refused in [refused.0.err(), refused.1.err(), refused.2.err()] {
        let refused = refused.expect("a refusal");
        assert!(matches!(refused, Error::Unavailable { .. }));
        let refused = refused.to_string();
        assert!(refused.contains("is not reached"), "{refused}");
        assert!(!refused.contains("not known"), "{refused}");
    }
    // One who starts meanwhile waits for it.
    let store = StoreAt::new(place.url().parse().expect("a URL"));
    let failure = store.store().await.expect_err("a refusal");
    let waiting = ConnectingBackend::new(store.connect(CollectionName::bots()), &failure);
    assert!(waiting.head().await.is_err());
    block_in_place(|| server.resume());
    assert_eq!(read(&node, "a").await, Some(1));
    put(&node, "a", 3).await.expect("a write");
    let connected = timeout(SOON, waiting.run(CancellationToken::new()));
    connected.await.expect("it is there");
    let waiting: Arc<dyn RegistryBackend> = Arc::new(waiting);
    assert_eq!(read(&waiting, "a").await, Some(3));
    // A restart that nobody noticed.
    block_in_place(|| {
        server.kill();
        server.resume();
    });
    put(&node, "a", 4).await.expect("a write");
    assert_eq!(read(&waiting, "a").await, Some(4));
    store.close().await;
}

/// Writes rising numbers to one id until the first failure; answers the last that was acknowledged.
async fn write_until_failure(backend: Arc<dyn RegistryBackend>, name: String, from: u64) -> u64 {
    let mut acknowledged = from;
    while put(&backend, &name, acknowledged + 1).await.is_ok() {
        acknowledged += 1;
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_gateway_has_all_that_was_acknowledged_and_a_log_without_gaps() {
    const WRITERS: usize = 8;
    let server = mortal().await;
    let place = block_in_place(|| Place::of(&server.bucket()));
    let nodes = [place.bots().await, place.bots().await];
    let mut floors = [0; WRITERS];
    let until = Instant::now() + Duration::from_secs(sized(30, 1200));
    let mut kills = 0;
    while Instant::now() < until {
        let mut writers = JoinSet::new();
        for (n, floor) in floors.iter().enumerate() {
            let node = Arc::clone(&nodes[n % nodes.len()]);
            let write = write_until_failure(node, format!("bot-{n}"), *floor);
            writers.spawn(async move { (n, write.await) });
        }
        let target = Revision(nodes[0].head().await.expect("a head").0 + 20 + 7 * (kills % 10));
        while nodes[0].head().await.expect("a head") < target {
            tokio::task::yield_now().await;
        }
        block_in_place(|| server.kill());
        for (n, acknowledged) in writers.join_all().await {
            floors[n] = acknowledged;
        }
        block_in_place(|| server.resume());
        kills += 1;
        for (n, floor) in floors.iter_mut().enumerate() {
            let stored = read(&nodes[0], &format!("bot-{n}")).await.unwrap_or(0);
            // The one that failed may have been done.
            assert!(
                (*floor..=*floor + 1).contains(&stored),
                "{stored} for {floor}"
            );
            *floor = stored;
        }
    }
    let last: BTreeMap<_, _> = log(&nodes[1])
        .await
        .into_iter()
        .map(|change| (change.id, change.revision))
        .collect();
    let heads = nodes[1].heads(None, usize::MAX).await.expect("the heads");
    assert_eq!(heads, last.into_iter().collect::<Vec<_>>());
    println!("killed {kills} times");
    assert!(kills >= 3, "{kills}");
}

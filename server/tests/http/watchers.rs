//! Many who follow the log cost as much as one.

use crate::changes::Stream;
use crate::harness::{DEADLINE, Node, Order};
use futures::future::join_all;
use hotbed_registry::RegistryBackend;
use hotbed_registry::Retention;
use std::time::Duration;
use tokio::time::timeout;

const MANY: usize = 300;

#[tokio::test]
async fn a_write_is_read_once_for_all_who_watch() {
    let node = Node::new().await;
    let mut streams = Vec::new();
    for _ in 0..MANY {
        let mut stream = Stream::open(&node, "", None).await;
        stream.next().await;
        streams.push(stream);
    }
    let before = node.backend.log_reads();
    for revision in 1..=3 {
        node.bot("a").await;
        let told = join_all(streams.iter_mut().map(Stream::change)).await;
        assert!(told.iter().all(|(id, _)| *id == revision));
    }
    let reads = node.backend.log_reads() - before;
    assert!(
        reads <= 6,
        "{MANY} watchers of 3 writes read the log {reads} times"
    );
}

#[tokio::test]
async fn long_polls_share_what_is_read_too() {
    let node = Node::new().await;
    let before = node.backend.log_reads();
    let mut after = 0;
    for _ in 0..3 {
        let path = format!("/api/v1/changes?after={after}&wait=60");
        let polls = join_all((0..MANY).map(|_| node.get(&path)));
        let write = async {
            tokio::task::yield_now().await;
            node.bot("a").await
        };
        let (logs, revision) = timeout(DEADLINE, async { tokio::join!(polls, write) })
            .await
            .unwrap();
        for log in logs {
            assert_eq!(log.json()["next"], revision);
        }
        after = revision;
    }
    let reads = node.backend.log_reads() - before;
    assert!(
        reads <= 6,
        "{MANY} polls of 3 writes read the log {reads} times"
    );
}

#[tokio::test]
async fn whoever_lags_behind_is_told_everything_in_order() {
    let node = Node::new().await;
    let mut live = Stream::open(&node, "", None).await;
    live.next().await;
    for revision in 1..=20 {
        node.bot("a").await;
        assert_eq!(live.change().await.0, revision);
    }
    // After the beginning of what is kept, before it, and in the middle.
    for after in [0, 7, 20] {
        let mut late = Stream::open(&node, &format!("after={after}"), None).await;
        late.next().await;
        for revision in after + 1..=20 {
            assert_eq!(late.change().await.0, revision);
        }
        let page = node
            .get(&format!("/api/v1/changes?after={after}&limit=2&wait=0"))
            .await
            .json();
        assert_eq!(page["next"], 20.min(after + 2));
    }
}

#[tokio::test]
async fn what_is_kept_outlives_the_log_and_what_is_not_is_gone() {
    let node = Node::new().await;
    let mut live = Stream::open(&node, "", None).await;
    live.next().await;
    for _ in 0..5 {
        node.bot("a").await;
        live.change().await;
    }
    let keep = Retention {
        entries: 0,
        age: Duration::from_hours(1),
        ..Retention::default()
    };
    node.backend.compact(keep).await.unwrap();
    let log = node.get("/api/v1/changes?after=2&wait=1").await;
    assert_eq!(log.json()["next"], 5, "{:?}", log.json());
    assert_eq!(node.get("/api/v1/changes?after=2").await.status, 410);
    let beyond = node.get("/api/v1/changes?after=99&wait=60").await;
    assert_eq!(beyond.status, 410);
}

#[tokio::test]
async fn a_watcher_that_leaves_in_the_middle_of_a_read_holds_nobody_up() {
    let node = Node::new().await;
    let mut leaves = Stream::open(&node, "", None).await;
    let mut stays = Stream::open(&node, "", None).await;
    leaves.next().await;
    stays.next().await;
    node.bot("a").await;
    node.state.hot_reload.sync().await.unwrap();
    node.backend.turn(Order::Hangs);
    assert!(futures::poll!(std::pin::pin!(leaves.next())).is_pending());
    drop(leaves);
    node.backend.turn(Order::Works);
    assert_eq!(stays.change().await.0, 1);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_never_ends_is_told() {
    let node = Node::new().await;
    let mut stream = Stream::open(&node, "", None).await;
    stream.next().await;
    node.bot("a").await;
    node.state.hot_reload.sync().await.unwrap();
    node.backend.turn(Order::Hangs);
    let last = stream.next().await.unwrap();
    assert!(last.contains("\"status\":503"), "{last}");
}

#[tokio::test]
async fn a_failed_read_is_told_to_all_and_the_next_works() {
    let node = Node::new().await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        let mut stream = Stream::open(&node, "", None).await;
        stream.next().await;
        streams.push(stream);
    }
    node.bot("a").await;
    node.state.hot_reload.sync().await.unwrap();
    node.backend.turn(Order::Fails);
    for mut stream in streams {
        assert!(stream.next().await.unwrap().contains("event: error"));
    }
    node.backend.turn(Order::Works);
    let mut again = Stream::open(&node, "", Some("0")).await;
    again.next().await;
    assert_eq!(again.change().await.0, 1);
}

//! How much is asked of the store.

use crate::place::{Place, bots, id, put, read};
use hotbed_backends::S3Options;
use hotbed_registry::{Access, Changes, Query, RegistryBackend, Revision};
use hotbed_testkit::RequestCounter;
use std::sync::Arc;
use tokio::task::JoinSet;

/// A node whose requests are counted, and another.
async fn counted(place: &Place) -> (RequestCounter, [Arc<dyn RegistryBackend>; 2]) {
    let counter = RequestCounter::to(place.bucket.port());
    let node = bots(&place.url_through(counter.port()), S3Options::default()).await;
    (counter, [node, place.bots().await])
}

async fn changes_after(node: &Arc<dyn RegistryBackend>, after: u64) -> usize {
    let told = node.changes(Revision(after), 100).await.expect("the log");
    let Changes::Log { changes, .. } = told else {
        panic!("nothing was compacted: {told:?}")
    };
    changes.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_poll_is_one_request() {
    let place = Place::new();
    let (counter, [node, other]) = counted(&place).await;
    for n in 0..300 {
        put(&other, &format!("bot-{}", n % 50), n)
            .await
            .expect("a write");
    }
    let index = format!("GET /{}/{}/bots/index", place.bucket.name(), place.prefix);
    assert_eq!(changes_after(&node, 298).await, 2);
    counter.take();
    for _ in 0..3 {
        assert_eq!(changes_after(&node, 300).await, 0);
        assert_eq!(counter.take(), [&*index]);
        assert_eq!(node.head().await.expect("the head"), Revision(300));
        assert_eq!(counter.take(), [&*index]);
    }
    // One request tells of a change too.
    put(&other, "bot-0", 300).await.expect("a write");
    assert_eq!(changes_after(&node, 300).await, 1);
    assert_eq!(counter.take(), [&*index]);
    // Nor do accesses trouble those who poll.
    let access = Access {
        id: id("bot-1"),
        at: chrono::Utc::now(),
    };
    other.touch(&[access]).await.expect("a touch");
    assert_eq!(changes_after(&node, 301).await, 0);
    assert_eq!(counter.take(), [&*index]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_that_did_not_change_is_read_once() {
    let place = Place::new();
    let (counter, [node, other]) = counted(&place).await;
    put(&other, "bot", 7).await.expect("a write");
    assert_eq!(read(&node, "bot").await, Some(7));
    let first = counter.take();
    let versions = first.iter().filter(|it| it.contains("/versions/bot/"));
    assert_eq!(versions.count(), 1, "{first:?}");
    assert_eq!(read(&node, "bot").await, Some(7));
    node.list(&Query::default()).await.expect("a listing");
    let later = counter.take();
    assert_eq!(later.len(), 4, "{later:?}");
    let conditional = |it: &String| it.ends_with("/bots/index") || it.ends_with("/bots/accesses");
    assert!(later.iter().all(conditional), "{later:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_ask_at_once_share_requests_and_those_who_write_at_once_an_index() {
    let place = Place::new();
    let (counter, [node, other]) = counted(&place).await;
    put(&other, "bot", 7).await.expect("a write");
    read(&node, "bot").await;
    counter.take();
    let mut all = JoinSet::new();
    for _ in 0..200 {
        let node = Arc::clone(&node);
        all.spawn(async move { node.head().await });
    }
    for head in all.join_all().await {
        assert_eq!(head.expect("the head"), Revision(1));
    }
    let asked = counter.take().len();
    assert!(asked < 50, "{asked} requests for 200 polls");
    let mut all = JoinSet::new();
    for n in 0..200 {
        let node = Arc::clone(&node);
        all.spawn(async move { put(&node, &format!("bot-{n}"), n).await });
    }
    for written in all.join_all().await {
        written.expect("a write");
    }
    let asked = counter.take();
    let written = |what: &str| {
        let puts = asked.iter().filter(|it| it.starts_with("PUT "));
        puts.filter(|it| it.contains(what)).count()
    };
    assert_eq!(written("/versions/"), 200);
    assert!(written("/index") < 20, "{} times", written("/index"));
}

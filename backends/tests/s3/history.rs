//! What is remembered, forgotten and swept.

use crate::place::{Place, draft, id, number, put, read};
use futures::TryStreamExt;
use hotbed_registry::{
    ChangeNote, HistoryRetention, Past, Precondition, Query, RegistryBackend, Retention, Revision,
};
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const FOREVER: Duration = Duration::MAX;

fn keep(entries: u64, versions: u32, age: Duration) -> Retention {
    Retention {
        entries,
        age: FOREVER,
        history: HistoryRetention { versions, age },
    }
}

fn told(past: &[Past]) -> Vec<String> {
    let one = |past: &Past| match past {
        Past::Written(it) => format!("{}: {}", it.revision, number(it)),
        Past::Deleted { revision, .. } => format!("{revision}: deleted"),
    };
    past.iter().map(one).collect()
}

async fn history(node: &Arc<dyn RegistryBackend>, name: &str) -> Vec<String> {
    told(
        &node
            .history(&id(name), None, usize::MAX)
            .await
            .expect("a past"),
    )
}

async fn delete(node: &Arc<dyn RegistryBackend>, name: &str) -> Revision {
    let deleted = node
        .delete(&id(name), Precondition::Any, &ChangeNote::NONE)
        .await;
    deleted.expect("it is there")
}

/// The keys below a place.
async fn keys(place: &Place, below: &str) -> Vec<String> {
    let path = format!("{}/bots/{below}", place.prefix).into();
    let listed = place
        .raw()
        .list(Some(&path))
        .map_ok(|it| it.location.to_string());
    listed.try_collect().await.expect("a listing")
}

#[tokio::test]
async fn the_past_is_told_newest_first_through_deletions_by_every_node() {
    let place = Place::new();
    let (node, other) = (place.bots().await, place.bots().await);
    for n in 0..3 {
        put(&node, "a", n).await.expect("a write");
        put(&other, "b", n).await.expect("a write");
    }
    assert_eq!(delete(&node, "a").await, Revision(7));
    assert_eq!(
        history(&other, "a").await,
        ["7: deleted", "5: 2", "3: 1", "1: 0"]
    );
    put(&other, "a", 9).await.expect("a write");
    let whole = ["8: 9", "7: deleted", "5: 2", "3: 1", "1: 0"];
    let fresh = place.bots().await;
    for node in [&node, &other, &fresh] {
        assert_eq!(history(node, "a").await, whole);
        let page = node.history(&id("a"), Some(Revision(7)), 2).await;
        assert_eq!(told(&page.expect("a past")), whole[2..4]);
        let before_all = node.history(&id("a"), Some(Revision(1)), 2).await;
        assert_eq!(told(&before_all.expect("a past")), [""; 0]);
        assert_eq!(history(node, "nobody").await, [""; 0]);
    }
    for revision in 0..10 {
        let past = node
            .past(&id("a"), Revision(revision))
            .await
            .expect("a past");
        let expected = whole
            .iter()
            .find(|it| it.starts_with(&format!("{revision}:")));
        assert_eq!(
            past.map(|it| told(&[it])).as_deref(),
            expected
                .map(|it| [(*it).to_owned()])
                .as_ref()
                .map(|it| &it[..])
        );
    }
    let past = node.past(&id("a"), Revision(8)).await.expect("a past");
    let now = node.get(&id("a")).await.expect("an answer").expect("a bot");
    assert_eq!(past, Some(Past::Written(Box::new(now))));
}

#[tokio::test]
async fn a_long_past_is_told_whole_whoever_wrote_it() {
    let place = Place::new();
    let (node, other) = (place.bots().await, place.bots().await);
    for n in 0..60 {
        let who = if n % 7 == 0 { &other } else { &node };
        put(who, "a", n).await.expect("a write");
    }
    let expected: Vec<_> = (0..60).rev().map(|n| format!("{}: {n}", n + 1)).collect();
    let fresh = place.bots().await;
    assert_eq!(history(&fresh, "a").await, expected);
    let fresh = place.bots().await;
    let page = fresh.history(&id("a"), Some(Revision(31)), 4).await;
    assert_eq!(told(&page.expect("a past")), expected[30..34]);
    let oldest = fresh.past(&id("a"), Revision(1)).await.expect("a past");
    assert_eq!(told(&[oldest.expect("it is remembered")]), ["1: 0"]);
}

#[tokio::test]
async fn a_compaction_keeps_so_many_versions_of_each_and_what_stands() {
    let place = Place::new();
    let (node, other) = (place.bots().await, place.bots().await);
    for n in 0..5 {
        put(&node, "a", n).await.expect("a write");
    }
    put(&node, "b", 0).await.expect("a write");
    delete(&node, "b").await;
    other.head().await.expect("a head");
    node.compact(keep(100, 2, FOREVER))
        .await
        .expect("a compaction");
    for node in [&node, &other, &place.bots().await] {
        assert_eq!(history(node, "a").await, ["5: 4", "4: 3", "3: 2"]);
        assert_eq!(history(node, "b").await, ["7: deleted", "6: 0"]);
        assert_eq!(
            node.past(&id("a"), Revision(2)).await.expect("an answer"),
            None
        );
    }
    assert_eq!(keys(&place, "versions").await.len(), 5);
    // The log is another matter, and is told all the same.
    assert_eq!(crate::place::log(&other).await.len(), 7);
    node.compact(keep(0, 0, FOREVER))
        .await
        .expect("a compaction");
    for node in [&node, &other, &place.bots().await] {
        assert_eq!(history(node, "a").await, ["5: 4"]);
        assert_eq!(history(node, "b").await, [""; 0]);
        assert_eq!(read(node, "a").await, Some(4));
    }
    assert_eq!(keys(&place, "versions").await.len(), 1);
    // What is forgotten does not come back.
    put(&other, "b", 8).await.expect("a write");
    put(&other, "a", 9).await.expect("a write");
    assert_eq!(history(&node, "b").await, ["8: 8"]);
    assert_eq!(history(&node, "a").await, ["9: 9", "5: 4"]);
}

#[tokio::test]
async fn a_compaction_forgets_versions_that_are_too_old() {
    let place = Place::new();
    let node = place.bots().await;
    for n in 0..3 {
        put(&node, "a", n).await.expect("a write");
    }
    node.compact(keep(100, 100, Duration::from_hours(1)))
        .await
        .expect("a compaction");
    assert_eq!(history(&node, "a").await.len(), 3);
    node.compact(keep(100, 100, Duration::ZERO))
        .await
        .expect("a compaction");
    assert_eq!(history(&node, "a").await, ["3: 2"]);
}

#[tokio::test]
async fn a_compaction_sweeps_what_lost_and_nothing_that_may_yet_win() {
    let place = Place::new();
    let node = place.bots().await;
    for n in 0..700 {
        let name = format!("bot-{}", n % 20);
        put(&node, &name, n).await.expect("a write");
    }
    let raw = place.raw();
    let strays = [
        // Lost to somebody, and will never be named.
        ("versions/bot-1/2-1-ffff", false),
        ("versions/never%20made/7-1-ffff", false),
        ("bases/1-ffff", false),
        // Somebody is about to name it.
        ("versions/bot-1/701-1-ffff", true),
        ("versions/new/750-1-ffff", true),
        ("bases/fffff-ffff", true),
        // Nobody knows whose it is.
        ("versions/bot-1/notes.txt", true),
        ("README", true),
    ];
    let path = |key: &str| object_store::path::Path::parse(format!("{}/bots/{key}", place.prefix));
    for (key, _) in strays {
        raw.put(&path(key).unwrap(), "stray".into())
            .await
            .expect("a write");
    }
    let before = keys(&place, "versions").await.len();
    assert_eq!(before, 700 + 5);
    node.compact(keep(10, 1, FOREVER))
        .await
        .expect("a compaction");
    for (key, stays) in strays {
        assert_eq!(raw.head(&path(key).unwrap()).await.is_ok(), stays, "{key}");
    }
    assert_eq!(keys(&place, "versions").await.len(), 2 * 20 + 3);
    // The one in use, the one before it, and the stranger.
    let bases = keys(&place, "bases").await;
    assert!((2..=3).contains(&bases.len()), "{bases:?}");
    let fresh = place.bots().await;
    let listed = fresh.list(&Query::default()).await.expect("a listing");
    assert_eq!(listed.items.len(), 20);
    assert_eq!(history(&fresh, "bot-19").await, ["700: 699", "680: 679"]);
}

#[tokio::test]
async fn long_metadata_is_kept_filtered_and_sorted_by() {
    let place = Place::new();
    let (node, other) = (place.bots().await, place.bots().await);
    let long = "x".repeat(5000);
    for n in 0..10 {
        let mut wanted = draft(json!({ "n": n }));
        let metadata = json!({"order": 10 - n, "even": n % 2 == 0, "text": long});
        wanted.metadata = metadata.as_object().cloned();
        node.put(&id(&format!("bot-{n}")), wanted, Precondition::Any)
            .await
            .expect("a write");
    }
    // Without metadata: what is there stays.
    put(&other, "bot-3", 33).await.expect("a write");
    let even = Query {
        metadata: json!({"even": false})
            .as_object()
            .cloned()
            .expect("an object"),
        sort: vec![hotbed_registry::SortSpec::parse("metadata.order").expect("a field")],
        ..Query::default()
    };
    for node in [&node, &other, &place.bots().await] {
        let listed = node.list(&even).await.expect("a listing").items;
        let numbers: Vec<_> = listed.iter().map(number).collect();
        assert_eq!(numbers, [9, 7, 5, 33, 1]);
        assert_eq!(listed[3].metadata["text"], json!(long));
        assert_eq!(node.count(&even).await.expect("a count"), 5);
    }
    // Nobody reads them to list who is active.
    let index = object_store::path::Path::from(format!("{}/bots/index", place.prefix));
    let index = place.raw().head(&index).await;
    assert!(index.expect("an index").size < 5000);
}

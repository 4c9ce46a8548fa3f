//! What a compaction forgets, and what it does not.

use super::Fixture;
use super::subject::Subject;
use crate::{Changes, Query, Retention, Revision};
use serde_json::json;
use std::time::Duration;

const FOREVER: Duration = Duration::MAX;

async fn with_writes(fixture: &dyn Fixture, writes: usize) -> Subject {
    let it = Subject::open(fixture).await;
    for n in 0..writes {
        it.store(&format!("bot-{}", n % 3), json!({ "n": n })).await;
    }
    it
}

async fn keep(it: &Subject, entries: u64) -> Revision {
    it.compact(Retention {
        entries,
        age: FOREVER,
        ..Retention::default()
    })
    .await
    .expect("the log is compacted")
}

async fn is_compacted(it: &Subject, after: u64) -> bool {
    matches!(
        it.changes(Revision(after), 10).await.expect("an answer"),
        Changes::Compacted { .. }
    )
}

pub(super) async fn compaction_by_number_keeps_the_newest_entries(fixture: &dyn Fixture) {
    let it = with_writes(fixture, 10).await;
    assert_eq!(keep(&it, 4).await, Revision(7));
    let left = it.log(Revision(6), usize::MAX).await;
    assert_eq!(
        left.iter()
            .map(|change| change.revision.0)
            .collect::<Vec<_>>(),
        [7, 8, 9, 10]
    );
}

pub(super) async fn a_cursor_older_than_the_log_is_told_so(fixture: &dyn Fixture) {
    let it = with_writes(fixture, 10).await;
    keep(&it, 4).await;
    let compacted = Changes::Compacted {
        oldest: Revision(7),
        head: Revision(10),
    };
    for old in 0..6 {
        assert_eq!(
            it.changes(Revision(old), 2).await.expect("an answer"),
            compacted
        );
    }
    assert!(!is_compacted(&it, 6).await);
    assert!(!is_compacted(&it, 10).await);
    assert!(is_compacted(&it, 11).await);
}

pub(super) async fn compaction_by_age_forgets_what_is_old(fixture: &dyn Fixture) {
    let it = with_writes(fixture, 5).await;
    let hour = Retention {
        entries: u64::MAX,
        age: Duration::from_hours(1),
        ..Retention::default()
    };
    assert_eq!(
        it.compact(hour).await.expect("the log is compacted"),
        Revision(1)
    );
    // What was written a moment ago is older than nothing only once the clock has moved on.
    let none = Retention {
        entries: u64::MAX,
        age: Duration::ZERO,
        ..Retention::default()
    };
    let emptied = async {
        while it.compact(none).await.expect("the log is compacted") != Revision(6) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), emptied)
        .await
        .expect("old entries are forgotten");
    assert!(is_compacted(&it, 4).await);
    assert!(!is_compacted(&it, 5).await);
}

pub(super) async fn a_boundless_retention_keeps_everything(fixture: &dyn Fixture) {
    let it = with_writes(fixture, 5).await;
    let all = [
        Retention {
            entries: u64::MAX,
            age: Duration::MAX,
            ..Retention::default()
        },
        Retention {
            entries: 5,
            age: Duration::from_secs(1 << 45),
            ..Retention::default()
        },
        Retention::default(),
    ];
    for keep in all {
        assert_eq!(
            it.compact(keep).await.expect("nothing is to be done"),
            Revision(1)
        );
    }
    assert_eq!(it.log(Revision::ZERO, usize::MAX).await.len(), 5);
}

pub(super) async fn compaction_leaves_registrations_alone(fixture: &dyn Fixture) {
    let it = with_writes(fixture, 10).await;
    let before = (it.items(&Query::default()).await, it.all_heads().await);
    assert_eq!(keep(&it, 0).await, Revision(11));
    assert_eq!(
        (it.items(&Query::default()).await, it.all_heads().await),
        before
    );
    assert_eq!(it.newest().await, Revision(10));
}

pub(super) async fn revisions_go_on_after_the_whole_log_is_forgotten(fixture: &dyn Fixture) {
    let it = with_writes(fixture, 3).await;
    keep(&it, 0).await;
    assert_eq!(it.store("bot-0", json!({})).await.revision, Revision(4));
    assert_eq!(it.remove("bot-1").await, Revision(5));
    let log = it.log(Revision(3), usize::MAX).await;
    assert_eq!(
        log.iter()
            .map(|change| change.revision.0)
            .collect::<Vec<_>>(),
        [4, 5]
    );
    assert!(is_compacted(&it, 2).await);
}

pub(super) async fn revisions_go_on_after_everything_is_gone(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store("a", json!({})).await;
    it.remove("a").await;
    keep(&it, 0).await;
    drop(it);
    let it = Subject::open(fixture).await;
    assert_eq!(it.newest().await, Revision(2));
    let nothing = Changes::Log {
        changes: Vec::new(),
        head: Revision(2),
    };
    assert_eq!(it.changes(Revision(2), 10).await.expect("the log"), nothing);
    assert_eq!(it.store("a", json!({})).await.revision, Revision(3));
}

pub(super) async fn every_handle_knows_of_a_compaction(fixture: &dyn Fixture) {
    let it = with_writes(fixture, 6).await;
    let other = Subject::open(fixture).await;
    keep(&it, 2).await;
    assert!(is_compacted(&other, 3).await);
    assert!(!is_compacted(&other, 4).await);
}

pub(super) async fn compaction_may_be_repeated(fixture: &dyn Fixture) {
    let it = with_writes(fixture, 6).await;
    for (entries, oldest) in [(4, 3), (4, 3), (5, 3), (1, 6), (0, 7), (0, 7)] {
        assert_eq!(keep(&it, entries).await, Revision(oldest));
    }
}

pub(super) async fn an_empty_log_may_be_compacted(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    assert_eq!(keep(&it, 0).await, Revision(1));
    assert_eq!(it.newest().await, Revision::ZERO);
    assert_eq!(it.store("a", json!({})).await.revision, Revision(1));
}

pub(super) async fn a_long_log_is_compacted_whole(fixture: &dyn Fixture) {
    let it = with_writes(fixture, 2_500).await;
    assert_eq!(keep(&it, 10).await, Revision(2_491));
    assert_eq!(it.log(Revision(2_490), usize::MAX).await.len(), 10);
}

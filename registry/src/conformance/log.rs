//! What the log tells, and the heads.

use super::Fixture;
use super::subject::{Subject, draft, id};
use crate::{Changes, Draft, Revision, Status};
use serde_json::json;

pub(super) async fn the_log_tells_each_write_once_and_in_order(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let mut revisions = Vec::new();
    for n in 0..30 {
        revisions.push(
            it.store(&format!("bot-{}", n % 7), json!({ "n": n }))
                .await
                .revision,
        );
    }
    revisions.push(it.remove("bot-3").await);
    let log = it.log(Revision::ZERO, usize::MAX).await;
    assert_eq!(
        log.iter().map(|change| change.revision).collect::<Vec<_>>(),
        revisions
    );
    assert_eq!(revisions, (1..=31).map(Revision).collect::<Vec<_>>());
}

pub(super) async fn the_log_says_what_happened_to_whom(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    for status in [
        Status::Active,
        Status::Active,
        Status::Inactive,
        Status::Error,
        Status::Active,
        Status::Error,
        Status::Inactive,
        Status::Inactive,
        Status::Active,
    ] {
        it.store_as("a", status).await;
    }
    it.remove("a").await;
    it.store_as("a", Status::Inactive).await;
    let kinds: Vec<_> = it
        .told()
        .await
        .iter()
        .map(|word| word.replace("a:", ""))
        .collect();
    let expected = [
        "created",
        "updated",
        "deactivated",
        "updated",
        "activated",
        "deactivated",
        "updated",
        "updated",
        "activated",
        "deleted",
        "created",
    ];
    assert_eq!(kinds, expected);
}

pub(super) async fn a_change_of_metadata_alone_is_told(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store_noted("a", json!({"n": 1})).await;
    it.store_noted("a", json!({"n": 2})).await;
    assert_eq!(it.told().await, ["a:created", "a:updated"]);
}

pub(super) async fn a_write_that_changes_nothing_is_told_too(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let first = it.store("a", json!({"n": 1})).await;
    let second = it.store("a", json!({"n": 1})).await;
    assert_eq!(
        (second.revision, second.version),
        (first.revision.next(), 2)
    );
    assert_eq!(it.told().await, ["a:created", "a:updated"]);
}

pub(super) async fn the_log_carries_the_time_of_the_write(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let written = it.store("a", json!({})).await;
    let again = it.store("a", json!({})).await;
    it.remove("a").await;
    let at: Vec<_> = it
        .log(Revision::ZERO, usize::MAX)
        .await
        .into_iter()
        .map(|change| change.at)
        .collect();
    assert_eq!(at[..2], [written.updated_at, again.updated_at]);
    assert!(at[2] >= written.updated_at);
}

pub(super) async fn the_log_is_read_in_pages(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    for n in 0..23 {
        it.store("a", json!({ "n": n })).await;
    }
    let (mut cursor, mut pages) = (Revision::ZERO, Vec::new());
    loop {
        let Changes::Log { changes, head } = it.changes(cursor, 5).await.expect("the log") else {
            panic!("nothing is compacted");
        };
        assert_eq!(head, Revision(23));
        let Some(last) = changes.last() else { break };
        for (change, expected) in changes.iter().zip(cursor.0 + 1..) {
            assert_eq!(change.revision, Revision(expected));
        }
        pages.push(changes.len());
        cursor = last.revision;
    }
    assert_eq!(pages, [5, 5, 5, 5, 3]);
}

pub(super) async fn a_page_of_the_log_may_be_empty(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store("a", json!({})).await;
    let empty = Changes::Log {
        changes: Vec::new(),
        head: Revision(1),
    };
    assert_eq!(it.changes(Revision::ZERO, 0).await.expect("the log"), empty);
}

pub(super) async fn after_the_head_there_is_nothing(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store("a", json!({})).await;
    it.store("a", json!({})).await;
    let nothing = Changes::Log {
        changes: Vec::new(),
        head: Revision(2),
    };
    assert_eq!(it.changes(Revision(2), 10).await.expect("the log"), nothing);
}

pub(super) async fn a_revision_that_never_was_is_not_told_about(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let never = |oldest, head| Changes::Compacted {
        oldest: Revision(oldest),
        head: Revision(head),
    };
    assert_eq!(
        it.changes(Revision(1), 10).await.expect("an answer"),
        never(1, 0)
    );
    it.store("a", json!({})).await;
    it.store("a", json!({})).await;
    for ahead in [3, 4, u64::MAX].map(Revision) {
        assert_eq!(it.changes(ahead, 10).await.expect("an answer"), never(1, 2));
    }
}

pub(super) async fn the_log_of_what_is_deleted_stays(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store("a", json!({})).await;
    it.remove("a").await;
    assert_eq!(it.told().await, ["a:created", "a:deleted"]);
}

pub(super) async fn heads_say_where_each_registration_stands(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    for name in ["b", "a", "c", "b"] {
        it.store(name, json!({})).await;
    }
    it.write(
        "d",
        Draft {
            status: Status::Inactive,
            ..draft(json!({}))
        },
    )
    .await;
    it.remove("c").await;
    let expected = [("a", 2), ("b", 4), ("d", 5)].map(|(name, at)| (name.to_owned(), Revision(at)));
    assert_eq!(it.all_heads().await, expected);
}

pub(super) async fn heads_are_read_in_pages(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    for n in 0..23 {
        it.store(&format!("bot-{n:02}"), json!({})).await;
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = it.heads(after.as_ref(), 5).await.expect("the heads");
        assert!(page.len() <= 5);
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        seen.extend(page);
    }
    let expected: Vec<_> = (0..23)
        .map(|n| (id(&format!("bot-{n:02}")), Revision(n + 1)))
        .collect();
    assert_eq!(seen, expected);
    assert_eq!(it.heads(None, 0).await.expect("the heads"), []);
    let between = it.heads(Some(&id("bot-10!")), 1).await.expect("the heads");
    assert_eq!(between, [(id("bot-11"), Revision(12))]);
}

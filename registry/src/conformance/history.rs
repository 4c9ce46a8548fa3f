//! What a backend remembers of the past, or that it says why it remembers nothing.

use super::subject::{Subject, draft, id, numbered, object};
use super::{Fixture, History};
use crate::{
    Access, ChangeNote, Draft, Error, HistoryRetention, Past, Precondition, Registration,
    Retention, Revision, Status,
};
use chrono::TimeDelta;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::task::JoinSet;

/// A handle on a collection whose past is kept. `None` once a backend that keeps none has said so.
async fn remembering(fixture: &dyn Fixture) -> Option<Subject> {
    let it = Subject::open(fixture).await;
    if fixture.keeps_history() == History::Kept {
        return Some(it);
    }
    let written = it.store("a", json!({})).await;
    let told = it.history(&id("a"), None, 10).await.map(drop);
    let found = it.past(&id("a"), written.revision).await.map(drop);
    for answer in [told, found] {
        match answer {
            Err(Error::Unsupported { operation, reason }) => {
                assert!(
                    !operation.is_empty() && !reason.is_empty(),
                    "it says what and why"
                );
            }
            other => panic!("a backend without history says so, not {other:?}"),
        }
    }
    None
}

async fn told(it: &Subject, name: &str) -> Vec<Past> {
    page(it, name, None, usize::MAX).await
}

async fn page(it: &Subject, name: &str, before: Option<Revision>, limit: usize) -> Vec<Past> {
    let history = it.history(&id(name), before, limit).await;
    history.expect("the history is answered")
}

async fn at(it: &Subject, name: &str, revision: u64) -> Option<Past> {
    let past = it.past(&id(name), Revision(revision)).await;
    past.expect("a past version is answered")
}

fn revisions(history: &[Past]) -> Vec<u64> {
    history.iter().map(|past| past.revision().0).collect()
}

/// What the answer to a write is remembered as.
fn past(written: Registration) -> Past {
    written.into()
}

async fn keep(it: &Subject, history: HistoryRetention) {
    let keep = Retention {
        history,
        ..Retention::default()
    };
    it.compact(keep).await.expect("the past is compacted");
}

async fn keep_versions(it: &Subject, versions: u32) {
    let age = Duration::MAX;
    keep(it, HistoryRetention { versions, age }).await;
}

pub(super) async fn the_history_is_told_newest_first(fixture: &dyn Fixture) {
    let Some(it) = remembering(fixture).await else {
        return;
    };
    let mut written = Vec::new();
    for n in 0..5 {
        written.push(past(it.store("a", json!({ "n": n })).await));
    }
    written.reverse();
    assert_eq!(told(&it, "a").await, written);
    for version in written {
        let revision = version.revision().0;
        assert_eq!(at(&it, "a", revision).await, Some(version));
    }
}

pub(super) async fn what_stands_now_is_the_first_of_its_history(fixture: &dyn Fixture) {
    let Some(it) = remembering(fixture).await else {
        return;
    };
    let first = it.store("a", json!({"n": 1})).await;
    assert_eq!(told(&it, "a").await, [past(first.clone())]);
    let accessed = Access {
        id: first.id.clone(),
        at: first.updated_at + TimeDelta::seconds(5),
    };
    it.touch(&[accessed]).await.expect("an access is noted");
    let unused = Some(past(first.clone()));
    assert_eq!(
        at(&it, "a", 1).await,
        unused,
        "a version is what was written, not who read it"
    );
    it.write("a", numbered(2)).await;
    assert_eq!(at(&it, "a", 1).await, unused);
    let now = it.stored("a").await;
    assert_eq!(told(&it, "a").await[0], past(now));
}

pub(super) async fn the_history_is_read_in_pages(fixture: &dyn Fixture) {
    let Some(it) = remembering(fixture).await else {
        return;
    };
    for n in 0..10 {
        // Every other revision is somebody else's.
        it.store(["a", "b"][n % 2], json!({ "n": n })).await;
    }
    let first = page(&it, "a", None, 2).await;
    assert_eq!(revisions(&first), [9, 7]);
    let before = |revision| Some(Revision(revision));
    assert_eq!(revisions(&page(&it, "a", before(7), 2).await), [5, 3]);
    assert_eq!(revisions(&page(&it, "a", before(4), 9).await), [3, 1]);
    assert_eq!(
        revisions(&page(&it, "a", before(u64::MAX), 9).await),
        [9, 7, 5, 3, 1]
    );
    for nothing in [
        page(&it, "a", before(1), 9).await,
        page(&it, "a", before(0), 9).await,
        page(&it, "a", None, 0).await,
    ] {
        assert_eq!(nothing, []);
    }
}

pub(super) async fn a_deletion_is_told_and_what_was_deleted_too(fixture: &dyn Fixture) {
    let Some(it) = remembering(fixture).await else {
        return;
    };
    let written = past(it.store_noted("a", json!({"team": "x"})).await);
    let revision = it.remove("a").await;
    let history = told(&it, "a").await;
    let told_at = it.log(Revision(1), 1).await[0].at;
    let deleted = Past::Deleted {
        id: id("a"),
        revision,
        at: told_at,
        note: ChangeNote::NONE,
    };
    assert_eq!(history, [deleted.clone(), written.clone()]);
    assert_eq!(at(&it, "a", 2).await, Some(deleted));
    assert_eq!(at(&it, "a", 1).await, Some(written));
}

pub(super) async fn a_deletion_keeps_who_and_why(fixture: &dyn Fixture) {
    let Some(it) = remembering(fixture).await else {
        return;
    };
    let said = |by: Option<&str>, reason: Option<&str>| ChangeNote {
        by: by.map(str::to_owned),
        reason: reason.map(str::to_owned),
    };
    let notes = [
        said(Some("ada & bob"), Some("\"no\" more?\n#1 100%\0🤖")),
        said(Some("ada"), None),
        ChangeNote::NONE,
        said(None, Some("why not")),
    ];
    for note in &notes {
        // Its own note is that of the write before, which stays with it.
        it.store_noted("a", json!({"changed_by": "eve"})).await;
        let deleted = it.delete(&id("a"), Precondition::Any, note).await;
        deleted.expect("what exists is deleted");
    }
    let told: Vec<_> = told(&it, "a").await.iter().map(Past::note).collect();
    let before = said(Some("eve"), None);
    let expected = notes.iter().rev().flat_map(|note| [note, &before]);
    assert_eq!(
        told.iter().collect::<Vec<_>>(),
        expected.collect::<Vec<_>>()
    );
    let first = at(&it, "a", 2).await.expect("it is remembered");
    assert_eq!(first.note(), notes[0]);
    // By a transaction that deletes what it has just written, too.
    let mut deletions = JoinSet::new();
    for n in 0..20 {
        let it = it.clone();
        deletions.spawn(async move {
            let name = format!("b-{}", n % 4);
            it.store(&name, json!({})).await;
            let note = ChangeNote {
                by: Some(n.to_string()),
                reason: None,
            };
            let deleted = it.delete(&id(&name), Precondition::Any, &note).await;
            deleted.ok().map(|revision| (name, revision, note))
        });
    }
    for (name, revision, note) in deletions.join_all().await.into_iter().flatten() {
        let deletion = at(&it, &name, revision.0).await.expect("it is remembered");
        assert_eq!(deletion.note(), note);
    }
}

pub(super) async fn the_history_goes_on_after_a_recreation(fixture: &dyn Fixture) {
    let Some(it) = remembering(fixture).await else {
        return;
    };
    it.store("a", json!({"n": 1})).await;
    it.remove("a").await;
    let anew = past(it.store("a", json!({"n": 2})).await);
    it.remove("a").await;
    it.store("a", json!({"n": 3})).await;
    let history = told(&it, "a").await;
    assert_eq!(revisions(&history), [5, 4, 3, 2, 1]);
    assert_eq!(history[2], anew);
    assert!(matches!(history[1], Past::Deleted { .. }));
    assert!(matches!(history[3], Past::Deleted { .. }));
}

pub(super) async fn a_past_version_is_exactly_what_was_written(fixture: &dyn Fixture) {
    let Some(it) = remembering(fixture).await else {
        return;
    };
    let config = json!({"z": 1.0, "a": [18_446_744_073_709_551_615_u64, -0.5, "a\0b 🤖"], "m": {"y": {}, "x": null}});
    let metadata = json!({"team": "a\0b", "tier": 9_007_199_254_740_993_u64, "tags": [{}]});
    let mut written = Vec::new();
    for status in [Status::Error, Status::Inactive, Status::Active] {
        let odd = Draft {
            status,
            metadata: Some(object(metadata.clone())),
            ..draft(config.clone())
        };
        written.push(past(it.write("a", odd).await));
        // Its successor differs in everything.
        written.push(past(it.store_noted("a", json!({})).await));
    }
    for version in written {
        let revision = version.revision().0;
        assert_eq!(at(&it, "a", revision).await, Some(version));
    }
}

pub(super) async fn of_an_unknown_id_there_is_no_history(fixture: &dyn Fixture) {
    let Some(it) = remembering(fixture).await else {
        return;
    };
    assert_eq!(told(&it, "a").await, []);
    assert_eq!(at(&it, "a", 1).await, None);
    it.store("a", json!({})).await;
    assert_eq!(told(&it, "A").await, []);
    assert_eq!(at(&it, "A", 1).await, None);
    for never in [0, 2, u64::MAX] {
        assert_eq!(at(&it, "a", never).await, None);
    }
}

pub(super) async fn each_id_has_a_history_of_its_own(fixture: &dyn Fixture) {
    let Some(it) = remembering(fixture).await else {
        return;
    };
    for name in ["a", "ab", "a", "'; --", "ab", "a"] {
        it.store(name, json!({ "is": name })).await;
    }
    it.remove("ab").await;
    assert_eq!(revisions(&told(&it, "a").await), [6, 3, 1]);
    assert_eq!(revisions(&told(&it, "ab").await), [7, 5, 2]);
    assert_eq!(revisions(&told(&it, "'; --").await), [4]);
    assert_eq!(at(&it, "a", 2).await, None, "that was another's");
}

pub(super) async fn a_refused_write_has_no_history(fixture: &dyn Fixture) {
    let Some(it) = remembering(fixture).await else {
        return;
    };
    it.store("a", json!({"n": 1})).await;
    let refused = it.put(&id("a"), numbered(2), Precondition::Absent).await;
    assert!(refused.is_err());
    assert!(
        it.delete(&id("a"), Precondition::At(Revision(9)), &ChangeNote::NONE)
            .await
            .is_err()
    );
    assert!(
        it.delete(&id("b"), Precondition::Any, &ChangeNote::NONE)
            .await
            .is_err()
    );
    assert_eq!(revisions(&told(&it, "a").await), [1]);
    assert_eq!(told(&it, "b").await, []);
}

pub(super) async fn compaction_keeps_the_newest_writes_of_each_id(fixture: &dyn Fixture) {
    let Some(it) = remembering(fixture).await else {
        return;
    };
    for n in 0..12 {
        it.store(["a", "b"][n % 2], json!({ "n": n })).await;
    }
    it.store("c", json!({})).await;
    it.remove("b").await;
    keep_versions(&it, 12).await;
    assert_eq!(told(&it, "a").await.len(), 6, "there is room for all");
    keep_versions(&it, 3).await;
    assert_eq!(revisions(&told(&it, "a").await), [11, 9, 7, 5]);
    assert_eq!(revisions(&told(&it, "b").await), [14, 12, 10]);
    assert_eq!(revisions(&told(&it, "c").await), [13]);
    assert_eq!(at(&it, "a", 3).await, None, "that is forgotten");
    // The same handle goes on from what it forgot before.
    it.store("a", json!({})).await;
    it.store("b", json!({})).await;
    keep_versions(&it, 3).await;
    assert_eq!(revisions(&told(&it, "a").await), [15, 11, 9, 7]);
    assert_eq!(revisions(&told(&it, "b").await), [16, 14, 12, 10]);
    keep_versions(&it, 1).await;
    assert_eq!(revisions(&told(&it, "a").await), [15, 11]);
}

pub(super) async fn compaction_never_forgets_what_stands_now(fixture: &dyn Fixture) {
    let Some(it) = remembering(fixture).await else {
        return;
    };
    it.store("gone", json!({})).await;
    it.remove("gone").await;
    it.store("a", json!({"n": 1})).await;
    let now = past(it.store("a", json!({"n": 2})).await);
    keep_versions(&it, 0).await;
    assert_eq!(told(&it, "a").await, std::slice::from_ref(&now));
    assert_eq!(at(&it, "a", 4).await, Some(now));
    assert_eq!(told(&it, "gone").await, []);
    let next = past(it.store("a", json!({"n": 3})).await);
    assert_eq!(
        revisions(&told(&it, "a").await),
        [5, 4],
        "it is kept until the next compaction"
    );
    assert_eq!(at(&it, "a", 5).await, Some(next));
}

pub(super) async fn compaction_forgets_what_was_replaced_long_ago(fixture: &dyn Fixture) {
    let Some(it) = remembering(fixture).await else {
        return;
    };
    it.store("a", json!({"n": 1})).await;
    it.store("a", json!({"n": 2})).await;
    it.store("gone", json!({})).await;
    it.remove("gone").await;
    let age = |age| HistoryRetention {
        versions: u32::MAX,
        age,
    };
    for long in [Duration::from_hours(1), Duration::MAX] {
        keep(&it, age(long)).await;
        assert_eq!(revisions(&told(&it, "a").await), [2, 1]);
    }
    // What was replaced a moment ago is older than nothing only once the clock has moved on.
    let forgotten = async {
        while told(&it, "gone").await.len() + told(&it, "a").await.len() > 1 {
            keep(&it, age(Duration::ZERO)).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), forgotten)
        .await
        .expect("what was replaced is forgotten");
    assert_eq!(revisions(&told(&it, "a").await), [2]);
    assert_eq!(at(&it, "a", 1).await, None);
}

pub(super) async fn forgetting_the_log_forgets_no_version(fixture: &dyn Fixture) {
    let Some(it) = remembering(fixture).await else {
        return;
    };
    for n in 0..4 {
        it.store("a", json!({ "n": n })).await;
    }
    let no_log = Retention {
        entries: 0,
        age: Duration::ZERO,
        ..Retention::default()
    };
    it.compact(no_log).await.expect("the log is compacted");
    let other = Subject::open(fixture).await;
    assert_eq!(revisions(&told(&other, "a").await), [4, 3, 2, 1]);
}

pub(super) async fn a_note_is_not_kept_for_the_next_write(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let (by, why) = (ChangeNote::BY, ChangeNote::REASON);
    it.store_noted("a", json!({"team": "x", by: "ada", why: "a test"}))
        .await;
    let plain = it.store("a", json!({"n": 2})).await;
    assert_eq!(plain.metadata, object(json!({"team": "x"})));
    assert_eq!(it.stored("a").await.metadata, plain.metadata);
    if fixture.keeps_history() == History::Kept {
        let noted = object(json!({"team": "x", by: "ada", why: "a test"}));
        match at(&it, "a", 1).await {
            Some(Past::Written(first)) => assert_eq!(first.metadata, noted),
            other => panic!("the note stays with its own write: {other:?}"),
        }
    }
}

pub(super) async fn the_history_of_concurrent_writers_is_whole(fixture: &dyn Fixture) {
    const WRITERS: usize = 8;
    const WRITES: usize = 25;
    let Some(it) = remembering(fixture).await else {
        return;
    };
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let it = Subject::open(fixture).await;
        writers.spawn(async move {
            let mut written = Vec::new();
            for n in 0..WRITES {
                let name = ["a", "b"][n % 2];
                let config = json!({"writer": writer, "n": n});
                written.push((name, past(it.store(name, config).await)));
            }
            written
        });
    }
    let mut written = writers.join_all().await.concat();
    written.sort_by_key(|(_, past)| std::cmp::Reverse(past.revision()));
    for name in ["a", "b"] {
        let its = written.iter().filter(|(of, _)| *of == name);
        let its: Vec<_> = its.map(|(_, past)| past.clone()).collect();
        assert_eq!(told(&it, name).await, its);
    }
}

pub(super) async fn creations_and_deletions_at_once_leave_a_whole_history(fixture: &dyn Fixture) {
    let Some(it) = remembering(fixture).await else {
        return;
    };
    let mut writers = JoinSet::new();
    for n in 0..60 {
        let it = it.clone();
        writers.spawn(async move {
            if n % 3 == 0 {
                it.delete(&id("a"), Precondition::Any, &ChangeNote::NONE)
                    .await
                    .ok()
            } else {
                Some(it.write("a", numbered(n)).await.revision)
            }
        });
    }
    let made: BTreeSet<_> = writers.join_all().await.into_iter().flatten().collect();
    let history = told(&it, "a").await;
    let expected: Vec<_> = made.iter().rev().map(|revision| revision.0).collect();
    assert_eq!(revisions(&history), expected);
    let log = it.log(Revision::ZERO, usize::MAX).await;
    for (past, change) in history.iter().rev().zip(log) {
        assert_eq!(past.revision(), change.revision);
        assert_eq!(past.at(), change.at);
    }
}

pub(super) async fn a_long_history_is_told_and_compacted_whole(fixture: &dyn Fixture) {
    const WRITES: u64 = 2_500;
    let Some(it) = remembering(fixture).await else {
        return;
    };
    let mut writers = JoinSet::new();
    for n in 0..WRITES {
        let it = it.clone();
        writers.spawn(async move { it.store("a", json!({ "n": n })).await });
    }
    writers.join_all().await;
    let mut seen = Vec::new();
    loop {
        let before = seen.last().copied().map(Revision);
        let page = page(&it, "a", before, 400).await;
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 400);
        seen.extend(revisions(&page));
    }
    assert_eq!(seen, (1..=WRITES).rev().collect::<Vec<_>>());
    keep_versions(&it, 7).await;
    let left: Vec<_> = (WRITES - 7..=WRITES).rev().collect();
    assert_eq!(revisions(&told(&it, "a").await), left);
}

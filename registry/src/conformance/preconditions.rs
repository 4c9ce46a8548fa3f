//! Which conditional writes happen.

use super::Fixture;
use super::subject::{Subject, conflict, id, is_not_found, numbered};
use crate::Precondition::{Absent, Any, At, Present};
use crate::{ChangeNote, Precondition, Query, Revision};
use serde_json::json;

pub(super) async fn absent_creates_what_is_absent(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let written = it
        .put(&id("a"), numbered(1), Absent)
        .await
        .expect("the id is free");
    assert_eq!((written.revision, written.version), (Revision(1), 1));
    it.remove("a").await;
    let again = it
        .put(&id("a"), numbered(2), Absent)
        .await
        .expect("the id is free again");
    assert_eq!((again.revision, again.version), (Revision(3), 1));
}

pub(super) async fn absent_refuses_what_is_present(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store("a", json!({})).await;
    let refused = it.put(&id("a"), numbered(1), Absent).await;
    assert_eq!(conflict(refused), (Absent, Some(Revision(1))));
}

pub(super) async fn present_replaces_what_is_present(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store("a", json!({})).await;
    let written = it
        .put(&id("a"), numbered(1), Present)
        .await
        .expect("it is there");
    assert_eq!((written.revision, written.version), (Revision(2), 2));
}

pub(super) async fn present_refuses_what_is_absent(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    assert_eq!(
        conflict(it.put(&id("a"), numbered(1), Present).await),
        (Present, None)
    );
    it.store("a", json!({})).await;
    it.remove("a").await;
    assert_eq!(
        conflict(it.put(&id("a"), numbered(1), Present).await),
        (Present, None)
    );
}

pub(super) async fn a_revision_replaces_exactly_that_revision(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let mut at = it.store("a", json!({})).await.revision;
    it.store("b", json!({})).await;
    for n in 0..5 {
        at = it
            .put(&id("a"), numbered(n), At(at))
            .await
            .expect("nobody else wrote")
            .revision;
    }
    assert_eq!(it.stored("a").await.revision, at);
}

pub(super) async fn a_revision_refuses_every_other_revision(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store("a", json!({})).await;
    it.store("a", json!({})).await;
    it.store("b", json!({})).await;
    for wrong in [0, 1, 3, 4, u64::MAX].map(Revision) {
        let refused = it.put(&id("a"), numbered(1), At(wrong)).await;
        assert_eq!(conflict(refused), (At(wrong), Some(Revision(2))));
    }
}

pub(super) async fn a_revision_refuses_what_is_absent(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    for never in [0, 1, u64::MAX].map(Revision) {
        assert_eq!(
            conflict(it.put(&id("a"), numbered(1), At(never)).await),
            (At(never), None)
        );
    }
}

pub(super) async fn a_revision_does_not_survive_recreation(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let old = it.store("a", json!({})).await.revision;
    let deletion = it.remove("a").await;
    assert_eq!(
        conflict(it.put(&id("a"), numbered(1), At(old)).await),
        (At(old), None)
    );
    let new = it.store("a", json!({})).await.revision;
    for stale in [old, deletion] {
        assert_eq!(
            conflict(it.put(&id("a"), numbered(1), At(stale)).await),
            (At(stale), Some(new))
        );
    }
}

pub(super) async fn a_delete_at_a_revision_deletes_exactly_that_revision(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let old = it.store("a", json!({})).await.revision;
    let new = it.store("a", json!({})).await.revision;
    assert_eq!(
        conflict(it.delete(&id("a"), At(old), &ChangeNote::NONE).await),
        (At(old), Some(new))
    );
    assert_eq!(
        it.delete(&id("a"), At(new), &ChangeNote::NONE)
            .await
            .expect("nobody else wrote"),
        Revision(3)
    );
    assert_eq!(it.find("a").await, None);
}

pub(super) async fn a_delete_at_a_revision_refuses_what_is_absent(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    assert_eq!(
        conflict(
            it.delete(&id("a"), At(Revision(1)), &ChangeNote::NONE)
                .await
        ),
        (At(Revision(1)), None)
    );
}

pub(super) async fn a_delete_of_what_is_present_refuses_what_is_absent(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    assert_eq!(
        conflict(it.delete(&id("a"), Present, &ChangeNote::NONE).await),
        (Present, None)
    );
    it.store("a", json!({})).await;
    assert_eq!(
        it.delete(&id("a"), Present, &ChangeNote::NONE)
            .await
            .expect("it is there"),
        Revision(2)
    );
}

pub(super) async fn a_delete_of_what_is_absent_deletes_nothing(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    assert!(is_not_found(
        &it.delete(&id("a"), Absent, &ChangeNote::NONE).await
    ));
    it.store("a", json!({})).await;
    assert_eq!(
        conflict(it.delete(&id("a"), Absent, &ChangeNote::NONE).await),
        (Absent, Some(Revision(1)))
    );
    assert!(it.find("a").await.is_some());
}

pub(super) async fn a_refused_write_changes_nothing_and_spends_no_revision(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store("a", json!({"n": 1})).await;
    it.store("b", json!({})).await;
    let before = (it.items(&Query::default()).await, it.told().await);
    let refused: [(&str, Precondition); 6] = [
        ("a", Absent),
        ("a", At(Revision(2))),
        ("c", Present),
        ("c", At(Revision(2))),
        ("b", At(Revision(1))),
        ("b", Absent),
    ];
    for (name, when) in refused {
        conflict(it.put(&id(name), numbered(9), when).await);
        conflict_or_missing(it.delete(&id(name), when, &ChangeNote::NONE).await);
    }
    assert_eq!(it.newest().await, Revision(2));
    assert_eq!((it.items(&Query::default()).await, it.told().await), before);
    let next = it
        .put(&id("c"), numbered(1), Any)
        .await
        .expect("an unconditional write is done");
    assert_eq!(next.revision, Revision(3));
}

fn conflict_or_missing(refused: Result<Revision, crate::Error>) {
    if !is_not_found(&refused) {
        conflict(refused);
    }
}

//! What a put and a delete do.

use super::Fixture;
use super::subject::{Subject, draft, id, is_not_found, object};
use crate::{ChangeNote, Changes, Draft, Precondition, Query, Revision, Status};
use chrono::Timelike;
use serde_json::json;

pub(super) async fn an_empty_collection_is_empty(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    assert_eq!(it.newest().await, Revision::ZERO);
    assert_eq!(it.find("a").await, None);
    assert_eq!(it.items(&Query::default()).await, []);
    assert_eq!(it.number(&Query::default()).await, 0);
    assert_eq!(it.all_heads().await, []);
    let nothing = Changes::Log {
        changes: Vec::new(),
        head: Revision::ZERO,
    };
    assert_eq!(
        it.changes(Revision::ZERO, 10).await.expect("the log"),
        nothing
    );
}

pub(super) async fn a_put_is_read_back_as_it_was_answered(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let config = json!({"llm": {"provider": "echo"}, "list": [1, "two", null, {"three": 3}]});
    let metadata = Some(object(json!({"team": "a", "size": 3})));
    let written = it
        .write(
            "bot",
            Draft {
                metadata: metadata.clone(),
                ..draft(config.clone())
            },
        )
        .await;
    assert_eq!(written.id, id("bot"));
    assert_eq!(written.config.clone().into_value(), config);
    assert_eq!(Some(written.metadata.clone()), metadata);
    assert_eq!(written.status, Status::Active);
    assert_eq!((written.revision, written.version), (Revision(1), 1));
    assert_eq!(written.created_at, written.updated_at);
    assert_eq!(it.stored("bot").await, written);
    assert_eq!(it.items(&Query::default()).await, [written]);
}

pub(super) async fn a_put_replaces_the_whole_config(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store("bot", json!({"a": {"b": 1}, "c": 2})).await;
    let written = it.store("bot", json!({"a": {"d": 3}})).await;
    assert_eq!(written.config.clone().into_value(), json!({"a": {"d": 3}}));
    assert_eq!(it.stored("bot").await, written);
}

pub(super) async fn a_put_without_metadata_keeps_what_is_there(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store_noted("bot", json!({"team": "a", "odd key ' \" $": [1, null]}))
        .await;
    let written = it.store("bot", json!({"n": 2})).await;
    assert_eq!(
        written.metadata,
        object(json!({"team": "a", "odd key ' \" $": [1, null]}))
    );
    assert_eq!(it.stored("bot").await, written);
}

pub(super) async fn a_put_with_metadata_replaces_all_of_it(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store_noted("bot", json!({"team": "a", "size": 3})).await;
    assert_eq!(
        it.store_noted("bot", json!({"size": 4})).await.metadata,
        object(json!({"size": 4}))
    );
    assert_eq!(it.stored("bot").await.metadata, object(json!({"size": 4})));
    it.store_noted("bot", json!({})).await;
    assert_eq!(it.stored("bot").await.metadata, object(json!({})));
}

pub(super) async fn every_status_is_stored(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    for status in [Status::Inactive, Status::Error, Status::Active] {
        assert_eq!(it.store_as("bot", status).await.status, status);
        assert_eq!(it.stored("bot").await.status, status);
    }
}

pub(super) async fn the_time_of_creation_stays_and_the_time_of_update_rises(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let mut last = it.store("bot", json!({})).await;
    for n in 0..50 {
        let next = it.store("bot", json!({ "n": n })).await;
        assert_eq!(next.created_at, last.created_at);
        assert!(
            next.updated_at > last.updated_at,
            "{} after {}",
            next.updated_at,
            last.updated_at
        );
        last = next;
    }
    assert_eq!(it.stored("bot").await, last);
}

pub(super) async fn times_are_whole_microseconds(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let written = it.store("bot", json!({})).await;
    for at in [
        written.created_at,
        written.updated_at,
        written.last_accessed_at,
    ] {
        assert_eq!(at.nanosecond() % 1000, 0, "{at}");
    }
}

pub(super) async fn the_version_counts_the_writes_of_one_id(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    for version in 1..=5 {
        assert_eq!(it.store("a", json!({})).await.version, version);
        assert_eq!(it.store("b", json!({})).await.version, version);
    }
}

pub(super) async fn a_recreated_registration_starts_anew(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let old = it.store_noted("bot", json!({"team": "a"})).await;
    it.store("bot", json!({})).await;
    let deleted = it.remove("bot").await;
    let new = it.store("bot", json!({})).await;
    assert_eq!(new.version, 1);
    assert_eq!(new.metadata, object(json!({})));
    assert!(new.created_at >= old.created_at);
    assert!(new.revision > deleted);
    assert_eq!(it.stored("bot").await, new);
}

pub(super) async fn revisions_rise_across_ids_and_deletion(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let revisions = [
        it.store("a", json!({})).await.revision,
        it.store("b", json!({})).await.revision,
        it.remove("a").await,
        it.store("a", json!({})).await.revision,
        it.remove("b").await,
        it.remove("a").await,
        it.store("b", json!({})).await.revision,
    ];
    assert_eq!(revisions.map(|revision| revision.0), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(it.newest().await, Revision(7));
}

pub(super) async fn a_deleted_registration_is_gone(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store("a", json!({})).await;
    it.store("b", json!({})).await;
    it.remove("a").await;
    assert_eq!(it.find("a").await, None);
    assert_eq!(it.ids(&Query::default()).await, ["b"]);
    assert_eq!(it.number(&Query::default()).await, 1);
    assert_eq!(it.all_heads().await, [("b".to_owned(), Revision(2))]);
}

pub(super) async fn deleting_nothing_is_not_found(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    assert!(is_not_found(
        &it.delete(&id("a"), Precondition::Any, &ChangeNote::NONE)
            .await
    ));
    it.store("a", json!({})).await;
    it.remove("a").await;
    assert!(is_not_found(
        &it.delete(&id("a"), Precondition::Any, &ChangeNote::NONE)
            .await
    ));
    assert_eq!(it.newest().await, Revision(2));
    assert_eq!(it.told().await, ["a:created", "a:deleted"]);
}

pub(super) async fn a_write_leaves_other_registrations_alone(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let neighbour = it.store_noted("a", json!({"team": "a"})).await;
    it.store("b", json!({})).await;
    it.store_as("b", Status::Inactive).await;
    it.remove("b").await;
    assert_eq!(it.stored("a").await, neighbour);
}

pub(super) async fn one_handle_reads_what_another_wrote(fixture: &dyn Fixture) {
    let (writer, reader) = (Subject::open(fixture).await, Subject::open(fixture).await);
    for n in 0..20 {
        let written = writer.store("bot", json!({ "n": n })).await;
        assert_eq!(reader.stored("bot").await, written);
        assert_eq!(reader.newest().await, written.revision);
        let gone = reader.remove("bot").await;
        assert_eq!(writer.find("bot").await, None);
        assert_eq!(writer.newest().await, gone);
    }
}

pub(super) async fn a_collection_continues_where_it_was_left(fixture: &dyn Fixture) {
    let before = Subject::open(fixture).await;
    before.store("gone", json!({})).await;
    let kept = before.store_noted("kept", json!({"team": "a"})).await;
    before.remove("gone").await;
    drop(before);
    let it = Subject::open(fixture).await;
    assert_eq!(it.stored("kept").await, kept);
    assert_eq!(
        it.told().await,
        ["gone:created", "kept:created", "gone:deleted"]
    );
    assert_eq!(it.store("new", json!({})).await.revision, Revision(4));
}

//! In which order a query lists.

use super::Fixture;
use super::subject::{Subject, id};
use crate::{Access, Query, SortSpec, Status};
use chrono::TimeDelta;
use serde_json::{Value, json};

fn by(sort: &[&str]) -> Query {
    let sort = sort
        .iter()
        .map(|text| SortSpec::parse(text).expect("a sort"))
        .collect();
    Query {
        sort,
        ..Query::default()
    }
}

/// Lists by a field, both ways. Without ties one is the other reversed.
async fn both_ways(it: &Subject, field: &str) -> String {
    let ascending = it.ids(&by(&[&format!("{field}:asc")])).await;
    let mut descending = it.ids(&by(&[&format!("{field}:desc")])).await;
    assert_eq!(it.ids(&by(&[field])).await, ascending);
    descending.reverse();
    assert_eq!(ascending, descending, "{field}");
    ascending.join(" ")
}

/// Stores each metadata value under its name, then lists by it, both ways.
async fn by_metadata(fixture: &dyn Fixture, stored: &[(&str, Value)]) -> [String; 2] {
    let it = Subject::open(fixture).await;
    for (name, value) in stored {
        it.store_noted(name, json!({ "k": value })).await;
    }
    let ascending = it.ids(&by(&["metadata.k:asc"])).await.join(" ");
    let descending = it.ids(&by(&["metadata.k:desc"])).await.join(" ");
    [ascending, descending]
}

pub(super) async fn without_a_sort_the_order_is_by_id(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    for name in ["c", "a", "B", "b", "10", "9", "ä", "🤖"] {
        it.store(name, json!({})).await;
    }
    assert_eq!(
        it.ids(&Query::default()).await,
        ["10", "9", "B", "a", "b", "c", "ä", "🤖"]
    );
    assert_eq!(both_ways(&it, "bot_id").await, "10 9 B a b c ä 🤖");
}

pub(super) async fn every_field_sorts_both_ways(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let created = [
        ("b", Status::Inactive),
        ("c", Status::Active),
        ("a", Status::Error),
    ];
    for (name, status) in created {
        it.store_as(name, status).await;
    }
    it.store_as("b", Status::Inactive).await;
    it.store_as("a", Status::Error).await;
    it.store_as("a", Status::Error).await;
    let later = |name: &str, seconds| {
        let id = id(name);
        let it = it.clone();
        async move {
            let at = it.stored(id.as_str()).await.updated_at + TimeDelta::seconds(seconds);
            Access { id, at }
        }
    };
    let accesses = [
        later("a", 20).await,
        later("b", 10).await,
        later("c", 30).await,
    ];
    it.touch(&accesses).await.expect("accesses are noted");
    assert_eq!(both_ways(&it, "id").await, "a b c");
    assert_eq!(both_ways(&it, "status").await, "c a b");
    assert_eq!(both_ways(&it, "revision").await, "c b a");
    assert_eq!(both_ways(&it, "version").await, "c b a");
    assert_eq!(both_ways(&it, "updated_at").await, "c b a");
    assert_eq!(both_ways(&it, "last_accessed_at").await, "b a c");
    // Two creations may share a microsecond: then the ids decide.
    let mut creations = Vec::new();
    for name in ["b", "c", "a"] {
        creations.push((it.stored(name).await.created_at, name.to_owned()));
    }
    creations.sort();
    let expected: Vec<_> = creations.into_iter().map(|(_, name)| name).collect();
    assert_eq!(it.ids(&by(&["created_at"])).await, expected);
}

pub(super) async fn ties_go_by_id(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    for name in ["d", "b", "a", "c"] {
        it.store_noted(name, json!({"k": 1})).await;
    }
    for sort in [
        "metadata.k:asc",
        "metadata.k:desc",
        "status:asc",
        "version:desc",
        "metadata.none:desc",
    ] {
        assert_eq!(it.ids(&by(&[sort])).await, ["a", "b", "c", "d"], "{sort}");
    }
}

pub(super) async fn the_second_criterion_decides_ties_of_the_first(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    for (name, x, y) in [("a", 1, 1), ("b", 2, 1), ("c", 1, 2), ("d", 2, 2)] {
        it.store_noted(name, json!({"x": x, "y": y})).await;
    }
    assert_eq!(
        it.ids(&by(&["metadata.x:asc", "metadata.y:desc"])).await,
        ["c", "a", "d", "b"]
    );
    assert_eq!(
        it.ids(&by(&["metadata.y:desc", "metadata.x:desc"])).await,
        ["d", "c", "b", "a"]
    );
    assert_eq!(
        it.ids(&by(&["metadata.x:desc", "bot_id:desc"])).await,
        ["d", "b", "c", "a"]
    );
}

pub(super) async fn numbers_sort_by_value(fixture: &dyn Fixture) {
    let stored = [
        ("ten", json!(10)),
        ("nine", json!(9.5)),
        ("minus", json!(-1)),
        ("huge", json!(1e300)),
        ("big", json!(u64::MAX)),
        ("low", json!(i64::MIN)),
        ("zero", json!(0)),
    ];
    let [ascending, descending] = by_metadata(fixture, &stored).await;
    assert_eq!(ascending, "low minus zero nine ten big huge");
    assert_eq!(descending, "huge big ten nine zero minus low");
}

pub(super) async fn texts_sort_by_bytes(fixture: &dyn Fixture) {
    let stored =
        ["b", "a", "B", "", "aa", "10", "9", "ä", "z", "🤖"].map(|text| (text, json!(text)));
    let named: Vec<_> = stored
        .iter()
        .map(|(text, value)| (if text.is_empty() { "empty" } else { text }, value.clone()))
        .collect();
    let [ascending, descending] = by_metadata(fixture, &named).await;
    assert_eq!(ascending, "empty 10 9 B a aa b z ä 🤖");
    assert_eq!(descending, "🤖 ä z b aa a B 9 10 empty");
}

pub(super) async fn numbers_come_before_texts_and_nothing_comes_last(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store_noted("absent", json!({})).await;
    it.store_noted("null", json!({"k": null})).await;
    it.store_noted("text", json!({"k": "0"})).await;
    it.store_noted("number", json!({"k": 5})).await;
    it.store_noted("true", json!({"k": true})).await;
    it.store_noted("false", json!({"k": false})).await;
    assert_eq!(
        it.ids(&by(&["metadata.k:asc"])).await,
        ["false", "true", "number", "text", "absent", "null"]
    );
    assert_eq!(
        it.ids(&by(&["metadata.k:desc"])).await,
        ["absent", "null", "text", "number", "true", "false"]
    );
}

pub(super) async fn lists_and_objects_sort_as_their_json(fixture: &dyn Fixture) {
    let stored = [
        ("list", json!([2, "b"])),
        ("longer", json!([2, "b", 1])),
        ("object", json!({"a": 1})),
        ("text", json!("[3")),
        ("word", json!("a")),
    ];
    let [ascending, descending] = by_metadata(fixture, &stored).await;
    assert_eq!(ascending, "longer list text word object");
    assert_eq!(descending, "object word text list longer");
}

pub(super) async fn order_offset_and_limit_apply_in_that_order_after_the_filter(
    fixture: &dyn Fixture,
) {
    let it = Subject::open(fixture).await;
    for n in 0..10 {
        it.store_noted(
            &format!("bot-{n}"),
            json!({"rank": 9 - n, "even": n % 2 == 0}),
        )
        .await;
    }
    let even = [("even".to_owned(), json!(true))].into_iter().collect();
    let query = Query {
        metadata: even,
        offset: 1,
        limit: Some(3),
        ..by(&["metadata.rank"])
    };
    assert_eq!(it.ids(&query).await, ["bot-6", "bot-4", "bot-2"]);
    assert_eq!(it.list(&query).await.expect("a page").next, None);
}

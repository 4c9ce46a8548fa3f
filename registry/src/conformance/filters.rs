//! Which registrations a query selects.

use super::Fixture;
use super::subject::{Subject, object};
use crate::{Query, SortField, SortSpec, Status};
use serde_json::{Value, json};

fn holding(metadata: Value) -> Query {
    Query {
        metadata: object(metadata),
        ..Query::default()
    }
}

/// Stores each metadata under its name and answers which names each filter selects.
async fn select(
    fixture: &dyn Fixture,
    stored: &[(&str, Value)],
    filters: Vec<Value>,
) -> Vec<String> {
    let it = Subject::open(fixture).await;
    for (name, metadata) in stored {
        it.store_noted(name, metadata.clone()).await;
    }
    let mut selected = Vec::new();
    for filter in filters {
        let query = holding(filter);
        let names = it.ids(&query).await;
        assert_eq!(it.number(&query).await, names.len() as u64);
        selected.push(names.join(" "));
    }
    selected
}

pub(super) async fn a_status_selects_its_registrations(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store_as("a", Status::Active).await;
    it.store_as("b", Status::Inactive).await;
    it.store_as("c", Status::Error).await;
    it.store_as("d", Status::Active).await;
    let of = |status| Query {
        status: Some(status),
        ..Query::default()
    };
    assert_eq!(it.ids(&of(Status::Active)).await, ["a", "d"]);
    assert_eq!(it.ids(&of(Status::Inactive)).await, ["b"]);
    assert_eq!(it.ids(&of(Status::Error)).await, ["c"]);
    assert_eq!(it.ids(&Query::default()).await, ["a", "b", "c", "d"]);
    assert_eq!(it.number(&of(Status::Active)).await, 2);
    it.store_as("a", Status::Inactive).await;
    assert_eq!(it.ids(&of(Status::Inactive)).await, ["a", "b"]);
}

pub(super) async fn texts_are_equal_when_their_bytes_are(fixture: &dyn Fixture) {
    let stored = [
        ("lower", json!({"k": "team"})),
        ("upper", json!({"k": "Team"})),
        ("blank", json!({"k": "team "})),
        ("empty", json!({"k": ""})),
        ("digit", json!({"k": "1"})),
        ("umlaut", json!({"k": "ä"})),
        ("combined", json!({"k": "a\u{308}"})),
    ];
    let filters = ["team", "Team", "team ", "", "1", "ä", "a\u{308}", "t%", "_"];
    let selected = select(
        fixture,
        &stored,
        filters.map(|text| json!({"k": text})).to_vec(),
    )
    .await;
    assert_eq!(
        selected,
        [
            "lower", "upper", "blank", "empty", "digit", "umlaut", "combined", "", ""
        ]
    );
}

pub(super) async fn numbers_are_equal_when_their_values_are(fixture: &dyn Fixture) {
    let stored = [
        ("float", json!({"k": 1.0})),
        ("int", json!({"k": 1})),
        ("text", json!({"k": "1"})),
        ("true", json!({"k": true})),
        ("zero", json!({"k": 0})),
        ("tenth", json!({"k": 0.1})),
        ("minus", json!({"k": -5})),
    ];
    let filters = vec![
        json!({"k": 1}),
        json!({"k": 1.0}),
        json!({"k": 0.0}),
        json!({"k": 0.1}),
        json!({"k": -5.0}),
    ];
    let selected = select(fixture, &stored, filters).await;
    assert_eq!(
        selected,
        ["float int", "float int", "zero", "tenth", "minus"]
    );
}

pub(super) async fn extreme_numbers_are_found(fixture: &dyn Fixture) {
    let stored = [
        ("u64", json!({"k": u64::MAX})),
        ("i64", json!({"k": i64::MIN})),
        ("huge", json!({"k": 1e308})),
        ("tiny", json!({"k": 5e-324})),
        ("third", json!({"k": 1.0 / 3.0})),
    ];
    let filters = stored
        .iter()
        .map(|(_, metadata)| metadata.clone())
        .collect();
    assert_eq!(
        select(fixture, &stored, filters).await,
        ["u64", "i64", "huge", "tiny", "third"]
    );
}

pub(super) async fn booleans_are_neither_numbers_nor_texts(fixture: &dyn Fixture) {
    let stored = [
        ("false", json!({"k": false})),
        ("null", json!({"k": null})),
        ("one", json!({"k": 1})),
        ("text", json!({"k": "true"})),
        ("true", json!({"k": true})),
        ("zero", json!({"k": 0})),
    ];
    let filters = vec![
        json!({"k": true}),
        json!({"k": false}),
        json!({"k": 1}),
        json!({"k": 0}),
        json!({"k": "true"}),
    ];
    assert_eq!(
        select(fixture, &stored, filters).await,
        ["true", "false", "one", "zero", "text"]
    );
}

pub(super) async fn null_is_not_absence(fixture: &dyn Fixture) {
    let stored = [
        ("absent", json!({})),
        ("null", json!({"k": null})),
        ("text", json!({"k": "null"})),
    ];
    assert_eq!(
        select(fixture, &stored, vec![json!({"k": null})]).await,
        ["null"]
    );
}

pub(super) async fn lists_and_objects_are_compared_whole(fixture: &dyn Fixture) {
    let stored = [
        ("deep", json!({"k": {"a": {"b": [1, {"c": null}]}}})),
        ("empty", json!({"k": {}})),
        ("list", json!({"k": [1, "two", null]})),
        ("none", json!({"k": []})),
        ("other", json!({"k": ["two", 1, null]})),
        ("part", json!({"k": {"a": {"b": [1]}}})),
        ("text", json!({"k": "[]"})),
    ];
    let filters = vec![
        json!({"k": {"a": {"b": [1, {"c": null}]}}}),
        json!({"k": {}}),
        json!({"k": [1, "two", null]}),
        json!({"k": []}),
        json!({"k": {"a": {"b": []}}}),
        json!({"k": "[]"}),
    ];
    assert_eq!(
        select(fixture, &stored, filters).await,
        ["deep", "empty", "list", "none", "", "text"]
    );
}

pub(super) async fn the_order_of_keys_does_not_matter(fixture: &dyn Fixture) {
    let stored = [("a", json!({"k": {"x": 1, "y": {"p": 1, "q": 2}}}))];
    let filters = vec![json!({"k": {"y": {"q": 2, "p": 1}, "x": 1}})];
    assert_eq!(select(fixture, &stored, filters).await, ["a"]);
}

pub(super) async fn every_key_of_the_filter_must_match(fixture: &dyn Fixture) {
    let stored = [
        ("both", json!({"x": 1, "y": 2, "z": 3})),
        ("one", json!({"x": 1})),
        ("wrong", json!({"x": 1, "y": 3})),
    ];
    let filters = vec![
        json!({"x": 1, "y": 2}),
        json!({"x": 1}),
        json!({"x": 2, "y": 2}),
        json!({}),
    ];
    assert_eq!(
        select(fixture, &stored, filters).await,
        ["both", "both one wrong", "", "both one wrong"]
    );
}

pub(super) async fn a_filter_looks_at_top_level_keys_only(fixture: &dyn Fixture) {
    let stored = [
        ("dotted", json!({"a.b": 1})),
        ("nested", json!({"a": {"b": 1}})),
    ];
    let filters = vec![json!({"a.b": 1}), json!({"b": 1}), json!({"a": {"b": 1}})];
    assert_eq!(
        select(fixture, &stored, filters).await,
        ["dotted", "", "nested"]
    );
}

/// Keys and values that mean something to SQL, to JSON paths, or to the escapes of either.
pub(super) const HOSTILE: [&str; 22] = [
    "",
    " ",
    "'",
    "''",
    "\"",
    "\\",
    "\\\"",
    "$",
    "$.k",
    "$[0]",
    "a.b",
    "a[0]",
    "[0]",
    "#-1",
    "%",
    "'; DROP TABLE registrations; --",
    "\") OR 1=1 --",
    "?1",
    ":k",
    "k\n\t\u{1}",
    "ключ 🗝",
    "\u{7f}\u{2028}\u{fffd}",
];

pub(super) async fn hostile_keys_are_only_keys(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    for (n, key) in HOSTILE.iter().enumerate() {
        it.store_noted(&format!("bot-{n:02}"), json!({ *key: 1 }))
            .await;
    }
    for (n, key) in HOSTILE.iter().enumerate() {
        assert_eq!(
            it.ids(&holding(json!({ *key: 1 }))).await,
            [format!("bot-{n:02}")],
            "{key:?}"
        );
        let by_key = SortSpec::parse("id:asc").map(|spec| SortSpec {
            field: SortField::Metadata((*key).to_owned()),
            ..spec
        });
        let sorted = Query {
            sort: vec![by_key.expect("a sort")],
            ..Query::default()
        };
        assert_eq!(it.ids(&sorted).await[0], format!("bot-{n:02}"), "{key:?}");
    }
    assert_eq!(it.number(&Query::default()).await, HOSTILE.len() as u64);
}

pub(super) async fn hostile_values_are_only_values(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    for (n, value) in HOSTILE.iter().enumerate() {
        it.store_noted(
            &format!("bot-{n:02}"),
            json!({"text": value, "list": [value], "map": {*value: value}}),
        )
        .await;
    }
    for (n, value) in HOSTILE.iter().enumerate() {
        for filter in [
            json!({"text": value}),
            json!({"list": [value]}),
            json!({"map": {*value: value}}),
        ] {
            assert_eq!(
                it.ids(&holding(filter)).await,
                [format!("bot-{n:02}")],
                "{value:?}"
            );
        }
    }
}

pub(super) async fn a_nul_in_metadata_is_a_character_like_any_other(fixture: &dyn Fixture) {
    let stored = [
        ("cut", json!({"k": "a"})),
        ("key", json!({"k\0ey": 1})),
        ("other", json!({"k": "a\0c"})),
        ("whole", json!({"k": "a\0b"})),
    ];
    let filters = vec![
        json!({"k": "a\0b"}),
        json!({"k": "a"}),
        json!({"k\0ey": 1}),
        json!({"k\0": 1}),
    ];
    assert_eq!(
        select(fixture, &stored, filters).await,
        ["whole", "cut", "key", ""]
    );
}

pub(super) async fn a_filter_joins_status_and_metadata(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store_noted("a", json!({"team": "x"})).await;
    it.store_noted("b", json!({"team": "x"})).await;
    it.store_noted("c", json!({"team": "y"})).await;
    it.store_as("b", Status::Inactive).await;
    let query = Query {
        status: Some(Status::Active),
        ..holding(json!({"team": "x"}))
    };
    assert_eq!(it.ids(&query).await, ["a"]);
    assert_eq!(it.number(&query).await, 1);
}

pub(super) async fn a_count_does_not_mind_order_offset_and_limit(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    for name in ["a", "b", "c"] {
        it.store_noted(name, json!({"team": "x"})).await;
    }
    let sort = vec![SortSpec::parse("metadata.team:desc").expect("a sort")];
    let query = Query {
        sort,
        offset: 2,
        limit: Some(1),
        ..holding(json!({"team": "x"}))
    };
    assert_eq!(it.number(&query).await, 3);
    assert_eq!(
        it.number(&Query {
            limit: Some(0),
            ..query
        })
        .await,
        3
    );
}

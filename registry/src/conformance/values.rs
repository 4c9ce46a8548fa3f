//! What goes in comes out, to the last bit.

use super::Fixture;
use super::filters::HOSTILE;
use super::subject::{Subject, object};
use crate::Query;
use serde_json::{Map, Value, json};

async fn round_trips(fixture: &dyn Fixture, config: Value) {
    let (it, other) = (Subject::open(fixture).await, Subject::open(fixture).await);
    it.store("bot", config.clone()).await;
    let found = other.stored("bot").await.config.into_value();
    // Not assert_eq!: nobody wants to read megabytes.
    assert!(
        found == config,
        "the configuration comes back as it was written"
    );
    let listed = other
        .items(&Query::default())
        .await
        .remove(0)
        .config
        .into_value();
    assert!(
        listed == config,
        "the configuration is listed as it was written"
    );
}

pub(super) async fn an_empty_config_is_a_config(fixture: &dyn Fixture) {
    round_trips(fixture, json!({})).await;
}

pub(super) async fn a_large_config_is_stored_whole(fixture: &dyn Fixture) {
    let parts: Vec<Value> = (0..5_000)
        .map(|n| json!({"n": n, "text": "äöü\"\\\n".repeat(100)}))
        .collect();
    let config = json!({ "parts": parts });
    assert!(config.to_string().len() > 5_000_000);
    round_trips(fixture, config).await;
}

pub(super) async fn a_deep_config_is_stored_whole(fixture: &dyn Fixture) {
    round_trips(
        fixture,
        (1..120).fold(json!({"leaf": true}), |inner, _| json!({ "a": inner })),
    )
    .await;
}

pub(super) async fn numbers_come_back_exactly(fixture: &dyn Fixture) {
    let numbers = json!({
        "ints": [0, 1, -1, i64::MIN, i64::MAX, u64::MAX, u64::MAX - 1, 9_007_199_254_740_993_u64],
        "floats": [0.0, 0.1, 0.2, 0.3, 1.0, -1.5, 1e308, -1e308, 5e-324, 2.2e-308, 1.0 / 3.0, 6.02e23, 1e21, f64::MAX],
    });
    round_trips(fixture, numbers.clone()).await;
    let it = Subject::open(fixture).await;
    it.store_noted("noted", numbers.clone()).await;
    let metadata = it.stored("noted").await.metadata;
    // As texts, because an integer stays one: 1 is not written back as 1.0.
    for (key, wanted) in numbers.as_object().expect("an object") {
        assert_eq!(metadata[key].to_string(), wanted.to_string(), "{key}");
    }
}

pub(super) async fn texts_come_back_exactly(fixture: &dyn Fixture) {
    let keyed: Map<String, Value> = HOSTILE
        .iter()
        .map(|text| ((*text).to_owned(), json!([text])))
        .collect();
    round_trips(fixture, Value::Object(keyed.clone())).await;
    let it = Subject::open(fixture).await;
    it.store_noted("noted", Value::Object(keyed.clone())).await;
    assert_eq!(it.stored("noted").await.metadata, keyed);
}

pub(super) async fn a_nul_in_a_text_comes_back(fixture: &dyn Fixture) {
    round_trips(
        fixture,
        json!({"a": "\0", "b": ["x\0y"], "c\0d": "\u{0}end"}),
    )
    .await;
    let it = Subject::open(fixture).await;
    let metadata = json!({"a": "\0", "k\0": {"\0": "\0"}});
    it.store_noted("noted", metadata.clone()).await;
    assert_eq!(it.stored("noted").await.metadata, object(metadata));
}

pub(super) async fn placeholders_are_stored_unresolved(fixture: &dyn Fixture) {
    let config = json!({"key": "${API_KEY:none}", "llm": {"$resource": "chat", "type": "llms"}});
    round_trips(fixture, config).await;
}

pub(super) async fn large_metadata_is_stored_whole(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let metadata: Map<String, Value> = (0..2_000)
        .map(|n| (format!("key-{n}"), json!({"n": n, "text": "x".repeat(100)})))
        .collect();
    it.store_noted("bot", Value::Object(metadata.clone())).await;
    assert!(
        it.stored("bot").await.metadata == metadata,
        "the metadata comes back as it was written"
    );
    let query = Query {
        metadata: metadata.into_iter().skip(1_234).take(3).collect(),
        ..Query::default()
    };
    assert_eq!(it.ids(&query).await, ["bot"]);
}

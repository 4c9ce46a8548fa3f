//! Ids are bytes, whatever they look like.

use super::Fixture;
use super::subject::{Subject, id};
use crate::{Precondition, Query};
use serde_json::json;

/// Stores each id and demands that each is itself everywhere, and nothing but itself.
async fn are_themselves(fixture: &dyn Fixture, names: &[&str]) {
    let it = Subject::open(fixture).await;
    for (n, name) in names.iter().enumerate() {
        let written = it
            .put(&id(name), super::subject::numbered(n), Precondition::Absent)
            .await;
        assert!(written.is_ok(), "{name:?} is an id of its own: {written:?}");
    }
    for (n, name) in names.iter().enumerate() {
        let found = it.stored(name).await;
        assert_eq!(found.id, id(name));
        assert_eq!(found.config.into_value(), json!({ "n": n }));
    }
    let told: Vec<_> = it.told().await;
    assert_eq!(
        told,
        names
            .iter()
            .map(|name| format!("{name}:created"))
            .collect::<Vec<_>>()
    );
    let mut sorted = names.to_vec();
    sorted.sort_unstable();
    assert_eq!(it.ids(&Query::default()).await, sorted);
    assert_eq!(
        it.all_heads()
            .await
            .into_iter()
            .map(|(name, _)| name)
            .collect::<Vec<_>>(),
        sorted
    );
    for (n, name) in sorted.iter().enumerate() {
        let after = Query {
            after: Some(id(name)),
            ..Query::default()
        };
        assert_eq!(it.ids(&after).await, sorted[n + 1..]);
    }
    it.remove(names[0]).await;
    assert_eq!(it.number(&Query::default()).await, names.len() as u64 - 1);
}

pub(super) async fn ids_may_be_of_any_script(fixture: &dyn Fixture) {
    are_themselves(
        fixture,
        &[
            "größe",
            "机器人",
            "бот",
            "بوت",
            "🤖",
            "👩‍👩‍👧",
            "e\u{301}",
            "\u{fffd}",
        ],
    )
    .await;
}

pub(super) async fn hostile_ids_are_only_ids(fixture: &dyn Fixture) {
    are_themselves(
        fixture,
        &[
            "'; DROP TABLE registrations; --",
            "\" OR \"1\"=\"1",
            "' OR '1'='1",
            "a'b\"c`d",
            "a b  c",
            "*",
            "_",
            "$.a[0]",
            "{\"a\": 1}",
            "null",
            "0",
            "...",
            "-rf",
            "~root",
            "a:b@c",
            "<script>",
            "${HOME}",
        ],
    )
    .await;
}

pub(super) async fn ids_that_differ_by_case_are_different(fixture: &dyn Fixture) {
    are_themselves(
        fixture,
        &[
            "bot", "Bot", "BOT", "straße", "STRASSE", "ß", "ss", "İ", "i", "ı", "I",
        ],
    )
    .await;
}

pub(super) async fn ids_that_differ_by_normalization_are_different(fixture: &dyn Fixture) {
    are_themselves(
        fixture,
        &[
            "é",
            "e\u{301}",
            "ﬁ",
            "fi",
            "Å",
            "A\u{30a}",
            "\u{212b}",
            "a\u{200d}b",
            "ab",
        ],
    )
    .await;
}

pub(super) async fn ids_that_look_like_the_same_number_are_different(fixture: &dyn Fixture) {
    are_themselves(fixture, &["1", "01", "1.0", "+1", "1e0", "-0", "0", "0x1"]).await;
}

pub(super) async fn ids_may_be_as_long_as_ids_get(fixture: &dyn Fixture) {
    let (one, other) = (
        format!("{}1", "x".repeat(255)),
        format!("{}2", "x".repeat(255)),
    );
    let emoji = "🤖".repeat(64);
    are_themselves(fixture, &[&one, &other, &emoji, "x"]).await;
}

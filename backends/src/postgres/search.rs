//! Metadata in the form in which `@>` of JSONB means what a filter means.
//!
//! What a filter finds equal is one value here, and what it tells apart are two:
//!
//! - A number is the floating-point number that it is compared as.
//! - A list or an object is a list of one text, its JSON: it is compared whole, where `@>` would be content with a
//!   part. A filter's is made in the same way, and no text is a list.
//! - JSONB cannot hold U+0000, so U+0000 and U+0001 become two characters each. Bytes still compare as before.

use crate::texts::canonical;
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// Metadata as it is stored to be searched, and a filter as it is searched for.
pub(super) fn searchable(metadata: &Map<String, Value>) -> String {
    let found = metadata
        .iter()
        .map(|(noted, value)| (key(noted).into_owned(), token(value)));
    Value::Object(found.collect()).to_string()
}

/// A key of the metadata as it is stored to be searched.
pub(super) fn key(key: &str) -> Cow<'_, str> {
    if key.contains(['\0', '\u{1}']) {
        key.replace('\u{1}', "\u{1}\u{2}")
            .replace('\0', "\u{1}\u{1}")
            .into()
    } else {
        key.into()
    }
}

fn token(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        Value::Number(number) => json!(number.as_f64()),
        Value::String(text) => key(text).into(),
        Value::Array(_) | Value::Object(_) => json!([canonical(value)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(metadata: &Value) -> String {
        searchable(metadata.as_object().unwrap())
    }

    #[test]
    fn what_is_equal_is_one_value() {
        assert_eq!(of(&json!({"k": 1})), of(&json!({"k": 1.0})));
        assert_eq!(of(&json!({"k": u64::MAX})), of(&json!({"k": u64::MAX - 1})));
        assert_eq!(
            of(&json!({"k": {"b": 1, "a": [2]}})),
            r#"{"k":["{\"a\":[2],\"b\":1}"]}"#
        );
    }

    #[test]
    fn what_differs_are_two() {
        let values = [
            json!(null),
            json!("null"),
            json!(true),
            json!(1),
            json!("1"),
            json!([]),
            json!("[]"),
            json!(["[]"]),
            json!([1]),
            json!([1.0]),
            json!("\0"),
            json!("\u{1}"),
            json!("\u{1}\u{1}"),
            json!("\u{1}\u{2}"),
            json!("\\u0000"),
        ];
        let found: std::collections::BTreeSet<_> = values
            .iter()
            .map(|value| of(&json!({"k": value})))
            .collect();
        assert_eq!(found.len(), values.len());
    }

    #[test]
    fn texts_keep_their_order() {
        let mut texts = [
            "\0", "\0\0", "\0\u{1}", "\u{1}", "\u{1}\0", "\u{2}", "a\0b", "a\u{1}", "a",
        ];
        texts.sort_unstable();
        assert!(texts.is_sorted_by_key(|text| key(text).into_owned()));
    }
}

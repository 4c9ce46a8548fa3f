//! A configuration as people may see it.

use serde_json::{Map, Value};

use crate::literal_secret::looks_like;
use crate::origins::{Origin, Origins};

/// What is taken out of a configuration.
#[derive(Clone, Copy)]
pub(super) enum Hide {
    /// What `$secret` named.
    Secrets,
    /// And what else looks like a secret: it may have come from a variable.
    Lookalikes,
}

pub(super) fn object(map: &Map<String, Value>, origins: Option<&Origins>, hide: Hide) -> Value {
    let entries = map.iter().map(|(key, below)| {
        let origins = origins.and_then(|origins| origins.key(key));
        (key.clone(), value(below, Some(key), origins, hide))
    });
    Value::Object(entries.collect())
}

fn value(value: &Value, key: Option<&str>, origins: Option<&Origins>, hide: Hide) -> Value {
    if let Some(Origin::Secret(secret)) = origins.and_then(Origins::here) {
        return Value::String(secret.placeholder());
    }
    match (value, hide) {
        (Value::Object(map), _) => object(map, origins, hide),
        (Value::Array(items), _) => items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let origins = origins.and_then(|origins| origins.item(index));
                self::value(item, None, origins, hide)
            })
            .collect(),
        (Value::String(text), Hide::Lookalikes) => match looks_like(key, text) {
            Some(what) => Value::String(format!("[hidden: looks like {what}]")),
            None => value.clone(),
        },
        (scalar, _) => scalar.clone(),
    }
}

//! A configuration as people may see it.

use serde_json::{Map, Value};

use crate::origins::{Origin, Origins};

pub(super) fn object(map: &Map<String, Value>, origins: Option<&Origins>) -> Value {
    let entries = map.iter().map(|(key, below)| {
        let origins = origins.and_then(|origins| origins.key(key));
        (key.clone(), value(below, origins))
    });
    Value::Object(entries.collect())
}

fn value(value: &Value, origins: Option<&Origins>) -> Value {
    if let Some(Origin::Secret(secret)) = origins.and_then(Origins::here) {
        return Value::String(secret.placeholder());
    }
    match value {
        Value::Object(map) => object(map, origins),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| self::value(item, origins.and_then(|origins| origins.item(index))))
            .collect(),
        scalar => scalar.clone(),
    }
}

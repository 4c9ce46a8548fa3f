//! The JSON object inside every configuration.

use std::fmt::{self, Debug, Write};
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// An immutable JSON object: clones share it, its digest is computed once, and `Debug` shows keys only.
#[derive(Clone)]
pub(crate) struct Object(Arc<Shared>);

struct Shared {
    map: Map<String, Value>,
    digest: OnceLock<String>,
}

impl Object {
    pub(crate) fn new(map: Map<String, Value>) -> Self {
        Self(Arc::new(Shared {
            map,
            digest: OnceLock::new(),
        }))
    }

    pub(crate) fn map(&self) -> &Map<String, Value> {
        &self.0.map
    }

    pub(crate) fn into_map(self) -> Map<String, Value> {
        Arc::try_unwrap(self.0).map_or_else(|shared| shared.map.clone(), |shared| shared.map)
    }

    pub(crate) fn digest(&self) -> &str {
        self.0
            .digest
            .get_or_init(|| hex(&Sha256::digest(canonical_json(&self.0.map))))
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.map == other.0.map
    }
}

impl Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.map.keys()).finish()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes all that is written to it");
        hex
    })
}

/// Writes an object as the JSON that all equal ones have in common, for digests: without spaces and with sorted keys.
pub fn canonical_json(object: &Map<String, Value>) -> Vec<u8> {
    let mut canonical = Vec::new();
    write_object(object, &mut canonical);
    canonical
}

/// The order of `serde_json`'s own map is not relied upon: any crate of a program can turn on its `preserve_order`, and
/// digests must not depend on that.
fn write_object(map: &Map<String, Value>, out: &mut Vec<u8>) {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    out.push(b'{');
    for (at, (key, value)) in entries.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_scalar(key, out);
        out.push(b':');
        write_value(value, out);
    }
    out.push(b'}');
}

fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => write_object(map, out),
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_value(item, out);
            }
            out.push(b']');
        }
        scalar => write_scalar(scalar, out),
    }
}

fn write_scalar<T: serde::Serialize + ?Sized>(scalar: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(out, scalar).expect("a scalar is always written to memory");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        match value {
            Value::Object(map) => Object::new(map),
            _ => panic!("not an object"),
        }
    }

    #[test]
    fn the_digest_is_of_canonical_json() {
        let written = object(json!({"b": [1, 1.5, null, true], "a": {"z": "é\n", "y": {}}}));
        assert_eq!(
            String::from_utf8(canonical_json(written.map())).unwrap(),
            r#"{"a":{"y":{},"z":"é\n"},"b":[1,1.5,null,true]}"#
        );
        // printf '{}' | sha256sum
        assert_eq!(
            object(json!({})).digest(),
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
    }

    #[test]
    fn equal_objects_have_equal_digests_and_others_do_not() {
        let one = object(json!({"a": 1, "b": 2}));
        assert_eq!(one, object(json!({"b": 2, "a": 1})));
        assert_eq!(one.digest(), object(json!({"b": 2, "a": 1})).digest());
        assert_ne!(one, object(json!({"a": 1, "b": "2"})));
        assert_ne!(one.digest(), object(json!({"a": 1, "b": "2"})).digest());
    }
}

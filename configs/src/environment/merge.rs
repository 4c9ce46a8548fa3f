//! Puts what one environment file says over what its parent says.

use serde_json::{Map, Value};

use super::parse::is_flat;
use crate::secret::is_secret;

/// Puts a file over its parent, which keeps nothing of its own name.
///
/// Objects are merged key by key. Everything else, lists and secrets too, replaces what the parent has; null takes the parent's key
/// away. A top-level key without a value says nothing, as in a file that extends no other. A type of resources that is
/// written flat in one of the files and by names in the other is replaced as a whole.
pub(super) fn merge_file(parent: &mut Map<String, Value>, child: &Map<String, Value>) {
    parent.remove("name");
    for (key, value) in child.iter().filter(|(_, value)| !value.is_null()) {
        match (parent.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(above)) if key == "resources" => {
                merge_by_key(below, above, merge_type);
            }
            _ => merge_value(parent, key, value),
        }
    }
}

fn merge_type(parent: &mut Map<String, Value>, resource_type: &str, child: &Value) {
    match (parent.get(resource_type), child) {
        (Some(Value::Object(below)), Value::Object(above)) if !are_alike(below, above) => {
            parent.insert(resource_type.to_owned(), child.clone());
        }
        _ => merge_value(parent, resource_type, child),
    }
}

/// Whether both write the type flat, or both by names. Over a flat one, fields without a `backend` are flat too.
fn are_alike(below: &Map<String, Value>, above: &Map<String, Value>) -> bool {
    let names = |of_type: &Map<String, Value>| {
        of_type
            .values()
            .all(|value| value.is_object() || value.is_null())
    };
    match (is_flat(below), is_flat(above)) {
        (true, false) => !names(above),
        (below, above) => below == above,
    }
}

fn merge_value(parent: &mut Map<String, Value>, key: &str, child: &Value) {
    match (parent.get_mut(key), child) {
        (Some(_), Value::Null) => {
            parent.remove(key);
        }
        (Some(Value::Object(below)), Value::Object(above))
            if !is_secret(below) && !is_secret(above) =>
        {
            merge_by_key(below, above, merge_value);
        }
        _ => {
            parent.insert(key.to_owned(), child.clone());
        }
    }
}

fn merge_by_key(
    parent: &mut Map<String, Value>,
    child: &Map<String, Value>,
    merge: impl Fn(&mut Map<String, Value>, &str, &Value),
) {
    for (key, value) in child {
        merge(parent, key, value);
    }
}

//! Writes a configuration that was sent over the one of a mod.

use crate::body::{Read, check_object, read_json};
use crate::fault::Fault;
use crate::mods_wire::{self as wire, HIDDEN};
use crate::state::Node;
use axum::extract::Request;
use hotbed_api::ModConfig;
use hotbed_desk::{ModEntry, ModsError};
use hotbed_registry::{ChangeNote, Id, Precondition};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// How a configuration is written over another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::routes) enum Way {
    /// As a whole.
    Replace,
    /// Key by key.
    Merge,
}

/// Reads the configuration that a request carries.
pub(in crate::routes) async fn read_config(
    node: &Node,
    request: Request,
) -> Result<Read<Map<String, Value>>, Fault> {
    let read = |body: ModConfig| {
        check_object("config", &body.config)?;
        Ok(body.config)
    };
    read_json(request, &node.limits(), &node.bodies, read).await
}

/// Writes a configuration over the one of a mod, by exactly its id or exactly its path. What nobody is shown, and was sent back
/// as it was shown, stays.
pub(in crate::routes) async fn write_config(
    node: &Node,
    name: &str,
    config: Map<String, Value>,
    way: Way,
    when: Precondition,
    said: ChangeNote,
) -> Result<(Id, ModEntry), ModsError> {
    let hidden = hidden(node, name).await?;
    let change = move |registered: &mut Map<String, Value>| {
        write_over(registered, config.clone(), way, &hidden);
    };
    node.state.mods.edit(name, when, said, change).await
}

/// The keys of a mod's configuration that nobody is shown.
///
/// Nothing may be written while they are not known: what stands in place of a password would be stored as one.
async fn hidden(node: &Node, name: &str) -> Result<BTreeSet<String>, ModsError> {
    let (_, entry) = node.state.mods.entry(name).await?;
    Ok(wire::passwords(wire::form(&entry)))
}

/// Writes a configuration into a registration. What is hidden and was sent back as it was shown stays.
fn write_over(
    registered: &mut Map<String, Value>,
    mut config: Map<String, Value>,
    way: Way,
    hidden: &BTreeSet<String>,
) {
    let before = match registered.remove("config") {
        Some(Value::Object(before)) => before,
        _ => Map::new(),
    };
    for key in hidden {
        if config.get(key).and_then(Value::as_str) == Some(HIDDEN) {
            config.remove(key);
            if let Some(kept) = before.get(key) {
                config.insert(key.clone(), kept.clone());
            }
        }
    }
    let after = match way {
        Way::Replace => config,
        Way::Merge => {
            let mut after = before;
            merge(&mut after, config);
            after
        }
    };
    registered.insert("config".to_owned(), Value::Object(after));
}

/// JSON Merge Patch, RFC 7396.
fn merge(into: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (key, value) in patch {
        match (into.get_mut(&key), value) {
            (_, Value::Null) => drop(into.remove(&key)),
            (Some(Value::Object(into)), Value::Object(patch)) => merge(into, patch),
            (_, Value::Object(patch)) => {
                let mut fresh = Map::new();
                merge(&mut fresh, patch);
                into.insert(key, Value::Object(fresh));
            }
            (_, value) => drop(into.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(before: &Value, config: Value, way: Way) -> Value {
        let mut registered = before.as_object().unwrap().clone();
        let hidden = BTreeSet::from(["key".to_owned()]);
        let Value::Object(config) = config else {
            unreachable!("it is written here")
        };
        write_over(&mut registered, config, way, &hidden);
        Value::Object(registered)
    }

    /// Meant to catch: to store what stands in place of a password, to lose the keys that are not in a patch.
    #[test]
    fn a_hidden_password_that_is_sent_back_stays_and_a_patch_leaves_the_rest() {
        let before =
            json!({"path": "a.b", "config": {"key": "secret", "a": {"x": 1, "y": 2}, "b": 3}});
        let config = json!({"key": HIDDEN, "a": {"y": null, "z": 4}});
        assert_eq!(
            written(&before, config.clone(), Way::Merge),
            json!({"path": "a.b", "config": {"key": "secret", "a": {"x": 1, "z": 4}, "b": 3}})
        );
        assert_eq!(
            written(&before, config, Way::Replace)["config"],
            json!({"key": "secret", "a": {"y": null, "z": 4}})
        );
        let none = json!({"path": "a.b"});
        assert_eq!(
            written(&none, json!({"key": HIDDEN, "n": {"m": null}}), Way::Merge)["config"],
            json!({"n": {}})
        );
        assert_eq!(
            written(&none, json!({"key": "new"}), Way::Merge)["config"]["key"],
            "new"
        );
    }
}

//! The stored form of a configuration.

use std::fmt::{self, Debug};

use serde_json::{Map, Value};

use crate::error::{ConfigError, ConfigErrorKind};
use crate::limits::MAX_NESTING;
use crate::literal_secret::literal_secrets;
use crate::object::Object;
use crate::path::ConfigPath;
use crate::warning::ConfigWarning;

/// Holds a configuration as it is stored and sent: a JSON object that means the same on every node.
///
/// It may hold `${VAR}` and `$resource`; [`Environment::resolve`](crate::Environment::resolve) fills them in. It is
/// never nested deeper than [`MAX_NESTING`]. Clones share the object. `Debug` shows the top-level keys and no values.
#[derive(Clone, PartialEq)]
pub struct PortableConfig(Object);

impl PortableConfig {
    /// Takes a JSON value that should be an object; refuses anything else, and what is nested too deep.
    pub fn from_value(value: Value) -> Result<Self, ConfigError> {
        match value {
            Value::Object(map) => Self::from_map(map),
            other => Err(ConfigError::new(
                ConfigPath::default(),
                ConfigErrorKind::wrong_type("an object", &other),
            )),
        }
    }

    /// Takes a JSON object; refuses what is nested too deep.
    pub fn from_map(map: Map<String, Value>) -> Result<Self, ConfigError> {
        let fits = map
            .values()
            .all(|value| is_nested_at_most(value, MAX_NESTING - 1));
        if fits {
            Ok(Self(Object::new(map)))
        } else {
            Err(ConfigError::new(
                ConfigPath::default(),
                ConfigErrorKind::TooDeep,
            ))
        }
    }

    /// The whole object.
    pub fn as_map(&self) -> &Map<String, Value> {
        self.0.map()
    }

    /// One top-level value.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.map().get(key)
    }

    /// Gives the object away, as a JSON value; copies it only if a clone of this configuration is alive.
    pub fn into_value(self) -> Value {
        Value::Object(self.0.into_map())
    }

    /// The SHA-256 of the canonical JSON, in hex: the same for the same content, whatever the order of its keys.
    pub fn digest(&self) -> &str {
        self.0.digest()
    }

    /// Warns of texts that look like secrets written out: of the shape of a well-known key or token, a URL with a
    /// password, or any text at a key such as `api_key` or `password` that is not from a variable. At most a hundred;
    /// none holds the text.
    pub fn literal_secrets(&self) -> Vec<ConfigWarning> {
        literal_secrets(self.as_map())
    }

    pub(crate) fn object(&self) -> &Object {
        &self.0
    }
}

impl Debug for PortableConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PortableConfig").field(&self.0).finish()
    }
}

fn is_nested_at_most(value: &Value, levels: usize) -> bool {
    match value {
        Value::Object(_) | Value::Array(_) if levels == 0 => false,
        Value::Object(map) => map.values().all(|v| is_nested_at_most(v, levels - 1)),
        Value::Array(items) => items.iter().all(|v| is_nested_at_most(v, levels - 1)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(levels: usize) -> Value {
        (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }))
    }

    #[test]
    fn what_is_not_an_object_is_refused_by_name() {
        let refused = |value| PortableConfig::from_value(value).unwrap_err().to_string();
        assert_eq!(refused(json!([])), "expected an object, found a list");
        assert_eq!(refused(json!("x")), "expected an object, found a string");
        assert_eq!(refused(json!(1)), "expected an object, found a number");
        assert_eq!(refused(json!(true)), "expected an object, found a boolean");
        assert_eq!(refused(json!(null)), "expected an object, found null");
    }

    #[test]
    fn what_is_accepted_can_be_read_back_and_what_is_deeper_is_refused() {
        let deepest = PortableConfig::from_value(nested(120)).unwrap();
        let text = deepest.clone().into_value().to_string();
        serde_json::from_str::<Value>(&text).unwrap();
        assert_eq!(deepest.digest().len(), 64);

        let refused = PortableConfig::from_value(nested(121)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "nested deeper than 120 levels; flatten it"
        );
        let in_lists = (0..120).fold(json!([]), |inner, _| json!([inner]));
        assert!(PortableConfig::from_value(json!({ "a": in_lists })).is_err());
    }

    #[test]
    fn debug_shows_keys_and_no_values() {
        let config = PortableConfig::from_value(json!({"api_key": "hunter2"})).unwrap();
        assert_eq!(format!("{config:?}"), r#"PortableConfig({"api_key"})"#);
    }

    #[test]
    fn a_config_reads_as_the_object_it_was_made_from() {
        let value = json!({"llm": {"provider": "echo"}});
        let config = PortableConfig::from_value(value.clone()).unwrap();
        assert_eq!(config.get("llm"), Some(&json!({"provider": "echo"})));
        assert_eq!(config.get("nothing"), None);
        assert_eq!(config.as_map().len(), 1);
        assert_eq!(config.clone(), config);
        assert_eq!(config.into_value(), value);
    }
}

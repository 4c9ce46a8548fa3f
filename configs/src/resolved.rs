//! What an instance is built from.

use std::fmt::{self, Debug};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{ConfigError, ConfigErrorKind};
use crate::object::Object;
use crate::path::ConfigPath;
use crate::portable::PortableConfig;
use crate::warning::ConfigWarning;

/// Holds a configuration in which nothing is left to fill in: what an instance is built from on this node.
///
/// Made by [`Environment::resolve`](crate::Environment::resolve). It may hold secrets: `Debug` shows keys only, and it
/// should never be stored or sent. Clones share the object.
#[derive(Clone)]
pub struct ResolvedConfig {
    object: Object,
    environment: Option<Arc<str>>,
    warnings: Arc<[ConfigWarning]>,
}

impl ResolvedConfig {
    pub(crate) fn new(
        map: Map<String, Value>,
        environment: Arc<str>,
        warnings: Vec<ConfigWarning>,
    ) -> Self {
        Self {
            object: Object::new(map),
            environment: Some(environment),
            warnings: warnings.into(),
        }
    }

    /// Takes a configuration as it is written, for programs without an environment: `${VAR}` and `$resource` are not
    /// looked at.
    pub fn verbatim(config: &PortableConfig) -> Self {
        Self {
            object: config.object().clone(),
            environment: None,
            warnings: Arc::default(),
        }
    }

    /// The whole object.
    pub fn as_map(&self) -> &Map<String, Value> {
        self.object.map()
    }

    /// One top-level value.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.object.map().get(key)
    }

    /// The name of the environment it was resolved in; `None` if it was taken [verbatim](Self::verbatim).
    pub fn environment(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    /// The SHA-256 of the canonical JSON, in hex: an instance need not be rebuilt while this stays the same.
    pub fn digest(&self) -> &str {
        self.object.digest()
    }

    /// What was doubtful, such as an optional resource that the environment does not have; at most a hundred.
    pub fn warnings(&self) -> &[ConfigWarning] {
        &self.warnings
    }

    /// Reads the configuration into a type of the caller's. What does not fit is refused with the path of the
    /// offending value; the message does not repeat strings from the configuration where a type is wrong.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        serde_path_to_error::deserialize(self.as_map()).map_err(|error| {
            let path = path_of(error.path());
            let mut message = error.inner().to_string();
            if message.contains("string \"") {
                for_each_string(self.as_map().values(), &mut |text| {
                    // serde quotes what it found, and that may be a secret.
                    message = message.replace(&format!("string {text:?}"), "a string");
                });
            }
            ConfigError::new(path, ConfigErrorKind::Unfit(message))
        })
    }
}

impl Debug for ResolvedConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolvedConfig")
            .field("object", &self.object)
            .field("environment", &self.environment)
            .field("warnings", &self.warnings)
            .finish()
    }
}

fn path_of(path: &serde_path_to_error::Path) -> ConfigPath {
    use serde_path_to_error::Segment;
    let mut ours = ConfigPath::default();
    for segment in path {
        match segment {
            Segment::Map { key } => ours.push_key(key),
            Segment::Enum { variant } => ours.push_key(variant),
            Segment::Seq { index } => ours.push_index(*index),
            Segment::Unknown => {}
        }
    }
    ours
}

fn for_each_string<'v>(values: impl Iterator<Item = &'v Value>, visit: &mut dyn FnMut(&str)) {
    for value in values {
        match value {
            Value::String(text) => visit(text),
            Value::Array(items) => for_each_string(items.iter(), visit),
            Value::Object(map) => for_each_string(map.values(), visit),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Bot {
        llm: Llm,
        #[serde(default)]
        tools: Vec<Llm>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Llm {
        provider: Provider,
        tokens: Option<u64>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Provider {
        Echo,
    }

    fn verbatim(value: Value) -> ResolvedConfig {
        ResolvedConfig::verbatim(&PortableConfig::from_value(value).unwrap())
    }

    fn refused(value: Value) -> String {
        let error = verbatim(value).deserialize::<Bot>().unwrap_err();
        error.to_string()
    }

    #[test]
    fn a_config_is_read_into_a_type() {
        let config = verbatim(json!({"llm": {"provider": "echo", "tokens": 5}}));
        let bot: Bot = config.deserialize().unwrap();
        assert!(bot.tools.is_empty());
        assert!(matches!(bot.llm.provider, Provider::Echo));
        assert_eq!(bot.llm.tokens, Some(5));
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_path() {
        assert_eq!(refused(json!({})), "missing field `llm`");
        assert_eq!(refused(json!({"llm": {}})), "llm: missing field `provider`");
        assert_eq!(
            refused(json!({"llm": {"provider": "ehco"}})),
            "llm.provider: unknown variant `ehco`, expected `echo`"
        );
        assert_eq!(
            refused(json!({"llm": {"provider": "echo", "modle": 1}})),
            "llm.modle: unknown field `modle`, expected `provider` or `tokens`"
        );
        assert_eq!(
            refused(
                json!({"llm": {"provider": "echo"}, "tools": [{"provider": "echo", "tokens": -1}]})
            ),
            "tools[0].tokens: invalid value: integer `-1`, expected u64"
        );
    }

    #[test]
    fn a_type_error_does_not_tell_the_string_it_found() {
        let secret = "hunt\"er2";
        assert_eq!(
            refused(json!({"llm": {"provider": "echo", "tokens": secret}})),
            "llm.tokens: invalid type: a string, expected u64"
        );
        assert_eq!(
            refused(json!({"llm": secret})),
            "llm: invalid type: a string, expected struct Llm"
        );
    }

    #[test]
    fn a_verbatim_config_is_the_portable_one() {
        let portable = PortableConfig::from_value(json!({"a": "${X}", "$resource": 1})).unwrap();
        let resolved = ResolvedConfig::verbatim(&portable);
        assert_eq!(resolved.as_map(), portable.as_map());
        assert_eq!(resolved.digest(), portable.digest());
        assert_eq!(resolved.get("a"), Some(&json!("${X}")));
        assert_eq!(resolved.environment(), None);
        assert!(resolved.warnings().is_empty());
    }

    #[test]
    fn debug_shows_keys_and_no_values() {
        assert_eq!(
            format!("{:?}", verbatim(json!({"api_key": "hunter2"}))),
            r#"ResolvedConfig { object: {"api_key"}, environment: None, warnings: [] }"#
        );
    }
}

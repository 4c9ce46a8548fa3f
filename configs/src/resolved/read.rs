//! Reads a configuration into a type, and tells why it does not fit without telling a secret.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::ResolvedConfig;
use super::node::Node;
use super::redacted::{self, Hide};
use crate::error::{ConfigError, ConfigErrorKind};
use crate::origins::Origins;
use crate::path::ConfigPath;

pub(super) fn read<T: DeserializeOwned>(config: &ResolvedConfig) -> Result<T, ConfigError> {
    let origins = Some(&*config.origins);
    let whole = Value::Object(config.as_map().clone());
    let error = match read_value(&whole, origins) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    if !config.origins.hold_secrets() {
        return Err(told(&error, &whole));
    }
    // A type's own words may hold a secret in any form: in part, in another case, decoded. So the words are taken from a
    // second reading, which has never seen one.
    let shown = redacted::object(config.as_map(), origins, Hide::Secrets);
    if let Err(error) = read_value::<T>(&shown, origins) {
        return Err(told(&error, &shown));
    }
    // The name of a variant is a text of the configuration.
    let is_key = |segment: &&Segment| !matches!(segment, Segment::Enum { .. });
    let place = path_of(error.path().iter().filter(is_key));
    Err(ConfigError::new(place, ConfigErrorKind::SecretUnfit))
}

type Unread = serde_path_to_error::Error<serde_json::Error>;

fn read_value<T: DeserializeOwned>(value: &Value, origins: Option<&Origins>) -> Result<T, Unread> {
    serde_path_to_error::deserialize(Node { value, origins })
}

fn told(error: &Unread, within: &Value) -> ConfigError {
    let mut message = error.inner().to_string();
    if message.contains("string \"") {
        for_each_string(std::iter::once(within), &mut |text| {
            // serde quotes what it found, and that may be confidential.
            message = message.replace(&format!("string {text:?}"), "a string");
        });
    }
    ConfigError::new(
        path_of(error.path().iter()),
        ConfigErrorKind::Unfit(message),
    )
}

fn path_of<'s>(path: impl Iterator<Item = &'s Segment>) -> ConfigPath {
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

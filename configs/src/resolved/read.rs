//! Reads a configuration into a type, and tells why it does not fit without telling a secret.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::ResolvedConfig;
use super::redacted::{self, Hide};
use crate::error::{ConfigError, ConfigErrorKind};
use crate::path::ConfigPath;

pub(super) fn read<T: DeserializeOwned>(config: &ResolvedConfig) -> Result<T, ConfigError> {
    let error = match serde_path_to_error::deserialize(config.as_map()) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    if !config.origins.hold_secrets() {
        return Err(told(&error, config.as_map().values()));
    }
    // A type's own words may hold a secret in any form: in part, in another case, decoded. So the words are taken from a
    // second reading, which has never seen one.
    let shown = redacted::object(config.as_map(), Some(&config.origins), Hide::Secrets);
    if let Err(error) = serde_path_to_error::deserialize::<_, T>(&shown) {
        return Err(told(&error, std::iter::once(&shown)));
    }
    // The name of a variant is a text of the configuration.
    let is_key = |segment: &&Segment| !matches!(segment, Segment::Enum { .. });
    let place = path_of(error.path().iter().filter(is_key));
    Err(ConfigError::new(place, ConfigErrorKind::SecretUnfit))
}

fn told<'v>(
    error: &serde_path_to_error::Error<serde_json::Error>,
    within: impl Iterator<Item = &'v Value>,
) -> ConfigError {
    let mut message = error.inner().to_string();
    if message.contains("string \"") {
        for_each_string(within, &mut |text| {
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

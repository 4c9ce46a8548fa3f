//! Portability: whether a configuration means the same on every machine.
//!
//! The rules are those of `dataknobs-bots` and keep its descriptions, but they look at each key and each text by
//! itself, and at what stands around a match: `https://x/home/page` and `20.0.0.0` are fine, `http://localhost/`,
//! `[::1]`, `/root` and `c:\users\x` are not. What is excused is a default, and nothing beside it: the text inside
//! `${VAR:default}`, and the inline values of a `$resource`.

mod hosts;
mod paths;

use std::fmt::{self, Display};

use serde_json::{Map, Value};

use crate::interpolate::with_holes;
use crate::path::ConfigPath;
use crate::portable::PortableConfig;
use crate::reference::{is_part, refers_to_a_resource};
use crate::shown::Shown;

/// More issues of one configuration say nothing new.
const ISSUES: usize = 100;

/// Tells what ties a configuration to one machine. Displays as `bot.db: Found localhost with port: 'localhost:5432'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortabilityIssue {
    /// Where it stands: a text, or the value of the key that is meant.
    pub path: ConfigPath,
    /// The kind, such as `macOS home directory`.
    pub description: &'static str,
    /// The part of the text that was found, and no more of it.
    pub found: String,
}

impl Display for PortabilityIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_root() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "Found {}: '{}'", self.description, Shown(&self.found))
    }
}

/// Finds what ties a configuration to one machine, at most a hundred places of it. Such things belong into the
/// resources of an environment, or into defaults.
pub fn validate_portability(config: &PortableConfig) -> Vec<PortabilityIssue> {
    let mut walk = Walk::default();
    walk.object(config.as_map());
    walk.issues
}

/// Tells whether nothing ties a configuration to one machine.
pub fn is_portable(config: &PortableConfig) -> bool {
    validate_portability(config).is_empty()
}

/// Tells whether there is a `$resource` reference anywhere in a configuration.
pub fn has_resource_references(config: &PortableConfig) -> bool {
    object_refers(config.as_map())
}

fn object_refers(map: &Map<String, Value>) -> bool {
    refers_to_a_resource(map) || map.values().any(value_refers)
}

fn value_refers(value: &Value) -> bool {
    match value {
        Value::Object(map) => object_refers(map),
        Value::Array(items) => items.iter().any(value_refers),
        _ => false,
    }
}

/// One thing found in a text.
struct Match<'t> {
    description: &'static str,
    found: &'t str,
}

#[derive(Default)]
struct Walk {
    path: ConfigPath,
    issues: Vec<PortabilityIssue>,
}

impl Walk {
    fn object(&mut self, map: &Map<String, Value>) {
        let is_reference = refers_to_a_resource(map);
        for (key, value) in map {
            if is_reference && !is_part(key) {
                // An inline default: it stands only where an environment has nothing better.
                continue;
            }
            self.path.push_key(key);
            self.text(key);
            self.value(value);
            self.path.pop();
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Object(map) => self.object(map),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push_index(index);
                    self.value(item);
                    self.path.pop();
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        let text = with_holes(text);
        let known_before = self.issues.len();
        for Match { description, found } in paths::find(&text).chain(hosts::find(&text)) {
            if self.issues.len() >= ISSUES {
                return;
            }
            let mut of_this_text = self.issues[known_before..].iter();
            if !of_this_text.any(|issue| issue.found == found) {
                self.issues.push(PortabilityIssue {
                    path: self.path.clone(),
                    description,
                    found: found.to_owned(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! The parts of a `$resource` reference.

use serde_json::{Map, Value};

use crate::error::{ConfigErrorKind, name_of};

const RESOURCE: &str = "$resource";
const TYPE: &str = "type";
const REQUIRED: &str = "$required";
const REQUIRES: &str = "$requires";
const KEYS: &[&str] = &[RESOURCE, TYPE, REQUIRED, REQUIRES];

/// The type of resources that a reference without `type` means.
const DEFAULT_TYPE: &str = "default";

/// What a reference asks for. Everything else in its object is an inline value.
#[derive(Debug, PartialEq)]
pub(crate) struct Reference<'r> {
    pub(crate) name: &'r str,
    pub(crate) resource_type: &'r str,
    /// Whether it says itself that it is required, or not.
    pub(crate) required: Option<bool>,
    /// The capabilities which the resource must have.
    pub(crate) capabilities: Vec<&'r str>,
}

/// Tells whether an object is meant as a reference, well formed or not.
pub(crate) fn is_reference(object: &Map<String, Value>) -> bool {
    [RESOURCE, REQUIRED, REQUIRES]
        .iter()
        .any(|key| object.contains_key(*key))
}

/// Tells whether an object names a resource.
pub(crate) fn refers_to_a_resource(object: &Map<String, Value>) -> bool {
    object.contains_key(RESOURCE)
}

/// Tells whether a key of a reference is part of the reference, or else an inline value.
pub(crate) fn is_part(key: &str) -> bool {
    key == TYPE || key.starts_with('$')
}

impl<'r> Reference<'r> {
    /// Reads a reference from its parts; on failure tells the key and what is wrong with it.
    pub(crate) fn parse(parts: &'r Map<String, Value>) -> Result<Self, (&'r str, ConfigErrorKind)> {
        for key in parts.keys() {
            if !KEYS.contains(&key.as_str()) {
                let kind = ConfigErrorKind::unknown_key(key, KEYS);
                return Err((key, kind));
            }
        }
        let Some(name) = parts.get(RESOURCE) else {
            return Err((RESOURCE, ConfigErrorKind::MissingKey));
        };
        let resource_type = match parts.get(TYPE) {
            Some(value) => text(value).map_err(|kind| (TYPE, kind))?,
            None => DEFAULT_TYPE,
        };
        let required = match parts.get(REQUIRED) {
            Some(value) => Some(flag(value).map_err(|kind| (REQUIRED, kind))?),
            None => None,
        };
        let capabilities = match parts.get(REQUIRES) {
            Some(value) => texts(value).map_err(|kind| (REQUIRES, kind))?,
            None => Vec::new(),
        };
        Ok(Self {
            name: text(name).map_err(|kind| (RESOURCE, kind))?,
            resource_type,
            required,
            capabilities,
        })
    }

    /// How the resource is called in messages.
    pub(crate) fn target(&self) -> String {
        format!("{}/{}", self.resource_type, self.name)
    }
}

/// Reads a boolean that may have come from a variable, and so be the text `true` or `false`.
pub(crate) fn flag(value: &Value) -> Result<bool, ConfigErrorKind> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Value::String(_) => Err(ConfigErrorKind::WrongType {
            expected: "true or false",
            found: "another text",
        }),
        other => Err(ConfigErrorKind::wrong_type("true or false", other)),
    }
}

/// Reads a text that is not empty.
pub(crate) fn text(value: &Value) -> Result<&str, ConfigErrorKind> {
    match value {
        Value::String(text) if text.is_empty() => Err(ConfigErrorKind::Empty),
        Value::String(text) => Ok(text),
        other => Err(ConfigErrorKind::wrong_type("a string", other)),
    }
}

fn texts(value: &Value) -> Result<Vec<&str>, ConfigErrorKind> {
    let Value::Array(items) = value else {
        return Err(ConfigErrorKind::wrong_type("a list of strings", value));
    };
    items
        .iter()
        .map(|item| {
            item.as_str().ok_or(ConfigErrorKind::WrongType {
                expected: "a list of strings",
                found: name_of(item),
            })
        })
        .collect()
}

//! Registration files: one registration each, as a file registry keeps them.

use serde_json::{Map, Value};

use crate::error::{ConfigErrorKind, ConfigErrors, Problems};
use crate::limits::MAX_NESTING;
use crate::path::ConfigPath;
use crate::portable::PortableConfig;
use crate::reference::text;
use crate::yaml::{Source, Syntax};

const KEYS: &[&str] = &["id", "status", "metadata", "config"];

/// Holds what one registration file says: `config`, and as far as they are given `id`, `status` and `metadata`.
#[derive(Clone, Debug, PartialEq)]
pub struct RegistrationFile {
    /// What an instance is built from.
    pub config: PortableConfig,
    /// `status`, if it is given.
    pub status: Option<String>,
    /// `metadata`; empty if it is not given.
    pub metadata: Map<String, Value>,
    /// `id`, if it is given.
    pub id: Option<String>,
}

impl RegistrationFile {
    /// Reads a registration file. An unknown key is an error, and a text without an object `config` too: it may be
    /// the first half of a file.
    ///
    /// `file_name` is for messages only. `fit` is asked about `id` and `status`, by key and text, and says what is
    /// wrong with them. All problems of the file are reported together.
    pub fn parse(
        file_name: &str,
        content: &str,
        syntax: Syntax,
        fit: impl Fn(&str, &str) -> Result<(), String>,
    ) -> Result<Self, ConfigErrors> {
        // The file is one object around the configuration.
        let source = Source::nested_at_most(MAX_NESTING + 1, file_name, content, syntax);
        let mut documents = source.documents()?;
        let document = match documents.len() {
            0 => Value::Null,
            1 => documents.remove(0),
            several => return Err(source.refusal(ConfigErrorKind::Documents(several))),
        };
        let Value::Object(keys) = document else {
            let kind = ConfigErrorKind::wrong_type("an object with `config`", &document);
            return Err(source.refusal(kind));
        };
        let mut file = Parts {
            keys,
            problems: Problems::default(),
        };
        file.refuse_unknown_keys();
        let id = file.text("id", &fit);
        let status = file.text("status", &fit);
        let metadata = file.optional_object("metadata");
        let config = file.config();
        let mut problems = file.problems;
        source.locate(0, &mut problems);
        problems.or(Self {
            config,
            status,
            metadata,
            id,
        })
    }
}

/// What of the file is not read yet, and what was wrong with the rest. A part that is wrong or left out reads as
/// empty.
struct Parts {
    keys: Map<String, Value>,
    problems: Problems,
}

impl Parts {
    fn refuse_unknown_keys(&mut self) {
        for key in self.keys.keys() {
            if !KEYS.contains(&key.as_str()) {
                let kind = ConfigErrorKind::unknown_key(key, KEYS);
                self.problems.push(ConfigPath::of_keys([key]), kind);
            }
        }
    }

    fn text(
        &mut self,
        key: &str,
        fit: impl Fn(&str, &str) -> Result<(), String>,
    ) -> Option<String> {
        let value = self.keys.remove(key).filter(|value| !value.is_null())?;
        let fitting = text(&value).and_then(|text| {
            fit(key, text)
                .map_err(ConfigErrorKind::Unfit)
                .map(|()| text)
        });
        match fitting {
            Ok(text) => Some(text.to_owned()),
            Err(kind) => {
                self.problems.push(ConfigPath::of_keys([key]), kind);
                None
            }
        }
    }

    fn optional_object(&mut self, key: &str) -> Map<String, Value> {
        match self.keys.remove(key) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(object)) => object,
            Some(other) => {
                let kind = ConfigErrorKind::wrong_type("an object", &other);
                self.problems.push(ConfigPath::of_keys([key]), kind);
                Map::new()
            }
        }
    }

    fn config(&mut self) -> PortableConfig {
        let read = match self.keys.remove("config") {
            Some(value) => {
                PortableConfig::from_value(value).map_err(|problem| problem.kind().clone())
            }
            None => Err(ConfigErrorKind::MissingKey),
        };
        read.unwrap_or_else(|kind| {
            self.problems.push(ConfigPath::of_keys(["config"]), kind);
            PortableConfig::from_map(Map::new()).expect("nothing is nested in an empty object")
        })
    }
}

#[cfg(test)]
mod tests;

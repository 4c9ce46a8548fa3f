//! A JSON Schema of users' own, which the configurations of a collection must fit.

use std::fmt::{self, Debug};

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use serde_json::Value;

use crate::error::{ConfigError, ConfigErrorKind, ConfigErrors};
use crate::path::ConfigPath;
use crate::resolved::ResolvedConfig;
use crate::yaml::Source;

/// A hostile configuration may have a mistake in each of millions of places, of which people read a hundred.
const JUDGED: usize = 1_000;

/// Holds a [JSON Schema](https://json-schema.org/draft/2020-12) for the configurations of one collection. It speaks of
/// what an instance is built from: of configurations whose references, variables and secrets are filled in.
///
/// The schema stands for itself: it may refer into itself and to the standard's own, and nothing is fetched. A `pattern`
/// is matched in linear time, without look-around and back-references. `format` tells people something and demands
/// nothing, as the standard has it.
pub struct ConfigSchema {
    schema: Value,
    validator: Validator,
}

impl ConfigSchema {
    /// Reads a schema from YAML, of which JSON is a part. Problems name the file and the place in the schema.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, ConfigErrors> {
        let source = Source::new(file_name, text);
        let mut documents = source.documents()?;
        let schema = match documents.len() {
            1 => documents.remove(0),
            several => return Err(source.refusal(ConfigErrorKind::Documents(several))),
        };
        if !matches!(schema, Value::Object(_) | Value::Bool(_)) {
            let kind = ConfigErrorKind::wrong_type("a JSON Schema", &schema);
            return Err(source.refusal(kind));
        }
        let compiled = jsonschema::options()
            .with_pattern_options(PatternOptions::regex())
            .with_retriever(Nothing)
            .build(&schema);
        match compiled {
            Ok(validator) => Ok(Self { schema, validator }),
            Err(error) => {
                let path = path_of(error.instance_path(), &schema);
                let kind = ConfigErrorKind::NotASchema(error.to_string());
                Err(source.located(0, ConfigError::new(path, kind)).into())
            }
        }
    }

    /// Gives what came from variables [the types](ResolvedConfig::typed) that the schema wants, and tells all that does
    /// not fit it then. No value is told, for it may be a secret.
    ///
    /// Of a configuration with more than a thousand mistakes the rest is not looked for.
    ///
    /// Of a secret that was not read, as [`resolve_without_secrets`] leaves it, is known that it is a text, and nothing
    /// else is judged.
    ///
    /// [`resolve_without_secrets`]: crate::Environment::resolve_without_secrets
    pub fn fit(&self, config: &ResolvedConfig) -> Result<ResolvedConfig, ConfigErrors> {
        let (typed, mut problems) = config.typed_as_far_as_possible(&self.schema);
        let unspelled: Vec<ConfigPath> = problems.paths().cloned().collect();
        let unread = typed.unread_secrets();
        let value = Value::Object(typed.as_map().clone());
        for error in self.validator.iter_errors(&value).take(JUDGED) {
            let path = path_of(error.instance_path(), &value);
            if unspelled.contains(&path) || !is_settled(error.kind(), &path, &unread) {
                continue;
            }
            let said = error.masked_with("this").to_string();
            problems.push(path, ConfigErrorKind::Unfit(said));
        }
        problems.or(typed)
    }
}

/// What a schema refers to is not fetched.
struct Nothing;

impl Retrieve for Nothing {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err("nothing is fetched: put it under `$defs` of this schema and refer to it there".into())
    }
}

impl Debug for ConfigSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigSchema").finish_non_exhaustive()
    }
}

impl PartialEq for ConfigSchema {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema
    }
}

/// Whether an error stands whatever the secrets are that were not read.
fn is_settled(kind: &ValidationErrorKind, path: &ConfigPath, unread: &[ConfigPath]) -> bool {
    use ValidationErrorKind as Kind;
    let depends = match kind {
        // Secrets are texts: their type is known.
        Kind::Type { .. } | Kind::Required { .. } | Kind::AdditionalProperties { .. } => false,
        _ => unread.iter().any(|secret| secret.starts_with(path)),
    };
    !depends
}

/// The path by which the validator found something in a value.
fn path_of(location: &jsonschema::paths::Location, whole: &Value) -> ConfigPath {
    let mut path = ConfigPath::default();
    let mut at = Some(whole);
    for segment in location {
        match (at, &segment) {
            (Some(Value::Array(items)), LocationSegment::Index(index)) => {
                path.push_index(*index);
                at = items.get(*index);
            }
            (_, segment) => {
                let key = segment.to_string();
                path.push_key(&key);
                at = at.and_then(|value| value.get(&key));
            }
        }
    }
    path
}

#[cfg(test)]
mod tests;

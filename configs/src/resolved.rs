//! What an instance is built from.

mod node;
mod read;
mod redacted;
mod schema;
mod spelling;
mod typed;

use std::fmt::{self, Debug};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{ConfigError, ConfigErrors, Problems};
use crate::object::Object;
use crate::origins::{Origin, Origins};
use crate::path::ConfigPath;
use crate::portable::PortableConfig;
use crate::secret::SecretRef;
use crate::warning::ConfigWarning;
use redacted::Hide;

/// Holds a configuration in which nothing is left to fill in: what an instance is built from on this node.
///
/// Made by [`Environment::resolve`](crate::Environment::resolve). It may hold secrets: `Debug` shows keys only, and it
/// should never be stored or sent. Clones share the object.
#[derive(Clone)]
pub struct ResolvedConfig {
    object: Object,
    origins: Arc<Origins>,
    environment: Option<Arc<str>>,
    warnings: Arc<[ConfigWarning]>,
}

/// Tells resolved configurations of one process apart, and nothing else: it covers secrets, and a short secret could be
/// guessed from a digest that is shown. So it cannot be shown, stored or sent.
#[derive(Clone, PartialEq, Eq)]
pub struct ResolvedDigest(String);

impl ResolvedConfig {
    pub(crate) fn new(
        map: Map<String, Value>,
        environment: Arc<str>,
        warnings: Vec<ConfigWarning>,
    ) -> Self {
        Self {
            object: Object::new(map),
            origins: Arc::default(),
            environment: Some(environment),
            warnings: warnings.into(),
        }
    }

    pub(crate) fn with_origins(mut self, origins: Origins) -> Self {
        self.origins = Arc::new(origins);
        self
    }

    /// Takes a configuration as it is written, for programs without an environment: `${VAR}`, `$resource` and `$secret`
    /// are not looked at.
    pub fn verbatim(config: &PortableConfig) -> Self {
        Self {
            object: config.object().clone(),
            origins: Arc::default(),
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

    /// Tells two configurations apart, secrets included: an instance need not be rebuilt while this stays the same.
    pub fn digest(&self) -> ResolvedDigest {
        ResolvedDigest(self.object.digest().to_owned())
    }

    /// Gives texts that came whole from a variable the types that a JSON Schema wants: where `ssl: ${SSL}` must be a
    /// boolean, the text `false` becomes false. Booleans and numbers are spelled as in JSON. Nothing that was written as
    /// a text is touched, nor where the schema allows a text.
    ///
    /// Of the schema are understood `type`, `const`, `enum`, `properties`, `additionalProperties`, `items`,
    /// `prefixItems`, `allOf`, `anyOf`, `oneOf` and a `$ref` into the schema itself. What cannot be spelled is a problem
    /// that names the variable and not its value; all are reported together. Whether the rest fits is not looked at.
    pub fn typed(&self, schema: &Value) -> Result<Self, ConfigErrors> {
        let (typed, problems) = self.typed_as_far_as_possible(schema);
        problems.or(typed)
    }

    /// The same, with what cannot be spelled left as it is.
    pub(crate) fn typed_as_far_as_possible(&self, schema: &Value) -> (Self, Problems) {
        let (map, problems) = typed::typed(self.as_map(), &self.origins, schema);
        let typed = Self {
            object: Object::new(map),
            ..self.clone()
        };
        (typed, problems)
    }

    /// The configuration for people: with a text such as `[secret env:NAME]` in the place of each secret, and
    /// `[hidden: …]` where a variable or the configuration itself brought in what looks like one.
    pub fn redacted(&self) -> Value {
        redacted::object(self.as_map(), Some(&self.origins), Hide::Lookalikes)
    }

    /// Where the secrets stand that `$secret` named, and their names, in the order of the keys. Also tells where one would
    /// stand in a configuration that was resolved without them.
    pub fn secrets(&self) -> Vec<(ConfigPath, &SecretRef)> {
        let mut secrets = Vec::new();
        self.origins.for_each(&mut |path, origin| {
            if let Origin::Secret(secret) = origin {
                secrets.push((path.clone(), secret));
            }
        });
        secrets
    }

    /// Where secrets stand that were not read.
    pub(crate) fn unread_secrets(&self) -> Vec<ConfigPath> {
        let mut secrets = self.secrets();
        secrets.retain(|(path, secret)| {
            path.find_in(self.as_map()) == Some(&Value::String(secret.placeholder()))
        });
        secrets.into_iter().map(|(path, _)| path).collect()
    }

    /// What was doubtful, such as an optional resource that the environment does not have; at most a hundred.
    pub fn warnings(&self) -> &[ConfigWarning] {
        &self.warnings
    }

    /// Reads the configuration into a type of the caller's. What does not fit is refused with the path of the
    /// offending value; the message does not repeat strings from the configuration where a type is wrong, and never
    /// holds any part of a secret. A text that came whole from a variable is read as a boolean or a number where the
    /// type wants one.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        read::read(self)
    }
}

impl Debug for ResolvedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResolvedDigest").finish_non_exhaustive()
    }
}

impl Debug for ResolvedConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolvedConfig")
            .field("object", &self.object)
            .field("environment", &self.environment)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

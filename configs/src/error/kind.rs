//! The kinds of problems, and the sentence each is told in.

use std::fmt::{self, Display};

use serde_json::Value;

use crate::did_you_mean::nearest;
use crate::limits::{MAX_EXPANDED_UNITS, MAX_NESTING, MAX_PARENTS, MAX_TEXT_BYTES};
use crate::secret::SecretRef;
use crate::shown::Shown;

/// Says what is wrong, so that a program can tell problems apart; its `Display` tells a person what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// The text is not YAML; the sentence is the parser's.
    #[error("{0}")]
    Syntax(String),
    /// The text is larger than [`MAX_TEXT_BYTES`].
    #[error(
        "the text has {bytes} bytes, more than the {MAX_TEXT_BYTES} allowed; split it into several files"
    )]
    TextTooLarge {
        /// The size found.
        bytes: usize,
    },
    /// More than [`MAX_NESTING`] objects and lists inside one another.
    #[error("nested deeper than {MAX_NESTING} levels; flatten it")]
    TooDeep,
    /// Larger than [`MAX_EXPANDED_UNITS`] once aliases, resources and variables are filled in.
    #[error(
        "grows too large once aliases, resources and variables are filled in (limit: {MAX_EXPANDED_UNITS} bytes, with 4 for each value)"
    )]
    TooLarge,
    /// The same key twice in one object.
    #[error("the key is given twice; remove one")]
    DuplicateKey,
    /// A key that is a number, a boolean, null, a list or an object.
    #[error("a key must be text, this one is {found}; put it in quotes")]
    KeyNotText {
        /// What the key is.
        found: &'static str,
    },
    /// NaN, an infinity, or an integer that does not fit into 64 bits.
    #[error("{what} cannot be kept as a number; put it in quotes to keep it as text")]
    Number {
        /// What the number is.
        what: &'static str,
    },
    /// A YAML tag such as `!include`.
    #[error("the tag `!{}` is not supported; remove it", Shown(.0))]
    Tag(String),
    /// A `<<` whose value has nothing to merge.
    #[error("`<<` merges an object or a list of objects, this is {found}")]
    Merge {
        /// What the value is.
        found: &'static str,
    },
    /// More than one YAML document where one is expected.
    #[error(
        "holds {0} YAML documents, one is expected; remove the `---` between them or split the file"
    )]
    Documents(usize),
    /// A value of another type than expected.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What belongs here.
        expected: &'static str,
        /// What is here.
        found: &'static str,
    },
    /// A key that means nothing here.
    #[error("unknown key; known here: {}{}", known.join(", "), meant(*did_you_mean))]
    UnknownKey {
        /// The keys that mean something here.
        known: &'static [&'static str],
        /// What was probably meant.
        did_you_mean: Option<&'static str>,
    },
    /// A key that must be there is not.
    #[error("required, but not given; add it")]
    MissingKey,
    /// An empty text where a name belongs.
    #[error("must not be empty")]
    Empty,
    /// Two bots of one file with one id.
    #[error("the id `{}` is used twice in this file; each bot needs its own", Shown(.0))]
    DuplicateId(String),
    /// An `extends` that is no name of an environment.
    #[error("not the name of an environment: use letters, digits, `-` and `_`, written out")]
    ParentName,
    /// An `extends` that names an environment which is not there.
    #[error("the environment `{}` is not there; add it, or remove `extends`", Shown(.0))]
    ParentNotFound(String),
    /// An `extends` that names an environment which could not be read.
    #[error("the environment `{}` cannot be read: {}", Shown(name), Shown(reason))]
    ParentUnreadable {
        /// The environment.
        name: String,
        /// The sentence of whoever tried to read it.
        reason: String,
    },
    /// Environments that extend one another in a circle.
    #[error("environments extend one another in a circle: {}", Shown(&.0.join(" -> ")))]
    ParentCycle(Vec<String>),
    /// More than [`MAX_PARENTS`] environments that extend one another.
    #[error("more than {MAX_PARENTS} environments extend one another; merge some of them")]
    TooManyParents,
    /// A `${VAR}` without default whose variable is not set.
    #[error("{}", missing_variable(name, message.as_deref()))]
    MissingVariable {
        /// The variable.
        name: String,
        /// The text after `:?`, if any.
        message: Option<String>,
    },
    /// Two keys of one object are the same once their variables are filled in.
    #[error("two keys of this object become the same once variables are filled in")]
    KeyCollision,
    /// A key that turned into one of ours, such as `$resource`, by a variable.
    #[error("a variable makes this key begin with `$`; such keys can only be written out")]
    ReservedKey,
    /// A `$resource` reference that is not well formed.
    #[error("{0}")]
    Reference(&'static str),
    /// A `$secret` that is not well formed.
    #[error("{why}{}", meant(*did_you_mean))]
    SecretMalformed {
        /// What is wrong.
        why: &'static str,
        /// What was probably meant.
        did_you_mean: Option<&'static str>,
    },
    /// A `$secret` in the place of a whole configuration or resource.
    #[error("a secret is one text; it cannot be a whole configuration or resource")]
    SecretWhole,
    /// A `$secret` in the settings of an environment.
    #[error("settings hold no secrets; put it into a resource")]
    SecretInSettings,
    /// A secret that cannot be read.
    #[error("the secret `{}` cannot be read: {}", Shown(&secret.to_string()), Shown(reason))]
    SecretUnavailable {
        /// The secret.
        secret: SecretRef,
        /// The sentence of whoever tried to read it.
        reason: String,
    },
    /// A required resource that the environment does not have.
    #[error("{0}; add it there, or make the reference optional with `$required: false`")]
    ResourceNotFound(MissingResource),
    /// Resources that refer to one another in a circle.
    #[error("resources refer to one another in a circle: {}", Shown(&.0.join(" -> ")))]
    ResourceCycle(Vec<String>),
    /// A resource without a capability that a reference `$requires`.
    #[error(
        "resource `{}` does not have the required capability `{}`",
        Shown(resource),
        Shown(capability)
    )]
    MissingCapability {
        /// The resource, as `type/name`.
        resource: String,
        /// What it lacks.
        capability: String,
    },
    /// A text that should be a JSON Schema; the sentence is the validator's.
    #[error("not a JSON Schema that can be used: {}", Shown(.0))]
    NotASchema(String),
    /// A resolved configuration that does not fit what is built from it; the sentence is the reader's.
    #[error("{}", Shown(.0))]
    Unfit(String),
    /// A resolved configuration that does not fit because of a secret in it.
    #[error("does not fit; it holds a secret, so that why is not told")]
    SecretUnfit,
}

/// Names a resource that an environment does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingResource {
    /// The type asked for.
    pub resource_type: String,
    /// The name asked for.
    pub name: String,
    /// The environment that was asked.
    pub environment: String,
    /// Some names which it has of that type.
    pub known: Vec<String>,
}

impl Display for MissingResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource_type = Shown(&self.resource_type);
        let name = Shown(&self.name);
        let environment = Shown(&self.environment);
        write!(
            f,
            "resource `{resource_type}/{name}` is not in environment `{environment}`"
        )?;
        if self.known.is_empty() {
            write!(f, " (it has no `{resource_type}`)")
        } else {
            let known = self.known.join(", ");
            write!(f, " (its `{resource_type}`: {})", Shown(&known))
        }
    }
}

impl ConfigErrorKind {
    pub(crate) fn unknown_key(key: &str, known: &'static [&'static str]) -> Self {
        Self::UnknownKey {
            known,
            did_you_mean: nearest(key, known),
        }
    }

    pub(crate) fn wrong_type(expected: &'static str, value: &Value) -> Self {
        Self::WrongType {
            expected,
            found: name_of(value),
        }
    }
}

/// Names the type of a value in a sentence.
pub(crate) fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// What was probably meant, for the end of a message.
fn meant(word: Option<&str>) -> String {
    word.map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}

fn missing_variable(name: &str, message: Option<&str>) -> String {
    let name = Shown(name);
    match message.map(Shown) {
        Some(message) => format!("environment variable `{name}` is not set: {message}"),
        None => format!(
            "environment variable `{name}` is not set; set it, or write a default: `${{{name}:default}}`"
        ),
    }
}

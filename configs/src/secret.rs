//! Secrets: what a configuration only names.

use std::fmt::{self, Debug, Display};

use serde_json::{Map, Value};

use crate::did_you_mean::nearest;
use crate::error::ConfigErrorKind;

/// The key of an object that stands for a secret.
pub(crate) const SECRET: &str = "$secret";

const SCHEMES: &[&str] = &["env:", "file:"];

/// Names a secret, as in `{"$secret": "env:OPENAI_API_KEY"}`; it tells where the secret is kept and never what it is.
///
/// Displays as it is written: `env:OPENAI_API_KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRef {
    keeper: SecretKeeper,
    name: String,
}

/// Says who keeps a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretKeeper {
    /// The process environment: the name is that of a variable.
    Env,
    /// The file system: the name is the absolute path of a file, without `..`.
    File,
}

/// Says who wrote a `$secret`: an environment file is its operator's, a configuration is anybody's who may register one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrittenIn {
    /// In a resource of the environment.
    Environment,
    /// In the configuration itself. Whoever may write configurations can have a secret that they name sent anywhere.
    Configuration,
}

/// Reads secrets, on the way to an instance and at no other time. Closures of the same form are sources too.
pub trait SecretSource: Send + Sync {
    /// Reads a secret: `None` if there is none of that name; or tells why it cannot be read, or not from there, in a
    /// sentence that must not hold any part of it. One line end after the text of a file may stay.
    fn read(&self, secret: &SecretRef, written_in: WrittenIn) -> Result<Option<String>, String>;

    /// Tells whether it may be read from there at all, or in a sentence why not; any may unless this says otherwise.
    /// Nothing is looked at: also those ask who only judge a configuration.
    fn permits(&self, secret: &SecretRef, written_in: WrittenIn) -> Result<(), String> {
        let _ = (secret, written_in);
        Ok(())
    }
}

impl<F> SecretSource for F
where
    F: Fn(&SecretRef, WrittenIn) -> Result<Option<String>, String> + Send + Sync,
{
    fn read(&self, secret: &SecretRef, written_in: WrittenIn) -> Result<Option<String>, String> {
        self(secret, written_in)
    }
}

impl SecretRef {
    /// Who keeps the secret.
    pub fn keeper(&self) -> SecretKeeper {
        self.keeper
    }

    /// What the keeper knows it by: the name of a variable, or the path of a file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads the object of a secret, `{"$secret": …}`. The text is not shown if it is wrong: it may be a secret itself.
    pub(crate) fn parse(object: &Map<String, Value>) -> Result<Self, ConfigErrorKind> {
        if object.len() != 1 {
            return Err(malformed(
                "nothing may stand beside `$secret`; remove the other keys",
            ));
        }
        match object.get(SECRET) {
            Some(Value::String(text)) => Self::parse_text(text),
            Some(other) => Err(ConfigErrorKind::wrong_type("a string", other)),
            None => Err(ConfigErrorKind::MissingKey),
        }
    }

    fn parse_text(text: &str) -> Result<Self, ConfigErrorKind> {
        let (keeper, name) = if let Some(name) = text.strip_prefix("env:") {
            (SecretKeeper::Env, variable(name)?)
        } else if let Some(path) = text.strip_prefix("file:") {
            (SecretKeeper::File, absolute(path)?)
        } else {
            let scheme = text.split_inclusive(':').next().unwrap_or_default();
            return Err(ConfigErrorKind::SecretMalformed {
                why: "a secret is named as `env:NAME` or `file:/path`",
                did_you_mean: nearest(scheme, SCHEMES),
            });
        };
        Ok(Self {
            keeper,
            name: name.to_owned(),
        })
    }

    /// What people see instead of the secret.
    pub(crate) fn placeholder(&self) -> String {
        format!("[secret {self}]")
    }

    /// The text to be used, of what a source has read.
    pub(crate) fn trimmed(&self, mut read: String) -> String {
        if self.keeper == SecretKeeper::File && read.ends_with('\n') {
            read.pop();
            if read.ends_with('\r') {
                read.pop();
            }
        }
        read
    }
}

impl Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keeper = match self.keeper {
            SecretKeeper::Env => "env",
            SecretKeeper::File => "file",
        };
        write!(f, "{keeper}:{}", self.name)
    }
}

/// Tells whether an object is meant as a secret, well formed or not.
pub(crate) fn is_secret(object: &Map<String, Value>) -> bool {
    object.contains_key(SECRET)
}

/// Names are kept plain so that a key which was pasted in place of its name is told, and not shown.
fn variable(name: &str) -> Result<&str, ConfigErrorKind> {
    if name.is_empty() {
        return Err(malformed("the name of a variable must follow `env:`"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(plain) {
        return Err(malformed(
            "the name after `env:` may hold letters, digits and `_`, written out, and no digit at its front",
        ));
    }
    Ok(name)
}

fn absolute(path: &str) -> Result<&str, ConfigErrorKind> {
    if path.is_empty() {
        return Err(malformed("the path of a file must follow `file:`"));
    }
    let Some(segments) = path.strip_prefix('/') else {
        return Err(malformed(
            "the path after `file:` must be absolute: begin it with `/`",
        ));
    };
    if segments.split('/').any(|segment| segment == "..") {
        return Err(malformed("the path after `file:` must not hold `..`"));
    }
    if segments.split('/').any(str::is_empty) || segments.contains("${") {
        return Err(malformed(
            "the path after `file:` must be that of a file, written out",
        ));
    }
    if segments.chars().any(char::is_control) {
        return Err(malformed(
            "the path after `file:` must not hold control characters",
        ));
    }
    Ok(path)
}

fn malformed(why: &'static str) -> ConfigErrorKind {
    ConfigErrorKind::SecretMalformed {
        why,
        did_you_mean: None,
    }
}

#[cfg(test)]
mod tests;

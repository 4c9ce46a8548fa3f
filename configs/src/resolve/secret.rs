//! Puts secrets, or what stands for them, in the place of their names.

use serde_json::{Map, Value};

use super::{Resolver, Text};
use crate::error::ConfigErrorKind;
use crate::limits::VALUE_UNITS;
use crate::origins::Origin;
use crate::secret::{SECRET, SecretRef, SecretSource, WrittenIn};

/// What to do with secrets.
#[derive(Clone, Copy)]
pub(crate) enum Secrets<'s> {
    /// Leave them: this is an environment's own text, bound when a configuration refers to it.
    Keep,
    /// Put what people may see in their place.
    Show,
    /// Put the secrets in their place.
    Read(Option<&'s dyn SecretSource>),
}

impl Resolver<'_> {
    /// Reads one secret. Its name is not filled in: a variable must not choose which secret is read.
    pub(super) fn secret(&mut self, object: &Map<String, Value>, text: Text<'_>) -> Value {
        let secret = match SecretRef::parse(object) {
            Ok(secret) => secret,
            Err(kind) => {
                self.problems.push(self.path.key(SECRET), kind);
                return Value::Null;
            }
        };
        let value = match self.secrets {
            Secrets::Keep => {
                self.spend(2 * VALUE_UNITS + secret.name().len());
                return Value::Object(object.clone());
            }
            Secrets::Show => secret.placeholder(),
            Secrets::Read(source) => match read(&secret, source, text) {
                Ok(value) => value,
                Err(reason) => {
                    self.problem(ConfigErrorKind::SecretUnavailable { secret, reason });
                    return Value::Null;
                }
            },
        };
        self.spend(VALUE_UNITS + value.len());
        self.origins.insert(&self.place, Origin::Secret(secret));
        Value::String(value)
    }
}

fn read(
    secret: &SecretRef,
    source: Option<&dyn SecretSource>,
    text: Text<'_>,
) -> Result<String, String> {
    let written_in = match text {
        Text::Raw => WrittenIn::Configuration,
        Text::Filled(_) => WrittenIn::Environment,
    };
    let source = source.ok_or("nothing is set up here that reads secrets")?;
    let read = source.read(secret, written_in)?.ok_or("it is not there")?;
    match secret.trimmed(read) {
        empty if empty.is_empty() => Err("it is empty".to_owned()),
        value => Ok(value),
    }
}

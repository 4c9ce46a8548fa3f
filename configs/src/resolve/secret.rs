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
    /// Put what people may see in their place. Of those that may not be read it is told all the same.
    Show(Option<&'s dyn SecretSource>),
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
            Secrets::Show(source) => {
                let permitted = source.map_or(Ok(()), |it| it.permits(&secret, writer_of(text)));
                permitted.map(|()| secret.placeholder())
            }
            Secrets::Read(source) => read(&secret, source, writer_of(text)),
        };
        let value = match value {
            Ok(value) => value,
            Err(reason) => {
                self.problem(ConfigErrorKind::SecretUnavailable { secret, reason });
                return Value::Null;
            }
        };
        self.spend(VALUE_UNITS + value.len());
        self.origins.insert(&self.place, Origin::Secret(secret));
        Value::String(value)
    }
}

fn writer_of(text: Text<'_>) -> WrittenIn {
    match text {
        Text::Raw => WrittenIn::Configuration,
        Text::Filled(_) => WrittenIn::Environment,
    }
}

fn read(
    secret: &SecretRef,
    source: Option<&dyn SecretSource>,
    written_in: WrittenIn,
) -> Result<String, String> {
    let source = source.ok_or("nothing is set up here that reads secrets")?;
    let read = source.read(secret, written_in)?.ok_or("it is not there")?;
    match secret.trimmed(read) {
        empty if empty.is_empty() => Err("it is empty".to_owned()),
        value => Ok(value),
    }
}

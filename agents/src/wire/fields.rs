use super::Malformed;
use crate::secret::Claimed;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The longest text of a field that is not the payload, in bytes.
const MAX_TEXT_BYTES: usize = 4 * 1024;
/// The most texts in one list.
const MAX_TEXTS: usize = 1_000;

/// The fields of a JSON object, taken out one after the other. What is null is not there.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Malformed::NotAnObject),
            Err(error) => Err(Malformed::NotJson {
                line: error.line(),
                column: error.column(),
            }),
        }
    }

    pub(crate) fn of(object: Map<String, Value>) -> Self {
        Self(object)
    }

    pub(crate) fn take(&mut self, field: &str) -> Option<Value> {
        self.0.remove(field).filter(|value| !value.is_null())
    }

    /// A text that is not empty.
    pub(crate) fn text(&mut self, field: &'static str) -> Result<Option<String>, Malformed> {
        let expected = "a text of at most 4096 bytes";
        match self.take(field) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() <= MAX_TEXT_BYTES => {
                Ok(Some(text).filter(|text| !text.is_empty()))
            }
            Some(_) => Err(Malformed::WrongType { field, expected }),
        }
    }

    pub(crate) fn shared_text(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Arc<str>>, Malformed> {
        Ok(self.text(field)?.map(Into::into))
    }

    pub(crate) fn secret(&mut self) -> Result<Claimed, Malformed> {
        self.text("secret").map(Claimed::new)
    }

    pub(crate) fn object(&mut self, field: &'static str) -> Result<Map<String, Value>, Malformed> {
        let expected = "an object";
        match self.take(field) {
            None => Ok(Map::new()),
            Some(Value::Object(object)) => Ok(object),
            Some(_) => Err(Malformed::WrongType { field, expected }),
        }
    }

    pub(crate) fn flag(&mut self, field: &'static str) -> Result<bool, Malformed> {
        let expected = "true or false";
        match self.take(field) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(Malformed::WrongType { field, expected }),
        }
    }

    /// A list of texts, each not empty; `None` if it is not there.
    pub(crate) fn texts(&mut self, field: &'static str) -> Result<Option<Vec<String>>, Malformed> {
        let wrong = || Malformed::WrongType {
            field,
            expected: "a list of at most 1000 texts, none of them empty",
        };
        let items = match self.take(field) {
            None => return Ok(None),
            Some(Value::Array(items)) if items.len() <= MAX_TEXTS => items,
            Some(_) => return Err(wrong()),
        };
        let texts = items.into_iter().map(|item| match item {
            Value::String(text) if !text.is_empty() && text.len() <= MAX_TEXT_BYTES => Ok(text),
            _ => Err(wrong()),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    pub(crate) fn set_of_texts(
        &mut self,
        field: &'static str,
    ) -> Result<Option<BTreeSet<String>>, Malformed> {
        Ok(self.texts(field)?.map(|texts| texts.into_iter().collect()))
    }
}

//! Reads what an event asks for, and refuses what cannot be understood by saying what is missing.

use crate::event::{ModEvent, Response};
use serde_json::Value;

/// The payload of an event.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a>(pub(super) &'a ModEvent);

impl<'a> Ask<'a> {
    /// Who asks.
    pub(super) fn source(self) -> &'a str {
        &self.0.source
    }

    /// What the answer names the request by.
    pub(super) fn request_id(self) -> &'a str {
        &self.0.id
    }

    /// A text that must be there.
    pub(super) fn required(self, key: &str) -> Result<&'a str, Response> {
        self.0
            .text(key)
            .ok_or_else(|| Response::refused(format!("{key} is required")))
    }

    /// A text that may be there.
    pub(super) fn text(self, key: &str) -> Option<&'a str> {
        self.0.text(key)
    }

    /// A value that must be there, as text: what is no text is written as JSON.
    pub(super) fn written(self, key: &str) -> Result<String, Response> {
        match self.0.payload.get(key) {
            None | Some(Value::Null) => Err(Response::refused(format!("{key} is required"))),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(value) => Ok(value.to_string()),
        }
    }

    /// A value that must be there, of any kind.
    pub(super) fn value(self, key: &str) -> Result<Value, Response> {
        let value = self.0.payload.get(key).cloned();
        value.ok_or_else(|| Response::refused(format!("{key} is required")))
    }

    /// A whole number that may be there, and is not negative.
    pub(super) fn number(self, key: &str) -> Result<Option<u64>, Response> {
        match self.0.payload.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64() {
                Some(number) => Ok(Some(number)),
                None => Err(Response::refused(format!(
                    "{key} must be a whole number that is not negative"
                ))),
            },
        }
    }

    /// A number of results, no more than there may be.
    pub(super) fn limit(self, usual: usize) -> Result<usize, Response> {
        let limit = self.number("limit")?;
        Ok(limit
            .map_or(usual, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
            .min(MAX_RESULTS))
    }

    /// Texts that may be there.
    pub(super) fn texts(self, key: &str) -> Result<Vec<String>, Response> {
        let wanted = || Response::refused(format!("{key} must be a list of texts"));
        match self.0.payload.get(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) if items.len() <= MAX_TEXTS => {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                texts.collect::<Option<_>>().ok_or_else(wanted)
            }
            Some(_) => Err(wanted()),
        }
    }
}

/// The most results of one answer, and the most texts in one list.
const MAX_RESULTS: usize = 1_000;
const MAX_TEXTS: usize = 1_000;

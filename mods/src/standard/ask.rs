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

    /// How many bytes all of it has, as JSON.
    pub(super) fn bytes(self) -> usize {
        let payload = self.0.payload.iter();
        payload
            .map(|(key, value)| key.len() + value.to_string().len())
            .sum()
    }

    /// Whether something is there.
    pub(super) fn names(self, key: &str) -> bool {
        self.0
            .payload
            .get(key)
            .is_some_and(|value| !value.is_null())
    }

    /// A text that may be there.
    pub(super) fn text(self, key: &str) -> Option<&'a str> {
        self.0.text(key)
    }

    /// A text that may be there, and is no longer than a name or a few words.
    pub(super) fn label(self, key: &str) -> Result<Option<&'a str>, Response> {
        let text = self.text(key);
        if let Some(text) = text {
            fit(key, text.len(), MAX_LABEL_BYTES)?;
        }
        Ok(text)
    }

    /// The same, that must be there.
    pub(super) fn required_label(self, key: &str) -> Result<&'a str, Response> {
        let text = self.label(key)?;
        text.ok_or_else(|| Response::refused(format!("{key} is required")))
    }

    /// A text that may be there, of so many bytes at most.
    pub(super) fn text_up_to(self, key: &str, bytes: usize) -> Result<Option<&'a str>, Response> {
        let text = self.text(key);
        if let Some(text) = text {
            fit(key, text.len(), bytes)?;
        }
        Ok(text)
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

    /// A few names that may be there, each once.
    pub(super) fn labels(self, key: &str) -> Result<Vec<String>, Response> {
        let wanted = || Response::refused(format!("{key} must be a list of texts"));
        let items = match self.0.payload.get(key) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(wanted()),
        };
        if items.len() > MAX_LABELS {
            return Err(Response::refused(format!(
                "{key} has {} entries, and {MAX_LABELS} are allowed",
                items.len()
            )));
        }
        let mut labels: Vec<String> = Vec::new();
        for item in items {
            let text = item.as_str().ok_or_else(wanted)?;
            fit(key, text.len(), MAX_LABEL_BYTES)?;
            if labels.iter().all(|label| label != text) {
                labels.push(text.to_owned());
            }
        }
        Ok(labels)
    }
}

fn fit(key: &str, bytes: usize, allowed: usize) -> Result<(), Response> {
    if bytes > allowed {
        return Err(Response::refused(format!(
            "{key} is of {bytes} bytes, and {allowed} are allowed"
        )));
    }
    Ok(())
}

/// The most results of one answer.
const MAX_RESULTS: usize = 1_000;
/// The longest name, in bytes. What has a size of its own is not measured by names, so these must not hold much.
const MAX_LABEL_BYTES: usize = 512;
/// The most names in one list; less than the events that a mod may tell at once, for each may have to be told.
const MAX_LABELS: usize = 100;

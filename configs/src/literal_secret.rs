//! Secrets that are written out in a configuration, where only their names should stand.

mod shape;

use serde_json::{Map, Value};

use crate::interpolate::{has_placeholder, with_holes};
use crate::texts::{Text, visit_texts};
use crate::warning::{ConfigWarning, WARNINGS};

/// Words at the end of a key whose text is a secret. `token` alone means one; `pad_token` and `stop_token` do not.
const SECRET_KEYS: &[&[&str]] = &[
    &["password"],
    &["passwd"],
    &["passphrase"],
    &["secret"],
    &["apikey"],
    &["api", "key"],
    &["access", "key"],
    &["private", "key"],
    &["secret", "key"],
    &["signing", "key"],
    &["encryption", "key"],
    &["api", "token"],
    &["access", "token"],
    &["app", "token"],
    &["auth", "token"],
    &["bearer", "token"],
    &["bot", "token"],
    &["refresh", "token"],
    &["session", "token"],
];

/// Warns of every text that looks like a secret; the warnings do not hold it. A key that does would be in every path.
pub(crate) fn literal_secrets(map: &Map<String, Value>) -> Vec<ConfigWarning> {
    let mut warnings = Vec::new();
    visit_texts(map, &mut |path, text| {
        if let Text::Value(text, key) = text
            && let Some(looks_like) = looks_like(key, text)
            && warnings.len() < WARNINGS
        {
            let path = path.clone();
            warnings.push(ConfigWarning::LiteralSecret { path, looks_like });
        }
    });
    warnings
}

/// Says what kind of secret a text seems to be, by itself or by its key.
pub(crate) fn looks_like(key: Option<&str>, text: &str) -> Option<&'static str> {
    if let Some(kind) = shape::of(text).or_else(|| shape::url_with_password(&with_holes(text))) {
        return Some(kind);
    }
    let written_out = !text.is_empty() && !has_placeholder(text);
    (written_out && key.is_some_and(names_a_secret)).then_some("a secret, by its key")
}

/// Tells whether the text at this key is expected to be a secret.
fn names_a_secret(key: &str) -> bool {
    if key.starts_with('$') {
        return false;
    }
    let words = words(key);
    let ends_with = |ending: &&[&str]| {
        words.len() >= ending.len()
            && words[words.len() - ending.len()..]
                .iter()
                .zip(ending.iter())
                .all(|(word, wanted)| word == wanted)
    };
    words == ["token"] || SECRET_KEYS.iter().any(ends_with)
}

/// `clientSecret`, `client-secret` and `CLIENT_SECRET` have the same two words.
fn words(key: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut after_lower = false;
    let mut in_word = false;
    for c in key.chars() {
        if !c.is_alphanumeric() {
            in_word = false;
            continue;
        }
        let begins = !in_word || (after_lower && c.is_uppercase());
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        in_word = true;
        after_lower = c.is_lowercase() || c.is_numeric();
    }
    words
}

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

/// What the name of a variable that holds a key must end in.
const SUFFIX: &str = "_API_KEY";

/// Holds the keys of model providers; the program hands in its environment once, at start.
///
/// Only variables whose name ends in `_API_KEY` are kept. A bot's configuration may name the variable to use, and
/// whoever writes configurations chooses where its value is sent; this rule keeps every other secret of the
/// environment out of their reach. Clones share the keys. `Debug` shows names only.
#[derive(Clone, Default)]
pub struct ProviderKeys(Arc<BTreeMap<String, SecretString>>);

impl ProviderKeys {
    /// Reads the key in the variable of this name. A variable that is empty or blank is not set.
    pub fn get(&self, variable: &str) -> Option<&SecretString> {
        self.0.get(variable)
    }

    /// Tells whether a text can be the name of a variable that holds a key: `A-Z`, `0-9` and `_`, ending in
    /// `_API_KEY`. No real key looks like that, so one pasted in place of a name is recognised.
    pub(crate) fn is_name(text: &str) -> bool {
        text.ends_with(SUFFIX)
            && text
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    }
}

impl FromIterator<(String, String)> for ProviderKeys {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        let keys = variables
            .into_iter()
            .filter(|(name, value)| Self::is_name(name) && !value.trim().is_empty())
            .map(|(name, value)| (name, SecretString::from(value.trim())));
        Self(Arc::new(keys.collect()))
    }
}

impl fmt::Debug for ProviderKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProviderKeys")
            .field(&self.0.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// Removes a key from a text that comes from outside, whole or in parts, and anything else that looks like one.
pub(crate) fn redact(text: &str, key: Option<&SecretString>) -> String {
    /// So many characters in a row in common with the key give it away.
    const TELLING: usize = 6;
    let key: Vec<char> = key
        .map(|key| key.expose_secret().chars().collect())
        .unwrap_or_default();
    let telling: Vec<String> = key
        .windows(TELLING.min(key.len()).max(1))
        .map(String::from_iter)
        .collect();
    let is_secret = |word: &str| {
        word.contains("sk-") || telling.iter().any(|part| word.contains(part.as_str()))
    };
    text.split_whitespace()
        .map(|word| if is_secret(word) { "[redacted]" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(variables: &[(&str, &str)]) -> ProviderKeys {
        variables
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    #[test]
    fn only_variables_named_for_keys_are_kept() {
        let keys = keys(&[
            ("OPENAI_API_KEY", " abc\n"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
            ("PATH", "/bin"),
            ("EMPTY_API_KEY", " "),
        ]);
        assert_eq!(keys.get("OPENAI_API_KEY").unwrap().expose_secret(), "abc");
        for other in ["AWS_SECRET_ACCESS_KEY", "PATH", "EMPTY_API_KEY"] {
            assert!(keys.get(other).is_none(), "{other}");
        }
    }

    #[test]
    fn debug_shows_names_and_no_keys() {
        let keys = keys(&[("OPENAI_API_KEY", "hunter2")]);
        assert_eq!(format!("{keys:?}"), r#"ProviderKeys(["OPENAI_API_KEY"])"#);
    }

    #[test]
    fn a_key_is_redacted_whole_in_part_and_inside_a_word() {
        let key = SecretString::from("abcdef0123456789");
        for told in [
            "bad key abcdef0123456789!",
            "bad key abcdef****6789!",
            "bad key x=0123456789!",
            "bad key sk-oth****er!",
        ] {
            assert_eq!(redact(told, Some(&key)), "bad key [redacted]", "{told}");
        }
        assert_eq!(redact("model not\nfound", Some(&key)), "model not found");
        assert_eq!(redact("fine", None), "fine");
    }

    #[test]
    fn a_short_key_is_redacted_too() {
        assert_eq!(
            redact("key abc no", Some(&SecretString::from("abc"))),
            "key [redacted] no"
        );
    }
}

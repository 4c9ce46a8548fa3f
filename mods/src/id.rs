use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The longest id in bytes.
const MAX_BYTES: usize = 64;

/// Names a mod within a host. Parsed once, so whoever holds one need not check it again.
///
/// 1 to 64 ASCII letters, digits, `_` and `-`, the first of them a letter or a digit: an id stands in commands, in
/// permissions and in the names of events, and must not be taken for a path.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModId(Arc<str>);

/// Why a text is not a [`ModId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{shown:?} is not the id of a mod: {reason}")]
pub struct InvalidModId {
    shown: String,
    reason: &'static str,
}

impl ModId {
    /// Parses an id.
    pub fn new(text: &str) -> Result<Self, InvalidModId> {
        match fault(text) {
            None => Ok(Self(text.into())),
            Some(reason) => Err(InvalidModId {
                shown: text.chars().take(MAX_BYTES).collect(),
                reason,
            }),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as shared text.
    pub fn to_shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

fn fault(text: &str) -> Option<&'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if text.is_empty() {
        Some("it is empty; give it a name")
    } else if text.len() > MAX_BYTES {
        Some("it is longer than 64 bytes; choose a shorter one")
    } else if !text.bytes().all(plain) {
        Some("use ASCII letters, digits, `_` and `-`")
    } else if text.starts_with(['_', '-']) {
        Some("begin it with a letter or a digit")
    } else {
        None
    }
}

impl AsRef<str> for ModId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ModId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ModId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_plain_word() {
        for good in ["wiki", "shared_cache", "a-b", "7zip", &"x".repeat(64)] {
            assert_eq!(ModId::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "a.b",
            "a/b",
            "a b",
            "_a",
            "-a",
            "ä",
            "a\n",
            &"x".repeat(65),
        ] {
            let error = ModId::new(bad).unwrap_err().to_string();
            assert!(error.contains("is not the id of a mod: "), "{error}");
        }
    }
}

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The longest id in bytes.
const MAX_BYTES: usize = 256;

/// Names one registration within its collection. Parsed once, so whoever holds one need not check it again.
///
/// 1 to 256 bytes of UTF-8. Refused is what would mean something else in a URL path or a file name: `.` and
/// `..`, the characters `/ \ ? # %`, control characters, marks that cannot be seen, and white space at either end. Everything else is
/// allowed, spaces inside and any script included; two ids are equal when their bytes are.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(Arc<str>);

/// Why a text is not an [`Id`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("id {shown:?} {reason}")]
pub struct InvalidId {
    shown: String,
    reason: String,
}

impl Id {
    /// Parses an id.
    pub fn new(text: &str) -> Result<Self, InvalidId> {
        match fault(text) {
            None => Ok(Self(text.into())),
            Some(reason) => Err(InvalidId {
                shown: text.chars().take(64).collect(),
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

fn fault(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("is empty: give it at least one character".into());
    }
    if text.len() > MAX_BYTES {
        return Some(format!(
            "is {} bytes long: at most {MAX_BYTES} are allowed",
            text.len()
        ));
    }
    if text == "." || text == ".." {
        return Some("is a path segment with a meaning of its own: choose another name".into());
    }
    if text.trim() != text {
        return Some("begins or ends with white space: remove it".into());
    }
    if let Some(c) = text.chars().find(|c| is_invisible(*c)) {
        return Some(format!(
            "holds {}, which cannot be seen: ids that differ must look different",
            c.escape_unicode()
        ));
    }
    text.chars().find(|c| c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '%')).map(|c| {
        format!("holds {c:?}: slashes, '?', '#', '%' and control characters are not allowed in an id")
    })
}

/// Marks without a shape that make one id look like another: directions of writing, breaks of no width. The joiners
/// that emoji and several scripts are made with are not among them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl AsRef<str> for Id {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Id {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// Names a collection of registrations, for example `bots`: 1 to 64 of `a-z 0-9 _ -`, a letter first.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CollectionName(Arc<str>);

impl CollectionName {
    /// Parses a collection's name.
    pub fn new(text: &str) -> Result<Self, InvalidId> {
        let first = text.starts_with(|c: char| c.is_ascii_lowercase());
        let rest = text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
        if first && rest && text.len() <= 64 {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId {
                shown: text.chars().take(64).collect(),
                reason: "is not a collection: use 1 to 64 of a-z, 0-9, '_' and '-', a letter first"
                    .into(),
            })
        }
    }

    /// The collection of bots.
    ///
    /// # Panics
    /// Never: the name is well-formed.
    pub fn bots() -> Self {
        Self("bots".into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CollectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CollectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_any_script_are_accepted() {
        for good in [
            "a",
            "my bot",
            "support-bot",
            "größe",
            "机器人",
            "a.b",
            "...",
            "a:b@c",
            &"x".repeat(256),
        ] {
            assert_eq!(Id::new(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn ids_that_mean_something_in_a_path_are_refused_with_the_reason() {
        let long = "x".repeat(10_000);
        for bad in [
            "",
            ".",
            "..",
            "/",
            "a/b",
            "a\\b",
            "?x",
            "#f",
            "%00",
            "a\0b",
            "a\n",
            " a",
            "a ",
            "a\u{202e}b",
            "\u{feff}a",
            &long,
        ] {
            assert!(Id::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            Id::new("?x").unwrap_err().to_string(),
            "id \"?x\" holds '?': slashes, '?', '#', '%' and control characters are not allowed in an id"
        );
        assert_eq!(
            Id::new(&long).unwrap_err().to_string().split(" is ").last(),
            Some("10000 bytes long: at most 256 are allowed")
        );
    }

    #[test]
    fn collections_are_lower_case_words() {
        assert!(CollectionName::new("bots").is_ok());
        for bad in ["", "Bots", "1bots", "a b", "a/b"] {
            assert!(CollectionName::new(bad).is_err(), "{bad:?}");
        }
    }
}

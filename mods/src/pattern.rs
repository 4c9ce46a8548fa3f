use std::fmt;
use std::sync::Arc;

/// The longest pattern in bytes.
const MAX_BYTES: usize = 256;

/// Matches the names of events: one name, all that begin alike (`wiki.*`), or all (`*`).
///
/// Only a `*` at the end stands for other text. So a pattern is compared without going back, whatever is in it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventPattern(Arc<str>);

/// A text that cannot be an [`EventPattern`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{shown:?} is not a pattern of events: {reason}")]
pub struct InvalidEventPattern {
    shown: String,
    reason: &'static str,
}

impl EventPattern {
    /// Parses a pattern.
    pub fn new(text: &str) -> Result<Self, InvalidEventPattern> {
        let before_last = text.strip_suffix('*').unwrap_or(text);
        let reason = if text.is_empty() || text.len() > MAX_BYTES {
            "use 1 to 256 bytes"
        } else if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            "use printable text without spaces"
        } else if before_last.contains('*') {
            "`*` may only stand at the end, as in `wiki.*`"
        } else {
            return Ok(Self(text.into()));
        };
        Err(InvalidEventPattern {
            shown: text.chars().take(64).collect(),
            reason,
        })
    }

    /// Whether an event of this name is meant.
    pub fn matches(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == &*self.0,
        }
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventPattern({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A10: `emotion/*` never matched, for its `*` was compared as a letter.
    #[test]
    fn a_star_at_the_end_matches_and_nowhere_else_may_it_stand() {
        for (pattern, hits, misses) in [
            (
                "wiki.page.get",
                vec!["wiki.page.get"],
                vec!["wiki.page", "wiki.page.get2"],
            ),
            (
                "wiki.*",
                vec!["wiki.", "wiki.page.get"],
                vec!["wiki", "wikis.page"],
            ),
            ("*", vec!["", "a.b"], vec![]),
            ("emotion/*", vec!["emotion/joy"], vec!["emotion"]),
        ] {
            let pattern = EventPattern::new(pattern).unwrap();
            for hit in hits {
                assert!(pattern.matches(hit), "{pattern} {hit}");
            }
            for miss in misses {
                assert!(!pattern.matches(miss), "{pattern} {miss}");
            }
        }
        for bad in ["", "a b", "*.a", "a*b", "**", "a\n", &"x".repeat(257)] {
            let error = EventPattern::new(bad).unwrap_err().to_string();
            assert!(error.contains("is not a pattern of events: "), "{error}");
        }
    }
}

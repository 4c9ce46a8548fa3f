use std::fmt;
use std::sync::Arc;

/// The longest topic in bytes: fits every bus we speak with its prefix.
const MAX_BYTES: usize = 256;

/// Names what a subscriber wants to hear of, for example `registry:bots`.
///
/// Parsed once: 1 to 256 bytes of printable text without spaces.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(Arc<str>);

/// A text that cannot be a [`Topic`].
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not a topic: use 1 to 256 bytes of printable text without spaces")]
pub struct InvalidTopic {
    text: String,
}

impl Topic {
    /// Parses a topic.
    pub fn new(text: &str) -> Result<Self, InvalidTopic> {
        let fits = !text.is_empty() && text.len() <= MAX_BYTES;
        if fits && text.chars().all(|c| !c.is_whitespace() && !c.is_control()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidTopic {
                text: text.chars().take(64).collect(),
            })
        }
    }

    /// The topic as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_printable_text_without_spaces() {
        assert_eq!(
            Topic::new("registry:bots").unwrap().as_str(),
            "registry:bots"
        );
        for bad in ["", "a b", "a\nb", &"x".repeat(257)] {
            assert!(Topic::new(bad).is_err(), "{bad:?}");
        }
    }
}

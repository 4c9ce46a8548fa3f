use crate::Topic;
use std::fmt;

/// What a subscriber wants to hear of: topics by name, topics by pattern, or several of both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interest {
    topics: Vec<Topic>,
    patterns: Vec<Pattern>,
}

impl Interest {
    /// Interest in nothing, to be added to.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same, and a topic.
    #[must_use]
    pub fn and(mut self, topic: Topic) -> Self {
        if !self.topics.contains(&topic) {
            self.topics.push(topic);
        }
        self
    }

    /// The same, and every topic that a pattern matches.
    #[must_use]
    pub fn and_all(mut self, pattern: Pattern) -> Self {
        if !self.patterns.contains(&pattern) {
            self.patterns.push(pattern);
        }
        self
    }

    /// Whether an event of this topic is heard.
    pub fn covers(&self, topic: &Topic) -> bool {
        self.topics.contains(topic) || self.patterns.iter().any(|pattern| pattern.matches(topic))
    }

    /// The topics that are named.
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// The patterns.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }
}

impl From<Topic> for Interest {
    fn from(topic: Topic) -> Self {
        Self::none().and(topic)
    }
}

impl From<Pattern> for Interest {
    fn from(pattern: Pattern) -> Self {
        Self::none().and_all(pattern)
    }
}

impl FromIterator<Topic> for Interest {
    fn from_iter<I: IntoIterator<Item = Topic>>(topics: I) -> Self {
        topics.into_iter().fold(Self::none(), Self::and)
    }
}

impl fmt::Display for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let topics = self.topics.iter().map(Topic::as_str);
        let names = topics.chain(self.patterns.iter().map(Pattern::as_str));
        f.write_str(&names.collect::<Vec<_>>().join(", "))
    }
}

/// Matches many topics, as shells match file names: `*` is any text, `?` any character, `[ab]` either of two, `[!ab]`
/// neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    glob: glob::Pattern,
}

/// A text that cannot be a [`Pattern`].
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not a pattern of topics: {reason}")]
pub struct InvalidPattern {
    text: String,
    reason: String,
}

impl Pattern {
    /// Parses a pattern. What it could match is subject to the same rules as a [`Topic`].
    pub fn new(text: &str) -> Result<Self, InvalidPattern> {
        let invalid = |reason: String| InvalidPattern {
            text: text.chars().take(64).collect(),
            reason,
        };
        Topic::new(text).map_err(|_| {
            invalid("use 1 to 256 bytes of printable text without spaces".to_owned())
        })?;
        // Two in a row mean the same as one; to who matches paths they would mean folders.
        let mut single = String::with_capacity(text.len());
        for c in text.chars() {
            if c != '*' || !single.ends_with('*') {
                single.push(c);
            }
        }
        let glob = glob::Pattern::new(&single).map_err(|error| invalid(error.msg.to_owned()))?;
        Ok(Self {
            text: text.to_owned(),
            glob,
        })
    }

    /// Whether a topic is meant.
    pub fn matches(&self, topic: &Topic) -> bool {
        self.glob.matches(topic.as_str())
    }

    /// The text before the first character that stands for others: every topic that matches begins with it.
    pub fn prefix(&self) -> &str {
        self.text.split(['*', '?', '[']).next().unwrap_or_default()
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(text: &str) -> Topic {
        Topic::new(text).unwrap()
    }

    #[test]
    fn a_pattern_matches_as_shells_match_file_names() {
        for (pattern, hits, misses) in [
            (
                "registry:*",
                vec!["registry:bots", "registry:a:b/c"],
                vec!["registry", "x:registry:a"],
            ),
            ("registry:**", vec!["registry:bots"], vec!["fleet:nodes"]),
            ("a?c", vec!["abc", "aßc"], vec!["ac", "abbc"]),
            ("[ab]x", vec!["ax", "bx"], vec!["cx"]),
            ("[!ab]x", vec!["cx"], vec!["ax"]),
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            for hit in hits {
                assert!(pattern.matches(&topic(hit)), "{pattern:?} {hit}");
                assert!(hit.starts_with(pattern.prefix()), "{pattern:?} {hit}");
            }
            for miss in misses {
                assert!(!pattern.matches(&topic(miss)), "{pattern:?} {miss}");
            }
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_a_reason() {
        for bad in ["", "a b", "[a", "a\u{0}"] {
            let error = Pattern::new(bad).unwrap_err().to_string();
            assert!(error.contains("is not a pattern of topics: "), "{error}");
        }
    }

    #[test]
    fn an_interest_covers_what_any_of_its_parts_does() {
        let interest = Interest::from(topic("a"))
            .and(topic("b"))
            .and_all(Pattern::new("x:*").unwrap());
        for (name, covered) in [("a", true), ("b", true), ("x:1", true), ("c", false)] {
            assert_eq!(interest.covers(&topic(name)), covered, "{name}");
        }
        assert_eq!(interest.to_string(), "a, b, x:*");
        assert!(!Interest::none().covers(&topic("a")));
    }
}

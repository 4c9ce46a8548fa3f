//! Where in a configuration something stands.

use std::fmt::{self, Display, Write};

use serde_json::{Map, Value};

use crate::shown::Shown;

/// Names one place in a configuration, as people write it: `bot.tools[0].name`.
///
/// Keys that are not plain words are quoted. The path of the whole configuration is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigPath(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    Key(String),
    Index(usize),
}

impl ConfigPath {
    /// Tells whether this is the configuration as a whole.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn of_keys<const N: usize>(keys: [&str; N]) -> Self {
        Self(
            keys.into_iter()
                .map(|key| Segment::Key(key.into()))
                .collect(),
        )
    }

    pub(crate) fn key(&self, key: &str) -> Self {
        let mut longer = self.clone();
        longer.push_key(key);
        longer
    }

    /// The place that another path leads to from here.
    pub(crate) fn joined(mut self, other: &Self) -> Self {
        self.0.extend_from_slice(&other.0);
        self
    }

    pub(crate) fn push_key(&mut self, key: &str) {
        self.0.push(Segment::Key(key.to_owned()));
    }

    pub(crate) fn push_index(&mut self, index: usize) {
        self.0.push(Segment::Index(index));
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether it is the other path, or a place below it.
    pub(crate) fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// What stands here in a configuration; `None` if nothing does, or if this is the configuration as a whole.
    pub fn find_in<'v>(&self, config: &'v Map<String, Value>) -> Option<&'v Value> {
        let (Segment::Key(first), rest) = self.0.split_first()? else {
            return None;
        };
        rest.iter()
            .try_fold(config.get(first)?, |value, segment| match segment {
                Segment::Key(key) => value.get(key),
                Segment::Index(index) => value.get(index),
            })
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Display for ConfigPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => {
                    if at > 0 {
                        f.write_char('.')?;
                    }
                    write_key(f, key)?;
                }
            }
        }
        Ok(())
    }
}

fn write_key(f: &mut fmt::Formatter<'_>, key: &str) -> fmt::Result {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$');
    if key.is_empty() || !key.chars().all(plain) {
        write!(f, "\"{}\"", Shown(key))
    } else {
        write!(f, "{}", Shown(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_people_write_it() {
        let mut path = ConfigPath::default();
        assert!(path.is_root());
        assert_eq!(path.to_string(), "");
        path.push_key("bot");
        path.push_key("tools");
        path.push_index(0);
        path.push_key("$resource");
        assert_eq!(path.to_string(), "bot.tools[0].$resource");
        path.pop();
        path.push_key("a.b");
        path.push_key("");
        path.push_key("new\nline");
        assert_eq!(path.to_string(), r#"bot.tools[0]."a.b".""."new\nline""#);
    }
}

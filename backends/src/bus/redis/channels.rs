use hotbed_events::{Interest, Topic};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is heard by name, as [`Transport::channels`](super::Transport::channels) names it.
const EXACT: char = '=';
/// What is heard by the beginning of its name.
const BEGINNING: char = '^';

/// Topics as the channels of a server, and back.
#[derive(Debug, Clone)]
pub(super) struct Channels {
    /// What stands before each topic, with its colon.
    prefix: Arc<str>,
}

/// What a connection subscribes to: names, and beginnings of names. No name has one of the beginnings, and no beginning
/// has another, for the server sends a message once for each that it matches.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) names: BTreeSet<String>,
    pub(super) beginnings: BTreeSet<String>,
}

impl Channels {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: format!("{prefix}:").into(),
        }
    }

    /// The channel of a topic.
    pub(super) fn name(&self, topic: &Topic) -> String {
        format!("{}{topic}", self.prefix)
    }

    /// The topic of a channel; `None` if it can be that of none.
    pub(super) fn topic(&self, channel: &str) -> Option<Topic> {
        Topic::new(channel.strip_prefix(&*self.prefix)?).ok()
    }

    /// All that an interest covers. Of a pattern, what stands before its first wildcard: whoever is interested checks
    /// the rest.
    pub(super) fn of(&self, interest: &Interest) -> BTreeSet<String> {
        let exact = interest.topics().iter();
        let exact = exact.map(|topic| format!("{EXACT}{}", self.name(topic)));
        let patterns = interest.patterns().iter();
        let beginnings =
            patterns.map(|pattern| format!("{BEGINNING}{}{}", self.prefix, pattern.prefix()));
        exact.chain(beginnings).collect()
    }
}

impl Heard {
    /// The least that hears all of these.
    pub(super) fn least(wanted: &BTreeSet<String>) -> Self {
        let mut heard = Self::default();
        // In their order the shorter of two beginnings comes first.
        for beginning in wanted.iter().filter_map(|it| it.strip_prefix(BEGINNING)) {
            if !heard.has_beginning_of(beginning) {
                heard.beginnings.insert(beginning.to_owned());
            }
        }
        for name in wanted.iter().filter_map(|it| it.strip_prefix(EXACT)) {
            if !heard.has_beginning_of(name) {
                heard.names.insert(name.to_owned());
            }
        }
        heard
    }

    fn has_beginning_of(&self, name: &str) -> bool {
        self.beginnings.iter().any(|it| name.starts_with(&**it))
    }
}

/// The pattern of a server's for whatever begins so.
pub(super) fn pattern(beginning: &str) -> String {
    let mut pattern = String::with_capacity(beginning.len() + 1);
    for c in beginning.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('*');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotbed_events::Pattern;

    fn heard(topics: &[&str], patterns: &[&str]) -> (Vec<String>, Vec<String>) {
        let interest: Interest = topics
            .iter()
            .map(|name| Topic::new(name).unwrap())
            .collect();
        let interest = patterns
            .iter()
            .fold(interest, |all, it| all.and_all(Pattern::new(it).unwrap()));
        let heard = Heard::least(&Channels::new("events").of(&interest));
        let patterns = heard.beginnings.iter().map(|it| pattern(it)).collect();
        (heard.names.into_iter().collect(), patterns)
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&it| it.to_owned()).collect()
    }

    #[test]
    fn a_topic_is_a_channel_with_a_prefix_and_back() {
        let channels = Channels::new("a:b");
        let topic = Topic::new("registry:bots").unwrap();
        assert_eq!(channels.name(&topic), "a:b:registry:bots");
        assert_eq!(channels.topic("a:b:registry:bots"), Some(topic));
        for other in ["a:registry:bots", "registry:bots", "a:b:", "a:b:c d", ""] {
            assert_eq!(channels.topic(other), None, "{other}");
        }
    }

    #[test]
    fn a_pattern_is_heard_by_what_stands_before_its_first_wildcard() {
        let expected = (
            texts(&["events:x"]),
            texts(&["events:fleet:*", "events:registry:*"]),
        );
        assert_eq!(
            heard(&["x"], &["registry:b*s", "registry:[ab]", "fleet:?"]),
            expected
        );
        assert_eq!(heard(&[], &["*"]), (vec![], texts(&["events:*"])));
    }

    /// Mutation it catches: subscribing to all that is wanted as it stands.
    #[test]
    fn nothing_is_heard_twice() {
        assert_eq!(
            heard(&["a:1", "ab", "b"], &["a:*", "a:1*", "a:*:c"]),
            (texts(&["events:ab", "events:b"]), texts(&["events:a:*"]))
        );
    }

    #[test]
    fn what_a_server_takes_for_a_wildcard_is_none_in_a_beginning() {
        assert_eq!(pattern(r"a*b?c[d]e\f^-é"), r"a\*b\?c\[d\]e\\f^-é*");
    }
}

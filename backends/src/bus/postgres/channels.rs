use hotbed_events::Topic;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::Arc;

/// The longest name of a channel, in bytes.
const LONGEST: usize = 63;
/// Bytes of a topic's digest that name its channel.
const DIGEST: usize = 16;
/// The longest prefix: leaves room for a topic by its digest.
pub(super) const LONGEST_PREFIX: usize = LONGEST - 2 - 2 * DIGEST;

/// Which channel carries which topic.
#[derive(Debug, Clone)]
pub(super) struct Channels {
    prefix: Arc<str>,
}

impl Channels {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.into(),
        }
    }

    /// The channel of a topic, as Python names it: several topics may share one. A topic that Python would have no
    /// channel for, because its name would be empty or too long, has one that no other can have.
    pub(super) fn of(&self, topic: &Topic) -> String {
        let letters = topic.as_str().chars().filter_map(|c| match c {
            ':' | '.' | '-' => Some('_'),
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => Some(c),
            _ => None,
        });
        let letters: String = letters.collect();
        let channel = format!("{}_{letters}", self.prefix);
        if !letters.is_empty() && channel.len() <= LONGEST {
            return channel;
        }
        let mut channel = format!("{}_#", self.prefix);
        for byte in &Sha256::digest(topic.as_str())[..DIGEST] {
            write!(channel, "{byte:02x}").expect("a string takes everything");
        }
        channel
    }

    /// The channel on which everything is told that is published here. It is no topic's.
    pub(super) fn all(&self) -> String {
        format!("{}_*", self.prefix)
    }

    /// The topic that something was published on, told by its channel and by the topic that is written in it. Python
    /// writes `TOPIC:ID` of what it publishes on `TOPIC`. `None` if it was published on none that can be told.
    pub(super) fn topic(&self, channel: &str, written: &Topic) -> Option<Topic> {
        if channel == self.all() {
            return Some(written.clone());
        }
        let text = written.as_str();
        let colons = text.rmatch_indices(':').map(|(at, _)| &text[..at]);
        std::iter::once(text)
            .chain(colons)
            .filter_map(|text| Topic::new(text).ok())
            .find(|topic| self.of(topic) == channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn topic(text: &str) -> Topic {
        Topic::new(text).unwrap()
    }

    fn events() -> Channels {
        Channels::new("events")
    }

    /// As `PostgresEventBus._topic_to_channel` of dataknobs-common 3.2 names them.
    #[test]
    fn a_topic_has_the_channel_that_python_gives_it() {
        for (name, channel) in [
            ("registry:bots", "events_registry_bots"),
            ("a.b-c_d:E9", "events_a_b_c_d_E9"),
            ("größe/x", "events_grex"),
        ] {
            assert_eq!(events().of(&topic(name)), channel);
        }
    }

    #[test]
    fn a_topic_that_python_has_no_channel_for_has_one_of_its_own() {
        let longest = "x".repeat(56);
        assert_eq!(events().of(&topic(&longest)).len(), 63);
        let long = [topic(&"x".repeat(57)), topic(&"x".repeat(58))].map(|it| events().of(&it));
        assert_ne!(long[0], long[1]);
        let odd = ["日本", "中国"].map(|name| events().of(&topic(name)));
        assert_ne!(odd[0], odd[1]);
        for channel in long.iter().chain(&odd) {
            assert!(channel.len() <= 63, "{channel}");
            assert!(channel.starts_with("events_#"), "{channel}");
        }
        let widest = Channels::new(&"p".repeat(LONGEST_PREFIX));
        assert_eq!(widest.of(&topic("日本")).len(), 63);
    }

    #[test]
    fn what_is_written_decides_between_topics_that_share_a_channel() {
        let shared = "events_a_b";
        for (written, published_on) in [
            ("a:b", Some("a:b")),
            ("a_b", Some("a_b")),
            ("a:b:my-bot", Some("a:b")),
            ("a_b:c:d", Some("a_b")),
            ("a", None),
            ("x:y", None),
        ] {
            let told = events().topic(shared, &topic(written));
            assert_eq!(told, published_on.map(topic), "{written}");
        }
        let all = events().topic(&events().all(), &topic("x:y"));
        assert_eq!(all, Some(topic("x:y")));
    }

    proptest! {
        #[test]
        fn every_topic_has_a_channel_that_the_server_takes_and_is_known_by_it_again(
            name in r"[[:word:]:.\-/+日*#]{1,80}"
        ) {
            let topic = topic(&name);
            let channel = events().of(&topic);
            prop_assert!(channel.len() <= LONGEST);
            prop_assert!(channel.bytes().all(|b| b.is_ascii_alphanumeric() || b"_#".contains(&b)));
            prop_assert_ne!(&channel, &events().all());
            prop_assert_eq!(events().topic(&channel, &topic), Some(topic));
        }
    }
}

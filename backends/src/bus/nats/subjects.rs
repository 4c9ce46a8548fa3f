use hotbed_events::Topic;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::sync::Arc;

/// What means something to NATS, or here.
const SPECIAL: &AsciiSet = &CONTROLS.add(b' ').add(b'.').add(b'*').add(b'>').add(b'%');

/// Which subject carries which topic.
#[derive(Debug, Clone)]
pub(super) struct Subjects {
    prefix: Arc<str>,
}

impl Subjects {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.into(),
        }
    }

    /// The subject of a topic: no other topic has it.
    pub(super) fn of(&self, topic: &Topic) -> String {
        let token = utf8_percent_encode(topic.as_str(), SPECIAL);
        format!("{}.{token}", self.prefix)
    }

    /// What listens to every topic.
    pub(super) fn all(&self) -> String {
        format!("{}.>", self.prefix)
    }

    /// The topic of a subject, if it has one.
    pub(super) fn topic(&self, subject: &str) -> Option<Topic> {
        let token = subject.strip_prefix(&*self.prefix)?.strip_prefix('.')?;
        let topic = percent_decode_str(token).decode_utf8().ok()?;
        let topic = Topic::new(&topic).ok()?;
        (self.of(&topic) == subject).then_some(topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_topic_is_one_token_below_the_prefix() {
        let subjects = Subjects::new("events");
        for (topic, subject) in [
            ("registry:bots", "events.registry:bots"),
            ("a.b*c>d%e", "events.a%2Eb%2Ac%3Ed%25e"),
            ("größe", "events.gr%C3%B6%C3%9Fe"),
        ] {
            assert_eq!(subjects.of(&Topic::new(topic).unwrap()), subject);
        }
    }

    #[test]
    fn what_is_no_subject_of_ours_is_no_topic() {
        let subjects = Subjects::new("events");
        for odd in [
            "events",
            "events.",
            "events.a.b",
            "eventsa.b",
            "events.%61",
            "events.%FF",
            "x.a",
        ] {
            assert_eq!(subjects.topic(odd), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn every_topic_is_known_by_its_subject_again(name in r"[[:word:]:.\-/*>%$ü日]{1,64}") {
            let subjects = Subjects::new("events");
            let topic = Topic::new(&name).unwrap();
            let subject = subjects.of(&topic);
            prop_assert_eq!(subject.matches('.').count(), 1);
            prop_assert!(!subject.contains(['*', '>', ' ']));
            prop_assert_eq!(subjects.topic(&subject), Some(topic));
        }
    }
}

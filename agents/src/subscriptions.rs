//! What one agent wants to hear of what it is meant by.

use crate::event::AgentEvent;
use hotbed_mods::{Destination, EventPattern};
use std::collections::BTreeSet;
use uuid::Uuid;

/// An agent without subscriptions hears everything that it is meant by; one with some hears what one of them wants.
/// What it muted it does not hear at all.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    entries: Vec<Subscription>,
    muted: BTreeSet<EventPattern>,
}

#[derive(Debug)]
struct Subscription {
    id: String,
    patterns: Vec<EventPattern>,
    /// Of events in channels only those in these; all, if there are none.
    channels: BTreeSet<String>,
}

/// Too many already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Subscriptions {
    /// Adds a subscription, and hears again what it muted by the same patterns. There may be `limit` subscriptions, as
    /// many patterns in all of them together, and as many channels.
    pub(crate) fn add(
        &mut self,
        patterns: Vec<EventPattern>,
        channels: BTreeSet<String>,
        limit: usize,
    ) -> Result<String, TooMany> {
        let patterns_before = self.entries.iter().map(|entry| entry.patterns.len());
        let channels_before = self.entries.iter().map(|entry| entry.channels.len());
        if self.entries.len() >= limit
            || patterns_before.sum::<usize>() + patterns.len() > limit
            || channels_before.sum::<usize>() + channels.len() > limit
        {
            return Err(TooMany);
        }
        for pattern in &patterns {
            self.muted.remove(pattern);
        }
        let id = Uuid::new_v4().to_string();
        self.entries.push(Subscription {
            id: id.clone(),
            patterns,
            channels,
        });
        Ok(id)
    }

    /// Takes one away; false if there is none of this id.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.id != id);
        self.entries.len() < before
    }

    /// Takes all away. What was muted stays so.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(crate) fn mute(
        &mut self,
        patterns: Vec<EventPattern>,
        limit: usize,
    ) -> Result<(), TooMany> {
        let mut muted = self.muted.clone();
        muted.extend(patterns);
        if muted.len() > limit {
            return Err(TooMany);
        }
        self.muted = muted;
        Ok(())
    }

    pub(crate) fn want(&self, event: &AgentEvent) -> bool {
        let name = event.event_name.as_str();
        if self.muted.iter().any(|pattern| pattern.matches(name)) {
            return false;
        }
        self.entries.is_empty() || self.entries.iter().any(|entry| entry.wants(event))
    }
}

impl Subscription {
    fn wants(&self, event: &AgentEvent) -> bool {
        let name = event.event_name.as_str();
        let in_channel = match &event.destination {
            Destination::Channel(channel) => {
                self.channels.is_empty() || self.channels.contains(&**channel)
            }
            _ => true,
        };
        in_channel && self.patterns.iter().any(|pattern| pattern.matches(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotbed_mods::EventName;
    use serde_json::Map;

    fn event(name: &str, to: &str) -> AgentEvent {
        let mut event = AgentEvent::of_system(EventName::new(name).unwrap(), Map::new());
        event.destination = Destination::parse(to);
        event
    }

    fn patterns(texts: &[&str]) -> Vec<EventPattern> {
        texts
            .iter()
            .map(|text| EventPattern::new(text).unwrap())
            .collect()
    }

    #[test]
    fn without_subscriptions_everything_is_heard_and_with_some_what_one_of_them_wants() {
        let mut subscriptions = Subscriptions::default();
        let loaded = event("mod.loaded", "all");
        assert!(subscriptions.want(&loaded));
        let wiki = subscriptions.add(patterns(&["wiki.*"]), BTreeSet::new(), 2);
        assert!(!subscriptions.want(&loaded));
        assert!(subscriptions.want(&event("wiki.changed", "all")));
        let ops = BTreeSet::from(["ops".to_owned()]);
        subscriptions.add(patterns(&["*"]), ops, 2).unwrap();
        assert!(subscriptions.want(&loaded));
        assert!(subscriptions.want(&event("chat.said", "channel:ops")));
        assert!(!subscriptions.want(&event("chat.said", "channel:dev")));
        assert_eq!(
            subscriptions.add(patterns(&["*"]), BTreeSet::new(), 2),
            Err(TooMany)
        );
        assert!(subscriptions.remove(&wiki.unwrap()));
        assert!(!subscriptions.remove("other"));
        subscriptions.clear();
        assert!(subscriptions.want(&event("chat.said", "channel:dev")));
    }

    /// Caught: patterns, or channels, counted for each subscription alone.
    #[test]
    fn patterns_and_channels_are_bounded_in_all_subscriptions_together() {
        let mut subscriptions = Subscriptions::default();
        let channels = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut add = |texts: &[&str], names: &[&str]| {
            let added = subscriptions.add(patterns(texts), channels(names), 3);
            added.map(drop)
        };
        assert_eq!(add(&["aa.*", "bb.*"], &["c1", "c2"]), Ok(()));
        assert_eq!(add(&["cc.*", "dd.*"], &[]), Err(TooMany));
        assert_eq!(add(&["cc.*"], &["c3", "c4"]), Err(TooMany));
        assert_eq!(add(&["cc.*"], &["c3"]), Ok(()));
        assert_eq!(add(&["dd.*"], &[]), Err(TooMany));
    }

    #[test]
    fn what_is_muted_is_not_heard_until_it_is_subscribed_to_again() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.mute(patterns(&["mod.*"]), 1).unwrap();
        assert_eq!(subscriptions.mute(patterns(&["ab.*"]), 1), Err(TooMany));
        assert!(!subscriptions.want(&event("mod.loaded", "all")));
        assert!(subscriptions.want(&event("wiki.changed", "all")));
        subscriptions
            .add(patterns(&["mod.*"]), BTreeSet::new(), 1)
            .unwrap();
        assert!(subscriptions.want(&event("mod.loaded", "all")));
    }
}

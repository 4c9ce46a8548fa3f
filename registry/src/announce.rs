//! A [`Change`] as an event and back. Events name the subject and its revision, never the configuration.

use crate::{Change, ChangeKind, CollectionName, Id, Revision};
use hotbed_events::{Event, EventKind, Topic};
use serde_json::{Map, Value};

/// The key of the payload that names the collection.
pub(crate) const COLLECTION: &str = "collection";

/// What an event says about a registration.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Announcement {
    /// It changed, and this was the revision.
    Change(Change),
    /// It is no longer what it was. Whoever says so knows of no revisions, as the Python config service's clients do.
    Invalidation(Id),
    /// Something changed, and it does not say what: read the log.
    Unclear,
}

/// The event that announces a change. Carries the id under both names that readers of the Python config
/// service look for, and the revision that lets ours see a gap.
pub fn event_from_change(change: &Change, topic: Topic) -> Event {
    let kind = match change.kind {
        ChangeKind::Created => EventKind::Created,
        ChangeKind::Updated => EventKind::Updated,
        ChangeKind::Activated => EventKind::Activated,
        ChangeKind::Deactivated => EventKind::Deactivated,
        ChangeKind::Deleted => EventKind::Deleted,
    };
    let mut payload = Map::new();
    payload.insert("instance_id".into(), change.id.as_str().into());
    payload.insert("bot_id".into(), change.id.as_str().into());
    payload.insert("revision".into(), change.revision.0.into());
    Event {
        timestamp: change.at,
        ..Event::new(topic, kind, payload).from_source("registry")
    }
}

/// What an event announces; `None` if it is not about a registration that changed.
pub fn announcement(event: &Event) -> Option<Announcement> {
    let kind = match event.kind {
        EventKind::Created => ChangeKind::Created,
        EventKind::Updated => ChangeKind::Updated,
        EventKind::Activated => ChangeKind::Activated,
        EventKind::Deactivated => ChangeKind::Deactivated,
        EventKind::Deleted => ChangeKind::Deleted,
        _ => return None,
    };
    let id = event
        .payload
        .get("instance_id")
        .or_else(|| event.payload.get("bot_id"))
        .and_then(Value::as_str)
        .and_then(|id| Id::new(id).ok());
    let revision = event.payload.get("revision").and_then(Value::as_u64);
    Some(match (id, revision) {
        (Some(id), Some(revision)) => Announcement::Change(Change {
            id,
            revision: Revision(revision),
            kind,
            at: event.timestamp,
        }),
        (Some(id), None) => Announcement::Invalidation(id),
        (None, _) => Announcement::Unclear,
    })
}

/// Whether an event may be about a registration of this collection: one that names another is not, for the revisions of
/// two collections have nothing to do with each other. The Python config service's events name none.
pub fn may_be_of(event: &Event, collection: &CollectionName) -> bool {
    let named = event.payload.get(COLLECTION).and_then(Value::as_str);
    named.is_none_or(|named| named == collection.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;
    use serde_json::json;

    #[test]
    fn a_change_survives_the_way_through_an_event() {
        for kind in [
            ChangeKind::Created,
            ChangeKind::Updated,
            ChangeKind::Activated,
            ChangeKind::Deactivated,
            ChangeKind::Deleted,
        ] {
            let change = Change {
                id: Id::new("a").unwrap(),
                revision: Revision(7),
                kind,
                at: Utc::now(),
            };
            let event = event_from_change(&change, Topic::new("registry:bots").unwrap());
            assert_eq!(announcement(&event), Some(Announcement::Change(change)));
        }
    }

    #[test]
    fn what_does_not_say_all_is_taken_for_as_much_as_it_says() {
        let id = || Id::new("a").unwrap();
        for (payload, kind, expected) in [
            (
                json!({"bot_id": "a"}),
                EventKind::Updated,
                Some(Announcement::Invalidation(id())),
            ),
            (
                json!({"instance_id": "a", "bot_id": "b"}),
                EventKind::Deleted,
                Some(Announcement::Invalidation(id())),
            ),
            (
                json!({"instance_id": 7, "revision": 7}),
                EventKind::Updated,
                Some(Announcement::Unclear),
            ),
            (json!({}), EventKind::Created, Some(Announcement::Unclear)),
            (json!({"bot_id": "a"}), EventKind::Error, None),
            (json!({"bot_id": "a"}), EventKind::Custom, None),
        ] {
            let payload = payload.as_object().unwrap().clone();
            let event = Event::new(Topic::new("registry:bots").unwrap(), kind, payload);
            assert_eq!(announcement(&event), expected, "{event:?}");
        }
    }
}

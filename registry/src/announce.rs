//! A [`Change`] as an event and back. Events name the subject and its revision, never the configuration.

use crate::{Change, ChangeKind, Id, Revision};
use hotbed_events::{Event, EventKind, Topic};
use serde_json::{Map, Value};

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

/// The change that an event announces; `None` if it does not say which id or which revision, so that the
/// receiver must read the log instead.
pub fn change_from_event(event: &Event) -> Option<Change> {
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
        .or_else(|| event.payload.get("bot_id"))?;
    let id = Id::new(id.as_str()?).ok()?;
    let revision = Revision(event.payload.get("revision").and_then(Value::as_u64)?);
    Some(Change {
        id,
        revision,
        kind,
        at: event.timestamp,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;

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
            assert_eq!(change_from_event(&event), Some(change));
        }
    }

    #[test]
    fn an_event_without_a_revision_announces_no_change() {
        let payload = Map::from_iter([("bot_id".to_owned(), Value::from("a"))]);
        let event = Event::new(
            Topic::new("registry:bots").unwrap(),
            EventKind::Updated,
            payload,
        );
        assert_eq!(change_from_event(&event), None);
    }
}

//! Several collections on one topic, as where topics are chosen by a wildcard.

use crate::backend::FaultyBackend;
use crate::bus::FaultyBus;
use crate::recorder::Recorder;
use crate::world::{Node, event_driven, name, settle, topic, write};
use hotbed_events::{EventBus, MemoryBus};
use hotbed_registry::{Change, ChangeKind, Revision, event_from_change};

/// What happened to another collection is no news of this one, although its revision is the next of this one.
///
/// Meant to catch: to believe every event that is heard.
#[tokio::test(start_paused = true)]
async fn events_of_another_collection_are_passed_over() {
    let (backend, bus) = (FaultyBackend::new(), FaultyBus::new(MemoryBus::new()));
    let recorder = Recorder::new();
    let node = Node::start(&backend, event_driven(&bus), vec![recorder.clone()]);
    settle().await;
    let reads = backend.all_calls();
    for (collection, told) in [(Some("mods"), 0), (Some("bots"), 1), (None, 2)] {
        let revision = if told == 0 {
            Revision(1)
        } else {
            write(&backend, "bot").await
        };
        let change = Change {
            id: name("bot"),
            revision,
            kind: ChangeKind::Updated,
            at: chrono::Utc::now(),
        };
        let mut event = event_from_change(&change, topic());
        if let Some(collection) = collection {
            event.payload.insert("collection".into(), collection.into());
        }
        bus.publish(&[event]).await.unwrap();
        settle().await;
        assert_eq!(recorder.revisions().len(), told, "{collection:?}");
    }
    assert_eq!(backend.all_calls(), reads, "each was the next");
    assert_eq!(node.handle.freshness().revision, Revision(2));
}

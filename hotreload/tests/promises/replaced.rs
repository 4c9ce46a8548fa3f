//! A registry that was replaced by another, an older copy of it for example, and loops that could miss that.

use crate::backend::FaultyBackend;
use crate::bus::FaultyBus;
use crate::recorder::Recorder;
use crate::world::{Node, announce, event_driven, pass, settle, write};
use hotbed_events::MemoryBus;
use hotbed_registry::Revision;
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(5);

/// A node that goes by events alone heard of more than its registry has, which was restored from an older copy: one read
/// of the log is not believed, for it may be a moment behind, and confirms nothing; the next, which comes by itself, is.
/// It once stood at a revision that does not exist, confirmed, until the next gap (found by the simulation, seed 29).
///
/// Mutations: a doubtful read confirms; nothing is read after it.
#[tokio::test(start_paused = true)]
async fn a_log_that_ends_before_what_was_heard_is_read_again_soon() {
    let (backend, bus) = (FaultyBackend::new(), FaultyBus::new(MemoryBus::new()));
    let recorder = Recorder::new();
    let node = Node::start(&backend, event_driven(&bus), vec![recorder.clone()]);
    pass(EVERY).await;
    announce(&bus, "bot", Revision(1)).await;
    settle().await;
    assert_eq!(node.handle.freshness().revision, Revision(1));
    bus.gap();
    settle().await;
    assert!(node.handle.freshness().stale, "nothing is confirmed");
    assert_eq!(recorder.eras(), 0, "it may lag");
    pass(Duration::from_secs(1)).await;
    assert_eq!(recorder.eras(), 1);
    let freshness = node.handle.freshness();
    assert_eq!(freshness.revision, Revision::ZERO);
    assert!(!freshness.stale);
}

/// A log that lagged and follows is no other log.
///
/// Mutation: the first doubtful read begins an era.
#[tokio::test(start_paused = true)]
async fn a_log_that_lags_a_moment_behind_its_events_is_believed_when_it_follows() {
    let (backend, bus) = (FaultyBackend::new(), FaultyBus::new(MemoryBus::new()));
    let recorder = Recorder::new();
    let node = Node::start(&backend, event_driven(&bus), vec![recorder.clone()]);
    pass(EVERY).await;
    announce(&bus, "bot", Revision(1)).await;
    bus.gap();
    settle().await;
    write(&backend, "bot").await;
    pass(EVERY).await;
    assert_eq!(recorder.eras(), 0);
    assert!(!node.handle.freshness().stale);
}

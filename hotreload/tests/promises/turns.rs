//! Reads and events take turns.

use crate::backend::{Fault, FaultyBackend};
use crate::bus::FaultyBus;
use crate::recorder::Recorder;
use crate::world::{Node, announce, event_driven, pass, settle, write};
use hotbed_events::MemoryBus;
use std::time::Duration;

/// A registry whose reads hang keeps no event from being heard: one that is next is told between two of them.
///
/// Mutation: reads come first each time.
#[tokio::test(start_paused = true)]
async fn events_are_heard_while_reads_hang() {
    let (backend, bus) = (FaultyBackend::new(), FaultyBus::new(MemoryBus::new()));
    let recorder = Recorder::new();
    let node = Node::start(&backend, event_driven(&bus), vec![recorder.clone()]);
    settle().await;
    backend.rule(|_| Fault::Hang);
    bus.gap();
    settle().await;
    let written = write(&backend, "bot").await;
    announce(&bus, "bot", written).await;
    pass(Duration::from_secs(6)).await;
    assert_eq!(recorder.revisions(), [written.0]);
    assert!(node.handle.freshness().stale);
}

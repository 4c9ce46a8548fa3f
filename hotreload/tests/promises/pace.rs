//! When the log is read.

use crate::backend::{Call, Fault, FaultyBackend};
use crate::bus::FaultyBus;
use crate::recorder::Recorder;
use crate::world::{Node, event_driven, pass, polling, settle, write};
use hotbed_events::MemoryBus;
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(5);

/// What changed while a slow answer was on its way is known one interval after that was asked for, not after it came
/// (found by the simulation, seed 126).
///
/// Mutation: the next poll is due an interval after the end of the last.
#[tokio::test(start_paused = true)]
async fn a_slow_read_does_not_put_off_the_next() {
    let backend = FaultyBackend::new();
    let recorder = Recorder::new();
    let late = Duration::from_secs(3);
    backend.rule(move |call| match call {
        Call::Changes | Call::Head => Fault::Late(late),
        _ => Fault::None,
    });
    let _node = Node::start(&backend, polling(EVERY), vec![recorder.clone()]);
    // Two answers are late: that of the head and that of the log after it.
    settle().await;
    pass(late).await;
    settle().await;
    let written = write(&backend, "bot").await;
    backend.repair();
    pass(late).await;
    assert!(recorder.revisions().is_empty(), "read before the write");
    pass(EVERY / 50).await;
    assert_eq!(recorder.revisions(), [written.0]);
}

/// Once for each time that it was away: a cache has what failed meanwhile built again.
///
/// Mutations: the targets are told after each read; they are not told.
#[tokio::test(start_paused = true)]
async fn the_targets_are_told_when_the_registry_is_read_again() {
    let backend = FaultyBackend::new();
    let recorder = Recorder::new();
    let _node = Node::start(&backend, polling(EVERY), vec![recorder.clone()]);
    pass(EVERY * 3).await;
    assert_eq!(recorder.returns(), 0);
    for returns in 1..=2 {
        backend.rule(|_| Fault::Fail);
        pass(EVERY * 3).await;
        assert_eq!(recorder.returns(), returns - 1);
        backend.repair();
        pass(EVERY * 3).await;
        assert_eq!(recorder.returns(), returns);
    }
}

/// A shorter interval is kept from now on, not only after the next poll of the old one; a node that is not polled says so.
///
/// Mutations, each tried: the loop does not see that the interval is another; staleness is judged by the first interval.
#[tokio::test(start_paused = true)]
async fn the_interval_can_be_changed_while_the_loop_runs() {
    let backend = FaultyBackend::new();
    let node = Node::start(&backend, polling(EVERY * 1_000), vec![Recorder::new()]);
    settle().await;
    let before = backend.all_calls();
    assert!(node.handle.poll_every(EVERY));
    pass(EVERY * 20).await;
    let polls = backend.all_calls() - before;
    assert!((19..=23).contains(&polls), "{polls}");
    backend.rule(|_| Fault::Fail);
    pass(EVERY * 3).await;
    assert!(node.handle.freshness().stale);

    let bus = FaultyBus::new(MemoryBus::new());
    let deaf = Node::start(&backend, event_driven(&bus), vec![Recorder::new()]);
    assert!(!deaf.handle.poll_every(EVERY));
}

//! When the log is read.

use crate::backend::{Call, Fault, FaultyBackend};
use crate::recorder::Recorder;
use crate::world::{Node, pass, polling, settle, write};
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

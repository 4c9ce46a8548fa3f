//! A loop that tells a `ConfigWatcher`.

use crate::backend::{Call, Fault, FaultyBackend};
use crate::world::{Node, delete, pass, polling, reader, settle, write};
use hotbed_cache::{ConfigChange, ConfigWatcher};
use hotbed_registry::{RegistryBackend, Retention};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const EVERY: Duration = Duration::from_secs(2);

/// A registration was read, and deleted while the answer was on its way; the log forgot both. The deletion is called back
/// for all that: it once was not, for the list was held against what was known by then (found by the simulation, seed
/// 1953).
///
/// Mutation: `revisions` leaves out what is being read.
#[tokio::test(start_paused = true)]
async fn what_is_gone_before_it_is_known_is_told_to_be_gone() {
    let backend = FaultyBackend::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    let on_change = move |change: ConfigChange| {
        note.lock().unwrap().push(change.new.is_some());
        std::future::ready(())
    };
    let watcher = ConfigWatcher::start(reader(&backend), on_change).await;
    let watcher = Arc::new(watcher.unwrap());
    let (runs, until) = (Arc::clone(&watcher), CancellationToken::new());
    let _ends = until.clone().drop_guard();
    drop(TaskTracker::new().spawn(async move { runs.run(until).await }));
    let _node = Node::start(&backend, polling(EVERY), vec![watcher.clone()]);
    settle().await;

    backend.rule(|call| match call {
        Call::Get => Fault::Late(EVERY * 3 / 2),
        _ => Fault::None,
    });
    write(&backend, "bot").await;
    pass(EVERY).await;
    delete(&backend, "bot").await;
    let nothing = Retention {
        entries: 0,
        age: Duration::MAX,
        ..Retention::default()
    };
    backend.truth().compact(nothing).await.unwrap();
    pass(EVERY + EVERY / 2 + EVERY / 10).await;
    assert_eq!(*seen.lock().unwrap(), [true]);
    pass(EVERY * 2).await;
    assert_eq!(*seen.lock().unwrap(), [true, false]);
}

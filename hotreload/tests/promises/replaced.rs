//! A registry that was replaced by another, an older copy of it for example, and loops that could miss that.

use crate::backend::{Call, Fault, FaultyBackend};
use crate::bus::FaultyBus;
use crate::recorder::Recorder;
use crate::workshop::Workshop;
use crate::world::{
    Node, announce, cache, draft, event_driven, name, pass, polling, settle, write,
};
use hotbed_cache::GetError;
use hotbed_events::MemoryBus;
use hotbed_registry::{
    ChangeKind, Draft, Precondition, RegistryBackend, Retention, Revision, Status,
};
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

/// A loop that starts on what is built already, of a registry that was replaced before the loop first reached it: what is
/// held is newer than all the registry has. It once passed for up to date (found by the simulation, seed 2).
///
/// Mutation: the first walk does not ask what is held.
#[tokio::test(start_paused = true)]
async fn what_is_held_of_another_registry_is_built_anew_by_the_first_read() {
    let backend = FaultyBackend::new();
    let cache = cache(&backend, &Workshop::default());
    for id in ["goes", "stays", "stays"] {
        write(&backend, id).await;
        cache.get_or_create(id).await.unwrap();
    }
    backend.replace();
    let stays = write(&backend, "stays").await;
    let _node = Node::start(&backend, polling(EVERY), vec![cache.clone()]);
    settle().await;
    let held = |id: &str| cache.held_for(&name(id)).and_then(|held| held.revision);
    assert_eq!(held("stays"), Some(stays));
    assert_eq!(held("goes"), None);
}

/// A list of heads was told in part, which is newer than the cursor; then the registry was replaced by one that ends in
/// between. The cursor alone does not show it (found by the simulation, seed 48).
///
/// Mutation: what a list tells is not held against the log.
#[tokio::test(start_paused = true)]
async fn what_a_list_told_in_part_is_held_against_the_registry_that_follows() {
    let backend = FaultyBackend::new();
    write(&backend, "bot").await;
    let recorder = Recorder::new();
    let _node = Node::start(&backend, polling(EVERY), vec![recorder.clone()]);
    settle().await;
    for _ in 0..5 {
        write(&backend, "bot").await;
    }
    let nothing = Retention {
        entries: 0,
        age: Duration::MAX,
        ..Retention::default()
    };
    backend.truth().compact(nothing).await.unwrap();
    let mut lists = 0;
    backend.rule(move |call| {
        lists += usize::from(call == Call::Heads);
        if lists > 1 { Fault::Fail } else { Fault::None }
    });
    pass(EVERY).await;
    assert_eq!(recorder.of("bot").last(), Some(&(ChangeKind::Updated, 6)));

    backend.replace();
    write(&backend, "bot").await;
    backend.repair();
    pass(EVERY).await;
    assert_eq!(recorder.eras(), 1);
    assert_eq!(recorder.of("bot").last(), Some(&(ChangeKind::Updated, 1)));
}

/// What a cache knows without an instance is held against the registry as well (found by the simulation, seed 615).
///
/// Mutation: a cache tells the revisions of its instances alone.
#[tokio::test(start_paused = true)]
async fn what_another_registry_had_out_of_service_is_looked_for_anew() {
    let backend = FaultyBackend::new();
    let cache = cache(&backend, &Workshop::default());
    let off = Draft {
        status: Status::Inactive,
        ..draft()
    };
    let (truth, id) = (backend.truth(), name("off"));
    truth.put(&id, off, Precondition::Any).await.unwrap();
    let found = cache.get_or_create("off").await;
    assert!(matches!(found, Err(GetError::Inactive { .. })));
    backend.replace();
    let _node = Node::start(&backend, polling(EVERY), vec![cache.clone()]);
    settle().await;
    let found = cache.get_or_create("off").await;
    assert!(matches!(found, Err(GetError::NotFound { .. })), "{found:?}");
}

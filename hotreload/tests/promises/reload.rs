//! Reloads by hand.

use crate::backend::{Fault, FaultyBackend};
use crate::workshop::Workshop;
use crate::world::{Node, cache, delete, draft, name, polling, settle, write};
use hotbed_cache::Reloaded;
use hotbed_registry::{Draft, Precondition, RegistryBackend, Revision, Status};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

async fn set(backend: &FaultyBackend, id: &str, status: Status) {
    let draft = Draft { status, ..draft() };
    let stored = backend
        .truth()
        .put(&name(id), draft, Precondition::Any)
        .await;
    stored.unwrap();
}

/// A reload of everything catches up first, then tells exactly what it did to each id that is held, and touches no
/// other. What cannot be built keeps its instance.
///
/// Mutations: `reload_all` does not sync; `note` mixes two lists up; `CachingRegistryManager::reload` does not
/// invalidate; `reload_all` takes only those that have an instance.
#[tokio::test(start_paused = true)]
async fn a_reload_of_everything_reports_exactly_what_it_did() {
    let (backend, workshop) = (FaultyBackend::new(), Workshop::default());
    let cache = cache(&backend, &workshop);
    let node = Node::start(&backend, polling(HOUR), vec![cache.clone()]);
    settle().await;
    for id in [
        "broken",
        "changed",
        "gone",
        "hidden",
        "mended",
        "never-asked-for",
        "off",
        "same",
    ] {
        write(&backend, id).await;
    }
    set(&backend, "hidden", Status::Inactive).await;
    workshop.fail("mended");
    for id in ["broken", "changed", "gone", "off", "same"] {
        cache.get_or_create(id).await.unwrap();
    }
    for id in ["hidden", "mended"] {
        cache.get_or_create(id).await.unwrap_err();
    }
    let serial = |id: &str| *cache.peek(&name(id)).unwrap();
    let before = ["broken", "changed", "same"].map(serial);

    workshop.fail("broken");
    workshop.mend("mended");
    let changed = write(&backend, "changed").await;
    delete(&backend, "gone").await;
    set(&backend, "off", Status::Inactive).await;
    set(&backend, "hidden", Status::Active).await;
    let report = node.handle.reload_all().await.unwrap();

    assert_eq!(report.added, ["hidden", "mended"].map(name));
    assert_eq!(report.refreshed, ["changed", "same"].map(name));
    assert_eq!(report.removed, ["gone", "off"].map(name));
    assert_eq!(report.failed.len(), 1);
    assert_eq!(report.failed[0].id, name("broken"));
    assert!(report.failed[0].error.contains("told to fail"));

    let after = ["broken", "changed", "same"].map(serial);
    assert_eq!(after[0], before[0], "the last good one stays");
    assert!(after[1] != before[1] && after[2] != before[2]);
    let served = cache.get_or_create("changed").await.unwrap().revision();
    assert_eq!(served, changed);
    assert!(cache.peek(&name("gone")).is_none() && cache.peek(&name("off")).is_none());
    assert!(cache.held_for(&name("never-asked-for")).is_none());
}

/// A reload of everything that cannot read the log has done nothing.
///
/// Mutation: `reload_all` goes on without the log.
#[tokio::test(start_paused = true)]
async fn a_reload_of_everything_without_a_registry_touches_nothing() {
    let (backend, workshop) = (FaultyBackend::new(), Workshop::default());
    let cache = cache(&backend, &workshop);
    write(&backend, "bot").await;
    let before = *cache.get_or_create("bot").await.unwrap();
    let node = Node::start(&backend, polling(HOUR), vec![cache.clone()]);
    settle().await;
    backend.rule(|_| Fault::Fail);
    node.handle.reload_all().await.unwrap_err();
    assert_eq!(*cache.get_or_create("bot").await.unwrap(), before);
}

/// A reload of one id says what became of it; a failing one keeps its instance.
///
/// Mutations: a failed reload drops the instance; a reload of an unknown id counts as a failure.
#[tokio::test(start_paused = true)]
async fn a_reload_of_one_id_says_what_became_of_it() {
    let (backend, workshop) = (FaultyBackend::new(), Workshop::default());
    let cache = cache(&backend, &workshop);
    let node = Node::start(&backend, polling(HOUR), vec![cache.clone()]);
    settle().await;
    let handle = &node.handle;
    let reload = async || handle.reload(&name("bot")).await.unwrap();
    let unknown = reload().await;
    assert!(matches!(unknown, Reloaded::Removed), "{unknown:?}");
    write(&backend, "bot").await;
    let added = reload().await;
    assert!(matches!(added, Reloaded::Added(Revision(1))), "{added:?}");
    let first = *cache.get_or_create("bot").await.unwrap();
    let refreshed = reload().await;
    assert!(
        matches!(refreshed, Reloaded::Refreshed(Revision(1))),
        "{refreshed:?}"
    );
    let second = *cache.get_or_create("bot").await.unwrap();
    assert_ne!(first, second);

    workshop.fail("bot");
    write(&backend, "bot").await;
    let failed = reload().await;
    assert!(matches!(failed, Reloaded::Failed(_)), "{failed:?}");
    let lease = cache.get_or_create("bot").await.unwrap();
    assert_eq!((*lease, lease.revision()), (second, Revision(1)));
    drop(lease);

    // By hand is at once, whatever the back-off of the failure.
    workshop.mend("bot");
    let refreshed = reload().await;
    assert!(
        matches!(refreshed, Reloaded::Refreshed(Revision(2))),
        "{refreshed:?}"
    );
    delete(&backend, "bot").await;
    let removed = reload().await;
    assert!(matches!(removed, Reloaded::Removed), "{removed:?}");
    assert!(cache.peek(&name("bot")).is_none());
}

/// A write that comes while a reload builds is not lost to the reload: whoever asks after the change was told gets it.
///
/// Mutation: `judge` settles the newest epoch although what it read is older than what was observed.
#[tokio::test(start_paused = true)]
async fn a_write_during_a_reload_wins() {
    let (backend, workshop) = (FaultyBackend::new(), Workshop::default());
    let cache = cache(&backend, &workshop);
    write(&backend, "bot").await;
    cache.get_or_create("bot").await.unwrap();
    let node = Node::start(&backend, polling(HOUR), vec![cache.clone()]);
    settle().await;
    let (gate, id) = (workshop.gate("bot"), name("bot"));
    let (reloaded, read) = tokio::join!(node.handle.reload(&id), async {
        // The reload has read revision 1 and waits in the factory.
        settle().await;
        let newer = write(&backend, "bot").await;
        node.handle.catch_up(newer, HOUR).await.unwrap();
        let read = cache.get_or_create("bot");
        let (read, ()) = tokio::join!(read, async {
            gate.add_permits(1);
            settle().await;
            gate.add_permits(1);
        });
        read.unwrap().revision()
    });
    assert_eq!(read, Revision(2));
    let refreshed = matches!(reloaded, Some(Reloaded::Refreshed(_)));
    assert!(refreshed, "{reloaded:?}");
    assert_eq!(
        cache.get_or_create("bot").await.unwrap().revision(),
        Revision(2)
    );
}

//! What the loop makes of the registry's log, and of the lack of one.

use crate::backend::{Call, Fault, FaultyBackend};
use crate::recorder::Recorder;
use crate::workshop::Workshop;
use crate::world::{Node, cache, delete, name, pass, polling, settle, write};
use hotbed_cache::GetError;
use hotbed_hotreload::ReloadTarget;
use hotbed_registry::{Change, ChangeKind, Id, RegistryBackend, Retention, Revision};
use std::sync::Arc;
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(5);

async fn compact(backend: &FaultyBackend) {
    let nothing = Retention {
        entries: 0,
        age: Duration::MAX,
        ..Retention::default()
    };
    backend.truth().compact(nothing).await.unwrap();
}

/// Whoever slept through a part of the log that is gone finds what was updated, what is new and what was deleted.
///
/// Mutations: a compacted log only moves the cursor; `relist` does not tell of those that are missing; it ends after
/// the first page.
#[tokio::test(start_paused = true)]
async fn a_compacted_log_is_made_up_for_by_listing() {
    let backend = FaultyBackend::new();
    let cache = cache(&backend, &Workshop::default());
    for id in ["stays", "changes", "goes"] {
        write(&backend, id).await;
        cache.get_or_create(id).await.unwrap();
    }
    let recorder = Recorder::new();
    let _node = Node::start(
        &backend,
        polling(EVERY),
        vec![cache.clone(), recorder.clone()],
    );
    settle().await;
    recorder.forget();
    // More than a page of others.
    for n in 0..6_000 {
        write(&backend, &format!("other-{n}")).await;
    }
    let changed = write(&backend, "changes").await;
    let gone = delete(&backend, "goes").await;
    compact(&backend).await;
    pass(EVERY + EVERY / 100).await;
    let held = |id: &str| cache.held_for(&name(id)).and_then(|held| held.revision);
    assert_eq!(held("stays"), Some(Revision(1)));
    assert_eq!(held("changes"), Some(changed));
    assert_eq!(held("goes"), None);
    assert_eq!(recorder.of("goes"), [(ChangeKind::Deleted, gone.0)]);
    assert_eq!(
        recorder.of("other-5999"),
        [(ChangeKind::Updated, 6_002 + 1)]
    );
    assert_eq!(recorder.eras(), 0);

    recorder.forget();
    write(&backend, "stays").await;
    pass(EVERY).await;
    assert_eq!(
        recorder.revisions(),
        [gone.0 + 1],
        "from here on by the log"
    );
}

/// A registry whose head lies behind the cursor is another one: everything is built anew, and what it does not hold
/// is dropped.
///
/// Mutations: `begin_era` is not called; it is called for every compacted log (see above).
#[tokio::test(start_paused = true)]
async fn a_registry_that_was_replaced_is_read_anew() {
    for younger in [false, true] {
        let backend = FaultyBackend::new();
        let cache = cache(&backend, &Workshop::default());
        for _ in 0..10 {
            write(&backend, "known").await;
        }
        let before = *cache.get_or_create("known").await.unwrap();
        let node = Node::start(&backend, polling(EVERY), vec![cache.clone()]);
        settle().await;
        backend.replace();
        if younger {
            write(&backend, "other").await;
            write(&backend, "known").await;
        }
        pass(EVERY + EVERY / 100).await;
        let head = backend.truth().head().await.unwrap();
        assert_eq!(node.handle.freshness().revision, head);
        assert!(!node.handle.freshness().stale);
        match cache.get_or_create("known").await {
            Ok(lease) => {
                assert!(younger);
                assert_eq!(lease.revision(), Revision(2));
                assert_ne!(*lease, before, "built anew");
            }
            Err(GetError::NotFound { .. }) => assert!(!younger),
            Err(error) => panic!("{error}"),
        }

        let newer = write(&backend, "known").await;
        pass(EVERY + EVERY / 100).await;
        assert_eq!(
            cache.get_or_create("known").await.unwrap().revision(),
            newer
        );
    }
}

/// A replaced registry that could not be read to its end, and has grown past the old cursor since, is still read from
/// its beginning.
///
/// Mutation: `walk` keeps the cursor of the old registry until the new one is listed.
#[tokio::test(start_paused = true)]
async fn a_cursor_of_a_replaced_registry_is_never_used_in_the_new_one() {
    let backend = FaultyBackend::new();
    for _ in 0..10 {
        write(&backend, "old").await;
    }
    let recorder = Recorder::new();
    let node = Node::start(&backend, polling(EVERY), vec![recorder.clone()]);
    settle().await;
    recorder.forget();
    backend.replace();
    write(&backend, "new").await;
    backend.rule(|call| match call {
        Call::Heads => Fault::Fail,
        _ => Fault::None,
    });
    pass(EVERY).await;
    assert_eq!(recorder.eras(), 1);
    for n in 0..20 {
        write(&backend, &format!("new-{n}")).await;
    }
    backend.repair();
    pass(EVERY).await;
    assert_eq!(node.handle.freshness().revision, Revision(21));
    for n in 0..20 {
        let told = recorder.of(&format!("new-{n}"));
        assert_eq!(told, [(ChangeKind::Updated, 2 + n)]);
    }
}

/// A loop that begins on a cache which is in use already tells it what it has missed.
///
/// Mutation: the first walk only takes the head as its cursor.
#[tokio::test(start_paused = true)]
async fn the_first_sync_tells_targets_that_already_hold_something() {
    let backend = FaultyBackend::new();
    let cache = cache(&backend, &Workshop::default());
    for id in ["stays", "changes", "goes"] {
        write(&backend, id).await;
        cache.get_or_create(id).await.unwrap();
    }
    let changed = write(&backend, "changes").await;
    delete(&backend, "goes").await;
    let _node = Node::start(&backend, polling(EVERY), vec![cache.clone()]);
    settle().await;
    let held = |id: &str| cache.held_for(&name(id)).and_then(|held| held.revision);
    assert_eq!(held("stays"), Some(Revision(1)));
    assert_eq!(held("changes"), Some(changed));
    assert_eq!(held("goes"), None);
}

/// Whatever call fails, the cursor stands where the last change was told, and the next read goes on from there.
///
/// Mutations: `walk` advances to the head after the first page; it advances before it tells; the first walk advances
/// before it lists; a compacted log advances before it is listed.
#[tokio::test(start_paused = true)]
async fn a_cursor_never_moves_past_a_change_that_was_not_told() {
    let backend = FaultyBackend::new();
    let recorder = Recorder::new();
    for n in 0..12_000 {
        write(&backend, &format!("bot-{n:05}")).await;
    }
    // The first walk: its head, then two full pages and a third.
    fail_from(&backend, Call::Heads, 2);
    let node = Node::start(&backend, polling(EVERY), vec![recorder.clone()]);
    let reached = || node.handle.freshness().revision.0;
    pass(EVERY).await;
    assert_eq!(recorder.revisions().last(), Some(&5_000));
    assert_eq!(reached(), 0);
    backend.repair();
    pass(EVERY).await;
    assert_eq!(reached(), 12_000);

    // The log: page by page.
    for good_pages in [0, 1, 2] {
        recorder.forget();
        let before = reached();
        for _ in 0..2_500 {
            write(&backend, "bot-00000").await;
        }
        fail_from(&backend, Call::Changes, good_pages + 1);
        pass(EVERY).await;
        let last = recorder.revisions().last().copied().unwrap_or(before);
        assert_eq!(reached(), last);
        assert!(last < before + 2_500, "it fails before the end");
        backend.repair();
        pass(EVERY).await;
        assert_eq!(
            recorder.revisions(),
            (before + 1..=before + 2_500).collect::<Vec<_>>()
        );
        assert_eq!(reached(), before + 2_500);
    }

    // A log that is gone.
    let before = reached();
    write(&backend, "bot-11999").await;
    compact(&backend).await;
    recorder.forget();
    fail_from(&backend, Call::Heads, 2);
    pass(EVERY).await;
    assert_eq!(recorder.of("bot-11999"), []);
    assert_eq!(reached(), before);
    backend.repair();
    pass(EVERY).await;
    assert_eq!(
        recorder.of("bot-11999"),
        [(ChangeKind::Updated, before + 1)]
    );
    assert_eq!(reached(), before + 1);
}

/// Calls of a kind fail from the nth of each walk on: a failing one ends its walk.
fn fail_from(backend: &FaultyBackend, which: Call, nth: usize) {
    let mut walked = 0;
    backend.rule(move |call| {
        if call != which {
            return Fault::None;
        }
        walked += 1;
        if walked < nth {
            return Fault::None;
        }
        // Every later walk fails at once.
        Fault::Fail
    });
}

/// A target that panics harms neither the loop nor the others.
///
/// Mutation: `tell` does not catch panics.
#[tokio::test(start_paused = true)]
async fn a_target_that_panics_keeps_nobody_from_being_told() {
    struct Panics;
    impl ReloadTarget for Panics {
        fn observe(&self, _: &Change) {
            panic!("told to panic");
        }

        fn revisions(&self) -> Vec<(Id, Revision)> {
            Vec::new()
        }

        fn begin_era(&self) {}
    }
    let backend = FaultyBackend::new();
    let recorder = Recorder::new();
    let _node = Node::start(
        &backend,
        polling(EVERY),
        vec![Arc::new(Panics), recorder.clone()],
    );
    settle().await;
    for _ in 0..3 {
        write(&backend, "bot").await;
        pass(EVERY).await;
    }
    assert_eq!(recorder.revisions(), [1, 2, 3]);
}

use crate::world::{Behaviour, World, eventually, name, pass};
use hotbed_cache::{CacheSettings, EvictionPolicy, GetError};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// A call in flight keeps its instance through reload, eviction, idleness, expiry, deactivation and deletion; each
/// instance is destroyed once, after its last lease.
///
/// Mutations: `Slot::take_down` or the replacement in `Slot::settle` destroys the instance itself; the reaper is not
/// told; a strong short cut in the index (never destroyed).
#[tokio::test(start_paused = true)]
async fn make_before_break() {
    let world = World::new(CacheSettings {
        capacity: 2,
        idle: Duration::from_mins(1),
        ..CacheSettings::default()
    });
    for id in ["a", "b", "c", "d"] {
        world.put(id).await;
    }
    let mut leases = Vec::new();
    // Reload, twice.
    leases.push(world.get("a").await.unwrap());
    world.put("a").await;
    leases.push(world.get("a").await.unwrap());
    world.cache.reload(&name("a")).await;
    leases.push(world.get("a").await.unwrap());
    // Deactivation, deletion.
    world.deactivate("a").await;
    assert!(matches!(
        world.get("a").await,
        Err(GetError::Inactive { .. })
    ));
    world.activate("a").await;
    leases.push(world.get("a").await.unwrap());
    world.delete("a").await;
    assert!(matches!(
        world.get("a").await,
        Err(GetError::NotFound { .. })
    ));
    // Eviction.
    for id in ["b", "c", "d"] {
        leases.push(world.get(id).await.unwrap());
    }
    eventually("one is evicted", || world.cache.peek(&name("b")).is_none()).await;
    // Idleness.
    pass(Duration::from_mins(3)).await;
    assert!(world.cache.peek(&name("c")).is_none() && world.cache.peek(&name("d")).is_none());

    let serials: Vec<usize> = leases.iter().map(|lease| lease.serial).collect();
    assert_eq!(serials, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(world.workshop.alive(), 7, "all are on lease");
    while let Some(lease) = leases.pop() {
        let serial = lease.serial;
        let clone = lease.clone();
        drop(lease);
        pass(Duration::from_millis(1)).await;
        assert!(!world.workshop.destroyed(serial), "it is on lease");
        drop(clone);
        eventually("it is destroyed", || world.workshop.destroyed(serial)).await;
    }
    assert_eq!(world.workshop.alive(), 0);
    assert_eq!(world.cache.stats().instances, 0);
}

/// The instance that serves goes on serving those who asked before, until its successor is built.
#[tokio::test(start_paused = true)]
async fn a_reload_leaves_the_old_instance_whole_until_the_new_one_is_there() {
    let world = World::new(CacheSettings::default());
    world.put("a").await;
    let old = world.get("a").await.unwrap();
    let serial = old.serial;
    drop(old);
    let gate = world.workshop.gate("a");
    world.put("a").await;
    eventually("it is under way", || world.workshop.begun("a") == 2).await;
    assert_eq!(world.cache.peek(&name("a")).unwrap().serial, serial);
    assert!(!world.workshop.destroyed(serial));
    gate.add_permits(1);
    eventually("the old one is destroyed", || {
        world.workshop.destroyed(serial)
    })
    .await;
    assert_ne!(world.cache.peek(&name("a")).unwrap().serial, serial);
}

/// An id that leaves the cache while it is built: who waits gets what was built for them, once, and nothing stays.
///
/// Mutations: `Slot::retire` takes the instance from under those who wait (they build again); a slot that leaves keeps
/// its instance (destroyed only when the index or moka free the slot, which may be never).
#[tokio::test(start_paused = true)]
async fn an_id_evicted_while_it_is_built_still_serves_those_who_wait() {
    let world = World::new(CacheSettings {
        capacity: 1,
        ..CacheSettings::default()
    });
    for id in ["a", "b"] {
        world.put(id).await;
    }
    world.get("a").await.unwrap();
    let gate = world.workshop.gate("a");
    let newer = world.put("a").await;
    let mut waiting = JoinSet::new();
    world.ask(&mut waiting, "a");
    eventually("it is under way", || world.workshop.begun("a") == 2).await;
    world.get("b").await.unwrap();
    pass(Duration::from_secs(1)).await;
    gate.add_permits(1);
    let lease = waiting.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(lease.revision(), newer);
    assert_eq!(
        world.workshop.begun("a"),
        2,
        "built once more for the one who waited"
    );
    assert!(world.cache.held_for(&name("a")).is_none());
    drop(lease);
    eventually("only the other is left", || world.workshop.alive() == 1).await;
}

/// Mutation: a slot whose build ends as it leaves keeps the instance that was built for nobody.
#[tokio::test(start_paused = true)]
async fn an_id_evicted_while_it_is_refreshed_leaves_no_instance() {
    let world = World::new(CacheSettings {
        capacity: 1,
        ..CacheSettings::default()
    });
    for id in ["a", "b"] {
        world.put(id).await;
    }
    world.get("a").await.unwrap();
    let gate = world.workshop.gate("a");
    world.put("a").await;
    eventually("it is under way", || world.workshop.begun("a") == 2).await;
    world.get("b").await.unwrap();
    pass(Duration::from_secs(1)).await;
    gate.add_permits(1);
    // At once: not when somebody comes by or memory is freed.
    pass(Duration::from_millis(1)).await;
    assert_eq!(world.workshop.alive(), 1);
    assert!(world.cache.held_for(&name("a")).is_none());
}

/// The harshest policy there is, on real threads: whoever asks is served by one build each, never sent around.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_without_room_serves_every_caller_after_one_build() {
    for (capacity, policy) in [(0, EvictionPolicy::Lru), (1, EvictionPolicy::TinyLfu)] {
        let world = Arc::new(World::new(CacheSettings {
            capacity,
            policy,
            ..CacheSettings::default()
        }));
        let ids: Vec<String> = (0..200).map(|n| format!("bot-{n}")).collect();
        for id in &ids {
            world.put(id).await;
        }
        let mut callers = JoinSet::new();
        for id in ids.iter().cycle().take(4_000) {
            world.ask(&mut callers, id);
        }
        for lease in callers.join_all().await {
            lease.unwrap();
        }
        let stats = world.cache.stats();
        assert!(stats.builds <= 4_000, "{stats:?}");
        eventually("all but one are destroyed", || world.workshop.alive() <= 1).await;
    }
}

/// Mutation: the reaper destroys within its own loop.
#[tokio::test(start_paused = true)]
async fn an_instance_that_panics_or_hangs_when_it_is_destroyed_harms_no_other() {
    let world = World::new(CacheSettings::default());
    for (id, behaviour) in [
        ("panics", Behaviour::PanicInDestroy),
        ("hangs", Behaviour::HangInDestroy),
        ("a", Behaviour::Build),
    ] {
        world.workshop.behave(id, behaviour);
        world.put(id).await;
        world.get(id).await.unwrap();
    }
    let deleted = Instant::now();
    for id in ["panics", "hangs", "a"] {
        world.delete(id).await;
    }
    eventually("all were given to the factory", || {
        world.workshop.alive() == 0
    })
    .await;
    assert!(deleted.elapsed() < Duration::from_secs(1));
    eventually("none is waited for any more", || {
        world.cache.stats().instances == 0
    })
    .await;
    assert!(
        deleted.elapsed() <= CacheSettings::default().destroy_deadline + Duration::from_millis(10)
    );
}

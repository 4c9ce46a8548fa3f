use crate::world::{World, eventually, name, pass};
use hotbed_cache::{CacheSettings, EvictionPolicy};
use std::time::Duration;

/// Longer than the keeper takes to learn of uses.
const TICK: Duration = Duration::from_millis(150);

fn held(world: &World) -> Vec<String> {
    let mut ids: Vec<String> = world.cache.ids().iter().map(ToString::to_string).collect();
    ids.sort();
    ids
}

/// Mutation: `note_use` does not tell moka.
#[tokio::test(start_paused = true)]
async fn a_full_cache_lets_the_one_go_that_was_not_used_for_the_longest_time() {
    let world = World::new(CacheSettings {
        capacity: 2,
        ..CacheSettings::default()
    });
    for id in ["a", "b", "c"] {
        world.put(id).await;
    }
    for id in ["a", "b", "a", "c"] {
        world.get(id).await.unwrap();
        pass(TICK).await;
    }
    eventually("one leaves", || held(&world).len() == 2).await;
    assert_eq!(held(&world), ["a", "c"]);
    assert_eq!(world.cache.stats().evictions, 1);
    eventually("it is destroyed", || world.workshop.alive() == 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_use_is_remembered_however_long_it_was_before_the_cache_filled_up() {
    let world = World::new(CacheSettings {
        capacity: 3,
        ..CacheSettings::default()
    });
    for id in ["a", "b", "c", "d"] {
        world.put(id).await;
    }
    for id in ["a", "b", "c"] {
        world.get(id).await.unwrap();
    }
    pass(TICK).await;
    for id in ["c", "a", "b"] {
        world.get(id).await.unwrap();
        pass(TICK).await;
    }
    world.get("d").await.unwrap();
    eventually("one leaves", || held(&world).len() == 3).await;
    assert_eq!(held(&world), ["a", "b", "d"]);
}

/// Mutation: the policy of the settings is not passed on.
#[tokio::test(start_paused = true)]
async fn with_tiny_lfu_a_passer_by_does_not_displace_what_is_used_often() {
    let world = World::new(CacheSettings {
        capacity: 4,
        policy: EvictionPolicy::TinyLfu,
        ..CacheSettings::default()
    });
    let often = ["a", "b", "c", "d"];
    for id in often {
        world.put(id).await;
    }
    for _ in 0..20 {
        for id in often {
            world.get(id).await.unwrap();
        }
        pass(TICK).await;
    }
    for n in 0..50 {
        let id = format!("passer-by-{n}");
        world.put(&id).await;
        world.get(&id).await.unwrap();
    }
    pass(TICK).await;
    assert_eq!(held(&world), often);
}

/// Mutation: a refresh by the cache itself counts as a use (nothing that is renewed or retried is ever idle).
#[tokio::test(start_paused = true)]
async fn an_instance_that_nobody_uses_leaves_although_it_is_renewed_and_changed_meanwhile() {
    let world = World::new(CacheSettings {
        ttl: Duration::from_secs(10),
        idle: Duration::from_mins(1),
        ..CacheSettings::default()
    });
    for id in ["used", "unused", "changed"] {
        world.put(id).await;
        world.get(id).await.unwrap();
    }
    for _ in 0..70 {
        pass(Duration::from_secs(1)).await;
        world.get("used").await.unwrap();
        world.put("changed").await;
    }
    assert_eq!(held(&world), ["used"]);
    assert_eq!(world.cache.stats().evictions, 2);
    assert_eq!(world.workshop.begun("used"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_confirmed_is_idle_some_day_too() {
    let world = World::new(CacheSettings {
        ttl: Duration::from_secs(10),
        idle: Duration::from_mins(1),
        ..CacheSettings::default()
    });
    world.put("a").await;
    world.get("a").await.unwrap();
    world.backend.set(crate::world::Health::Down);
    pass(Duration::from_secs(70)).await;
    assert!(world.cache.held_for(&name("a")).is_none());
    eventually("it is destroyed", || world.workshop.alive() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn stats_tell_exactly_what_happened() {
    let world = World::new(CacheSettings::default());
    world.put("a").await;
    for _ in 0..10 {
        world.get("a").await.unwrap();
    }
    world.get("unknown").await.unwrap_err();
    world.get("no/id").await.unwrap_err();
    let stats = world.cache.stats();
    assert_eq!((stats.hits, stats.misses), (9, 2));
    assert_eq!((stats.builds, stats.build_failures), (1, 0));
    assert_eq!((stats.size, stats.instances), (2, 1));
    // Absences that are no longer remembered are no evictions.
    pass(Duration::from_secs(10)).await;
    let stats = world.cache.stats();
    assert_eq!((stats.size, stats.evictions), (1, 0));
}

#[test]
fn hits_are_counted_exactly_on_however_many_threads() {
    const THREADS: u64 = 48;
    const READS: u64 = 1_000;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(async {
        let world = World::new(CacheSettings::default());
        world.put("a").await;
        world.get("a").await.unwrap();
        world
    });
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..READS {
                    world.cache.hit("a").unwrap();
                }
            });
        }
    });
    assert_eq!(world.cache.stats().hits, THREADS * READS);
    let _in_runtime = runtime.enter();
    drop(world);
}

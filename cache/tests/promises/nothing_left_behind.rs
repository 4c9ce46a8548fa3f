use crate::world::{World, eventually, pass};
use hotbed_cache::CacheSettings;
use std::time::Duration;

/// Unknown ids. Without optimisation each takes the time of ten.
const UNKNOWN: usize = if cfg!(debug_assertions) {
    200_000
} else {
    1_000_000
};

/// A flood of unknown ids, and thousands that come and go: no instance is evicted for them, and once they are no longer
/// remembered the index is as small as it was, and every instance and task is gone.
///
/// Mutations: `is_spent` is never true; the vacant house has no capacity of its own; the keeper does not unlist; a
/// closed cache leaves its refresher running.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_left_behind() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let world = World::new(CacheSettings {
        capacity: 100,
        negative_ttl: Duration::from_millis(50),
        ..CacheSettings::default()
    });
    for n in 0..100 {
        let id = format!("bot-{n}");
        world.put(&id).await;
        world.get(&id).await.unwrap();
    }
    let mut most = 0;
    for n in 0..UNKNOWN {
        world
            .cache
            .get_or_create(&format!("unknown-{n}"))
            .await
            .unwrap_err();
        if n % 1_000 == 0 {
            most = most.max(world.cache.stats().size);
        }
    }
    assert!(most < 10_000, "{most} ids at once");
    eventually("unknown ids are forgotten", || {
        world.cache.stats().size == 100
    })
    .await;
    assert_eq!(
        world.workshop.all_begun(),
        100,
        "none of the hundred was built twice"
    );
    assert_eq!(world.workshop.alive(), 100);

    for n in 0..2_000 {
        let id = format!("guest-{n}");
        world.put(&id).await;
        // Not to be evicted by the next.
        drop(world.cache.get_or_create(&id).await.unwrap());
        world.delete(&id).await;
        world.get(&id).await.unwrap_err();
    }
    eventually("guests are forgotten", || world.cache.stats().size <= 100).await;
    eventually("guests are destroyed", || world.workshop.alive() <= 100).await;

    world.cache.close(Duration::from_secs(10)).await.unwrap();
    assert_eq!(world.workshop.alive(), 0);
    drop(world);
    eventually("no task is left", || tasks() == before).await;
}

/// Mutation: the keeper ends without taking the instances down (what moka and the index have not freed yet keeps its
/// instance for ever).
#[tokio::test(start_paused = true)]
async fn a_cache_that_is_dropped_without_being_closed_leaves_no_instance_and_no_task() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let world = World::new(CacheSettings::default());
    let workshop = world.workshop.clone();
    let mut leases = Vec::new();
    for n in 0..500 {
        let id = n.to_string();
        world.put(&id).await;
        world.get(&id).await.unwrap();
        if n % 2 == 0 {
            world.put(&id).await;
        }
        if n % 100 == 0 {
            leases.push(world.get(&id).await.unwrap());
        }
    }
    let hanging = crate::world::Behaviour::Hang;
    workshop.behave("7", hanging);
    world.put("7").await;
    pass(Duration::from_secs(1)).await;
    drop(world);
    eventually("all but the leased are destroyed", || {
        workshop.alive() == leases.len()
    })
    .await;
    drop(leases);
    eventually("all are destroyed", || workshop.alive() == 0).await;
    eventually("no task is left", || tasks() == before).await;
}

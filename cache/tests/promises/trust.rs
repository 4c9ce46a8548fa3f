use crate::world::{Behaviour, Health, World, eventually, name, pass};
use hotbed_cache::{CacheSettings, GetError, InstanceState};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

fn settings() -> CacheSettings {
    CacheSettings {
        ttl: Duration::from_secs(10),
        negative_ttl: Duration::from_secs(5),
        ..CacheSettings::default()
    }
}

/// Mutation: `begin` confirms nothing, so every expiry is a rebuild.
#[tokio::test(start_paused = true)]
async fn when_the_trust_runs_out_the_instance_is_confirmed_and_not_rebuilt() {
    let world = World::deaf(settings());
    let revision = world.put("a").await;
    let serial = world.get("a").await.unwrap().serial;
    for _ in 0..300 {
        pass(Duration::from_secs(1)).await;
        assert_eq!(world.get("a").await.unwrap().serial, serial);
    }
    let stats = world.cache.stats();
    assert_eq!(stats.builds, 1);
    assert!((29..=60).contains(&stats.renewals), "{stats:?}");
    // And what nobody told of is found within one TTL.
    let newer = world.put("a").await;
    assert_eq!(world.serves("a").await, revision);
    pass(settings().ttl + Duration::from_millis(200)).await;
    assert_eq!(world.serves("a").await, newer);
}

/// Mutation: the keeper renews whatever is live.
#[tokio::test(start_paused = true)]
async fn what_nobody_uses_is_not_renewed_and_the_next_reader_gets_the_truth() {
    let world = World::deaf(settings());
    world.put("a").await;
    world.get("a").await.unwrap();
    pass(Duration::from_mins(10)).await;
    let gets = world.backend.gets();
    assert!(gets <= 3, "{gets} reads");
    let newer = world.put("a").await;
    assert_eq!(world.serves("a").await, newer);
}

#[tokio::test(start_paused = true)]
async fn when_the_trust_runs_out_while_the_registry_is_down_the_instance_serves_on_and_says_so() {
    let world = World::deaf(settings());
    world.put("a").await;
    let serial = world.get("a").await.unwrap().serial;
    world.backend.set(Health::Down);
    let cut = Instant::now();
    while cut.elapsed() < Duration::from_mins(2) {
        pass(Duration::from_millis(500)).await;
        assert_eq!(world.get("a").await.unwrap().serial, serial);
    }
    assert_eq!(world.state("a"), Some(InstanceState::Degraded));
    world.backend.set(Health::Well);
    eventually("it recovers without a reader", || {
        world.state("a") == Some(InstanceState::Ready)
    })
    .await;
    assert_eq!(world.get("a").await.unwrap().serial, serial);
}

/// Mutation: `jittered_ttl` is the TTL.
#[tokio::test(start_paused = true)]
async fn instances_built_at_once_do_not_run_out_at_once_and_none_lasts_longer_than_its_ttl() {
    let settings = CacheSettings {
        ttl: Duration::from_secs(100),
        ttl_jitter: 0.5,
        ..CacheSettings::default()
    };
    let world = World::deaf(settings);
    let ids: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    for id in &ids {
        world.put(id).await;
        world.get(id).await.unwrap();
    }
    let began = Instant::now();
    let mut ends = BTreeSet::new();
    while world.cache.stats().renewals < 200 {
        let before = world.cache.stats().renewals;
        pass(Duration::from_secs(1)).await;
        for id in &ids {
            world.get(id).await.unwrap();
        }
        if world.cache.stats().renewals > before {
            ends.insert(began.elapsed().as_secs());
        }
    }
    assert!(ends.len() > 20, "in {} seconds only", ends.len());
    assert!(began.elapsed() <= Duration::from_secs(102));
}

#[tokio::test(start_paused = true)]
async fn a_hundred_reads_of_an_unknown_id_cost_the_registry_one() {
    let world = World::new(settings());
    for _ in 0..100 {
        assert!(matches!(
            world.get("a").await,
            Err(GetError::NotFound { .. })
        ));
    }
    assert_eq!(world.backend.gets(), 1);
    assert_eq!(world.workshop.all_begun(), 0);
    // Created on this node it is there at once.
    let created = world.put("a").await;
    assert_eq!(world.serves("a").await, created);
}

#[tokio::test(start_paused = true)]
async fn an_id_created_where_nobody_tells_is_found_once_its_absence_is_no_longer_trusted() {
    let world = World::deaf(settings());
    world.get("a").await.unwrap_err();
    let created = world.put("a").await;
    world.get("a").await.unwrap_err();
    pass(settings().negative_ttl).await;
    assert_eq!(world.serves("a").await, created);
}

/// Mutation: settings are used as they come (the keeper panics, and with it the clock stops).
#[tokio::test(start_paused = true)]
async fn settings_without_end_mean_never() {
    let world = World::new(CacheSettings {
        capacity: u64::MAX,
        ttl: Duration::MAX,
        negative_ttl: Duration::MAX,
        idle: Duration::MAX,
        build_deadline: Duration::MAX,
        destroy_deadline: Duration::MAX,
        backoff: Duration::MAX,
        max_backoff: Duration::MAX,
        refreshes: usize::MAX,
        ..CacheSettings::default()
    });
    world.put("a").await;
    world.put("b").await;
    let serial = world.get("a").await.unwrap().serial;
    world.workshop.behave("b", Behaviour::Fail);
    world.get("b").await.unwrap_err();
    pass(Duration::from_mins(30)).await;
    assert_eq!(world.get("a").await.unwrap().serial, serial);
    assert_eq!(world.workshop.begun("b"), 1);
    assert_eq!(world.backend.gets(), 2);
    world.delete("a").await;
    world.cache.close(Duration::from_secs(1)).await.unwrap();
    assert!(world.cache.held_for(&name("a")).is_none());
}

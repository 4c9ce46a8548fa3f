//! Settings that change while the cache is at work.

use crate::world::{World, pass};
use hotbed_cache::CacheSettings;
use std::time::Duration;

/// A smaller cache keeps what was used last, and lets go of the rest at the next tick; a larger one has room again.
/// Nobody who holds a lease notices.
///
/// Mutations, each tried: the slots are housed in the reverse order of use; moka keeps its capacity.
#[tokio::test(start_paused = true)]
async fn a_cache_becomes_smaller_and_larger_while_it_serves() {
    let world = World::new(CacheSettings::default());
    let ids: Vec<String> = (0..20).map(|n| format!("bot-{n}")).collect();
    for id in &ids {
        world.put(id).await;
        world.get(id).await.unwrap();
        pass(Duration::from_millis(200)).await;
    }
    let held = world.get("bot-0").await.unwrap();
    pass(Duration::from_millis(200)).await;

    world.cache.resize(5, CacheSettings::default().ttl);
    pass(Duration::from_millis(200)).await;
    let serving = |id: &String| world.cache.hit(id).is_some();
    let stay: Vec<&str> = ids
        .iter()
        .filter(|id| serving(id))
        .map(String::as_str)
        .collect();
    assert_eq!(stay, ["bot-0", "bot-16", "bot-17", "bot-18", "bot-19"]);
    assert!(!world.workshop.destroyed(held.serial));

    world.cache.resize(100, CacheSettings::default().ttl);
    pass(Duration::from_millis(200)).await;
    for id in &ids {
        world.get(id).await.unwrap();
    }
    pass(Duration::from_millis(200)).await;
    assert!(ids.iter().all(serving));
}

/// A shorter TTL also holds for trust that was given before.
///
/// Mutations, each tried: `adopt_settings` leaves the trust of what is installed; settings are read once.
#[tokio::test(start_paused = true)]
async fn a_shorter_ttl_is_seen_at_once() {
    let world = World::deaf(CacheSettings::default());
    world.put("a").await;
    world.get("a").await.unwrap();
    let newer = world.put("a").await;
    let capacity = CacheSettings::default().capacity;
    world.cache.resize(capacity, Duration::from_secs(1));
    pass(Duration::from_secs(2)).await;
    assert_eq!(world.serves("a").await, newer);
    for _ in 0..3 {
        let newer = world.put("a").await;
        pass(Duration::from_secs(2)).await;
        assert_eq!(world.serves("a").await, newer);
    }
}

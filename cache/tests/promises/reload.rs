use crate::world::{Behaviour, World, name};
use hotbed_cache::{CacheSettings, Reloaded};

#[tokio::test(start_paused = true)]
async fn a_reload_by_hand_builds_anew_at_the_same_revision_and_says_what_it_did() {
    let world = World::new(CacheSettings::default());
    let revision = world.put("a").await;
    let reload = async || world.cache.reload(&name("a")).await;
    assert!(matches!(reload().await, Reloaded::Added(r) if r == revision));
    let first = world.get("a").await.unwrap().serial;
    assert!(matches!(reload().await, Reloaded::Refreshed(r) if r == revision));
    assert_ne!(world.get("a").await.unwrap().serial, first);

    world.workshop.behave("a", Behaviour::Fail);
    for _ in 0..2 {
        // By hand is at once, whatever the back-off.
        let begun = world.workshop.begun("a");
        assert!(matches!(reload().await, Reloaded::Failed(_)));
        assert_eq!(world.workshop.begun("a"), begun + 1);
        assert_eq!(world.serves("a").await, revision);
    }
    world.workshop.behave("a", Behaviour::Build);
    world.deactivate("a").await;
    assert!(matches!(reload().await, Reloaded::Removed));
    world.delete("a").await;
    assert!(matches!(reload().await, Reloaded::Removed));
}

#[tokio::test(start_paused = true)]
async fn after_an_invalidation_of_everything_each_id_is_built_anew_once() {
    let world = World::new(CacheSettings::default());
    for id in ["a", "b"] {
        world.put(id).await;
        world.get(id).await.unwrap();
    }
    for round in 2..5 {
        world.cache.invalidate_all();
        for id in ["a", "b", "a"] {
            world.get(id).await.unwrap();
        }
        assert_eq!(
            (world.workshop.begun("a"), world.workshop.begun("b")),
            (round, round)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_held_follows_a_registry_that_was_replaced_by_an_empty_one() {
    let world = World::deaf(CacheSettings::default());
    world.put("a").await;
    world.get("a").await.unwrap();
    // No change tells of this: the new registry never had it.
    world.delete("a").await;
    world.cache.begin_era();
    crate::world::eventually("it is gone without a reader", || {
        world.workshop.alive() == 0
    })
    .await;
}

use crate::world::{Behaviour, Health, World, eventually, name, pass};
use hotbed_cache::{CacheSettings, FailureKind, InstanceState};
use std::time::Duration;
use tokio::time::Instant;

/// A new configuration that cannot be built, then a registry that is down, hangs and panics for an hour: the instance
/// that worked goes on serving, at once, and its status says why.
///
/// Mutations: `fail` drops the instance; `ask` has readers wait for each retry; `trouble` is not shown in the state;
/// the keeper does not retry by itself.
#[tokio::test(start_paused = true)]
async fn last_known_good() {
    let world = World::new(CacheSettings::default());
    let good = world.put("a").await;
    let first = world.get("a").await.unwrap();
    world.workshop.behave("a", Behaviour::Fail);
    let bad = world.put("a").await;
    assert_eq!(world.serves("a").await, good);
    let held = world.cache.held_for(&name("a")).unwrap();
    assert_eq!(
        (held.state, held.revision),
        (InstanceState::Degraded, Some(good))
    );
    assert_eq!(held.observed, bad);
    let failure = held.failure.unwrap();
    assert_eq!(
        (failure.kind, failure.revision),
        (FailureKind::Factory, Some(bad))
    );

    for health in [Health::Down, Health::Hanging, Health::Panicking] {
        world.backend.set(health);
        for _ in 0..60 {
            pass(Duration::from_secs(20)).await;
            let asked = Instant::now();
            let lease = world.get("a").await.unwrap();
            assert_eq!(lease.serial, first.serial);
            assert_eq!(asked.elapsed(), Duration::ZERO, "{health:?}");
        }
        assert_eq!(world.state("a"), Some(InstanceState::Degraded));
    }

    // The attempt that the last reader began is over.
    pass(Duration::from_secs(5)).await;
    world.backend.set(Health::Well);
    world.workshop.behave("a", Behaviour::Build);
    eventually("the new one is built without a reader", || {
        world.cache.held_for(&name("a")).unwrap().revision == Some(bad)
    })
    .await;
    assert_eq!(world.state("a"), Some(InstanceState::Ready));
    assert_eq!(world.serves("a").await, bad);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_never_worked_is_built_once_its_configuration_is_mended() {
    let world = World::new(CacheSettings::default());
    world.put("a").await;
    world.workshop.behave("a", Behaviour::Fail);
    world.get("a").await.unwrap_err();
    assert_eq!(world.state("a"), Some(InstanceState::Failed));
    world.workshop.behave("a", Behaviour::Build);
    let mended = world.put("a").await;
    // The back-off was for the old configuration.
    assert_eq!(world.serves("a").await, mended);
}

#[tokio::test(start_paused = true)]
async fn what_is_known_to_be_deleted_does_not_come_back_while_the_registry_is_down() {
    let world = World::new(CacheSettings::default());
    world.put("a").await;
    world.get("a").await.unwrap();
    world.delete("a").await;
    world.backend.set(Health::Down);
    for _ in 0..30 {
        world.get("a").await.unwrap_err();
        pass(Duration::from_secs(1)).await;
    }
    assert_eq!(world.workshop.alive(), 0);
}

use crate::world::{Behaviour, World, eventually, pass};
use hotbed_cache::{CacheSettings, CloseError, GetError};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

const DEADLINE: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn closing_destroys_everything_and_waits_for_the_leases() {
    let world = World::new(CacheSettings::default());
    for id in ["a", "b"] {
        world.put(id).await;
        world.get(id).await.unwrap();
    }
    let lease = world.get("a").await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        pass(DEADLINE / 2).await;
        drop(lease);
    });
    let began = Instant::now();
    world.cache.close(DEADLINE).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), DEADLINE.as_secs() / 2);
    assert_eq!(world.workshop.alive(), 0);
    assert!(matches!(world.get("a").await, Err(GetError::Closed { .. })));
    assert_eq!(world.cache.stats().size, 0);
    world.cache.close(DEADLINE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn closing_names_at_its_deadline_who_is_still_in_use() {
    let world = World::new(CacheSettings::default());
    for id in ["a", "b", "c"] {
        world.put(id).await;
    }
    let lease = world.get("b").await.unwrap();
    let another = lease.clone();
    world.get("c").await.unwrap();
    let began = Instant::now();
    let CloseError { stragglers } = world.cache.close(DEADLINE).await.unwrap_err();
    assert_eq!(stragglers, ["b@2 (2 leases)"]);
    assert_eq!(began.elapsed(), DEADLINE);
    drop((lease, another));
    world.cache.close(DEADLINE).await.unwrap();
}

/// Mutation: a slot that builds when the cache closes keeps the instance that its build was to replace.
#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_builds_and_leaves_none_of_their_instances() {
    let world = World::new(CacheSettings::default());
    for id in ["rebuilds", "begins"] {
        world.put(id).await;
    }
    world.get("rebuilds").await.unwrap();
    for id in ["rebuilds", "begins"] {
        world.workshop.behave(id, Behaviour::Hang);
    }
    world.put("rebuilds").await;
    let mut waiting = JoinSet::new();
    world.ask(&mut waiting, "rebuilds");
    world.ask(&mut waiting, "begins");
    eventually("both are under way", || world.workshop.all_begun() == 3).await;
    let began = Instant::now();
    world.cache.close(DEADLINE).await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    for answer in waiting.join_all().await {
        assert!(matches!(answer, Err(GetError::Closed { .. })));
    }
    assert_eq!(world.workshop.alive(), 0);
}

/// Mutation: `miss` does not look whether the cache is closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_cache_calls_no_factory() {
    for _ in 0..200 {
        let world = World::new(CacheSettings::default());
        for n in 0..10 {
            world.put(&n.to_string()).await;
        }
        let mut callers = JoinSet::new();
        for n in 0..100 {
            let cache = Arc::clone(&world.cache);
            callers.spawn(async move { drop(cache.get_or_create(&(n % 10).to_string()).await) });
        }
        tokio::task::yield_now().await;
        world.cache.close(DEADLINE).await.unwrap();
        callers.join_all().await;
        let begun = world.workshop.all_begun();
        for n in 0..10 {
            let answer = world.get(&n.to_string()).await;
            assert!(matches!(answer, Err(GetError::Closed { .. })), "{answer:?}");
        }
        tokio::task::yield_now().await;
        assert_eq!(world.workshop.all_begun(), begun);
        eventually("all are destroyed", || world.workshop.alive() == 0).await;
    }
}

/// Mutation: the factory's task is not tracked (it could make an instance after the cache was closed).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_waits_for_a_factory_that_cannot_be_stopped() {
    let world = World::new(CacheSettings::default());
    world.put("a").await;
    let (until, blocked) = mpsc::channel();
    let blocked = Arc::new(Mutex::new(blocked));
    world.workshop.behave("a", Behaviour::Block(blocked));
    let mut waiting = JoinSet::new();
    world.ask(&mut waiting, "a");
    eventually("it is at work", || world.workshop.begun("a") == 1).await;
    let closed = world.cache.close(Duration::from_millis(50)).await;
    assert_eq!(
        closed.unwrap_err().stragglers,
        ["a factory that does not stop"]
    );
    drop(until);
    world.cache.close(DEADLINE).await.unwrap();
    assert_eq!(world.workshop.alive(), 0);
}

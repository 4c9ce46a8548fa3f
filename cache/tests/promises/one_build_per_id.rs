use crate::world::{Behaviour, World, eventually, name, pass};
use hotbed_cache::{CacheSettings, FailureKind, GetError, InstanceState, Revision};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

const CALLERS: usize = 10_000;

/// One cold id, ten thousand callers at once on all threads, half of whom give up: one call of the factory.
///
/// The factory itself fails when it is called twice at once. Mutations: `Machine::start` also begins while a build is
/// under way; a build that runs within the first caller's future (dropped with it, so nobody is ever answered).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_build_per_id() {
    let world = World::new(CacheSettings::default());
    let revision = world.put("a").await;
    let gate = world.workshop.gate("a");
    let mut callers = JoinSet::new();
    world.ask(&mut callers, "a");
    eventually("the build begins", || world.workshop.begun("a") == 1).await;
    // The very caller that began it is the first to give up.
    callers.shutdown().await;
    for _ in 0..CALLERS {
        world.ask(&mut callers, "a");
    }
    let mut impatient = JoinSet::new();
    for _ in 0..CALLERS {
        world.ask(&mut impatient, "a");
    }
    impatient.shutdown().await;
    gate.add_permits(1);
    let mut serials = Vec::new();
    while let Some(lease) = callers.join_next().await {
        let lease = lease.unwrap().unwrap();
        assert_eq!(lease.revision(), revision);
        serials.push(lease.serial);
    }
    assert_eq!(serials.len(), CALLERS);
    assert!(serials.iter().all(|serial| *serial == serials[0]));
    assert_eq!(world.workshop.begun("a"), 1);
}

/// However many ask for what cannot be built, the factory is called at the first ask and then once per step of the
/// back-off, whether they ask all the time or now and then.
///
/// Mutations: `ask` begins a build whenever it must wait; `fail` does not count attempts; `is_spent` forgets a failure
/// once its retry is due.
#[tokio::test(start_paused = true)]
async fn a_failing_factory_is_called_once_per_back_off_step_however_many_ask() {
    for pause in [Duration::from_millis(3), Duration::from_millis(900)] {
        let world = World::new(CacheSettings {
            backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(8),
            ..CacheSettings::default()
        });
        world.put("a").await;
        world.workshop.behave("a", Behaviour::Fail);
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            world.ask(&mut callers, "a");
        }
        for answer in callers.join_all().await {
            let Err(GetError::Failed { failure, .. }) = answer else {
                panic!("{answer:?}");
            };
            assert_eq!(failure.kind, FailureKind::Factory);
        }
        assert_eq!(world.workshop.begun("a"), 1);
        let first = Instant::now();
        while first.elapsed() < Duration::from_secs(40) {
            world.get("a").await.unwrap_err();
            pass(pause).await;
        }
        // After 0.5, 1, 2, 4, 8, 8, 8, 8 s, each up to a quarter early and up to a pause late.
        let calls = world.workshop.begun("a");
        assert!(
            (7..=11).contains(&calls),
            "{calls} calls, asked every {pause:?}"
        );
    }
}

/// What changed waits in a queue to be built early; when a reader had it built first, and it failed, the queue's turn
/// is not an attempt out of turn.
///
/// Mutation: the refresher starts whatever has no build under way.
#[tokio::test(start_paused = true)]
async fn a_queued_refresh_does_not_call_a_failing_factory_before_its_time() {
    let world = World::new(CacheSettings {
        refreshes: 1,
        backoff: Duration::from_secs(30),
        ..CacheSettings::default()
    });
    for id in ["slow", "a"] {
        world.put(id).await;
        world.get(id).await.unwrap();
    }
    let gate = world.workshop.gate("slow");
    world.workshop.behave("a", Behaviour::Fail);
    world.put("slow").await;
    world.put("a").await;
    eventually("the queue is held up", || world.workshop.begun("slow") == 2).await;
    world.get("a").await.unwrap();
    assert_eq!(world.workshop.begun("a"), 2);
    gate.add_permits(1);
    eventually("the queue moves on", || {
        world.state("slow") == Some(InstanceState::Ready)
    })
    .await;
    pass(Duration::from_secs(1)).await;
    assert_eq!(world.workshop.begun("a"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_of_slow_refreshes_does_not_delay_a_reader() {
    let world = World::new(CacheSettings::default());
    let slow: Vec<String> = (0..CacheSettings::default().refreshes)
        .map(|n| format!("slow-{n}"))
        .collect();
    for id in slow.iter().map(String::as_str).chain(["a"]) {
        world.put(id).await;
        world.get(id).await.unwrap();
    }
    for id in &slow {
        world.workshop.behave(id, Behaviour::Hang);
        world.put(id).await;
    }
    eventually("the queue is full", || {
        slow.iter().all(|id| world.workshop.begun(id) == 2)
    })
    .await;
    let revision = world.put("a").await;
    let asked = Instant::now();
    assert_eq!(world.serves("a").await, revision);
    assert!(
        asked.elapsed() < Duration::from_millis(1),
        "it waited in the queue"
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_id_delays_no_other() {
    let world = World::new(CacheSettings::default());
    world.workshop.behave("slow", Behaviour::Hang);
    for id in ["slow", "a"] {
        world.put(id).await;
    }
    let mut callers = JoinSet::new();
    world.ask(&mut callers, "slow");
    eventually("it is under way", || world.workshop.begun("slow") == 1).await;
    let asked = Instant::now();
    world.get("a").await.unwrap();
    assert!(asked.elapsed() < Duration::from_millis(1));
}

/// Mutation: the factory is awaited without a deadline.
#[tokio::test(start_paused = true)]
async fn a_hanging_factory_fails_at_its_deadline_and_is_stopped() {
    let settings = CacheSettings::default();
    let world = World::new(settings.clone());
    world.put("a").await;
    world.workshop.behave("a", Behaviour::Hang);
    let asked = Instant::now();
    let Err(GetError::Failed {
        failure, retry_in, ..
    }) = world.get("a").await
    else {
        panic!("it was built");
    };
    assert_eq!(failure.kind, FailureKind::Deadline);
    assert_eq!(failure.revision, Some(Revision(1)));
    assert_eq!(asked.elapsed(), settings.build_deadline);
    assert!(retry_in <= settings.backoff);
    // The next call would fail if the last were still at work.
    world.workshop.behave("a", Behaviour::Build);
    pass(settings.backoff).await;
    world.get("a").await.unwrap();
}

/// Mutations: the factory runs in the build's own task; `round` runs without `catch_unwind`.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_factory_or_in_the_registry_harms_only_its_own_id() {
    let world = World::new(CacheSettings::default());
    for id in ["a", "b", "c"] {
        world.put(id).await;
    }
    world.get("b").await.unwrap();
    world.workshop.behave("a", Behaviour::Panic);
    let Err(GetError::Failed { failure, .. }) = world.get("a").await else {
        panic!("it was built");
    };
    assert_eq!(failure.kind, FailureKind::Panic);
    world.backend.set(crate::world::Health::Panicking);
    let Err(GetError::Failed { failure, .. }) = world.get("c").await else {
        panic!("it was built");
    };
    assert_eq!(failure.kind, FailureKind::Panic);
    assert!(failure.message.ends_with("told to panic"), "{failure}");
    world.get("b").await.unwrap();
    world.backend.set(crate::world::Health::Well);
    world.workshop.behave("a", Behaviour::Build);
    pass(Duration::from_secs(1)).await;
    world.get("a").await.unwrap();
    world.get("c").await.unwrap();
}

/// Mutation: `Next::Rest` although something newer was observed.
#[tokio::test(start_paused = true)]
async fn a_build_that_is_superseded_while_it_runs_is_followed_by_one_that_is_not() {
    let world = World::new(CacheSettings::default());
    world.put("a").await;
    let gate = world.workshop.gate("a");
    let mut early = JoinSet::new();
    world.ask(&mut early, "a");
    eventually("it is under way", || world.workshop.begun("a") == 1).await;
    let newer = world.put("a").await;
    let mut late = JoinSet::new();
    world.ask(&mut late, "a");
    gate.add_permits(2);
    // Who asked before the write may have either.
    early.join_next().await.unwrap().unwrap().unwrap();
    let lease = late.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(lease.revision(), newer);
    assert_eq!(world.workshop.begun("a"), 2);
    assert_eq!(world.cache.held_for(&name("a")).unwrap().observed, newer);
}

//! Mods that block, panic, hang and flood, on real threads.

use crate::world::{Act, Recipe, Step, World, desired, event, eventually, in_background};
use hotbed_mods::{Cascade, HostSettings, Outcome};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::time::Instant;

/// Less than any test waits, and enough for a machine that is busy.
const DEADLINE: Duration = Duration::from_millis(300);

fn impatient() -> HostSettings {
    HostSettings {
        initialize_deadline: DEADLINE,
        start_deadline: DEADLINE,
        health_deadline: DEADLINE,
        event_deadline: DEADLINE,
        drain_deadline: DEADLINE,
        stop_deadline: DEADLINE,
        concurrency: 4,
        queue: 4,
        ..HostSettings::default()
    }
}

/// What blocks until it is released.
fn block() -> (mpsc::Sender<()>, Act) {
    let (release, blocked) = mpsc::channel();
    (release, Act::Block(Arc::new(Mutex::new(blocked))))
}

/// B6: a mod that took three seconds to initialize froze the whole server.
///
/// Caught: steps that run on the threads of the runtime.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mod_that_blocks_its_thread_in_any_step_keeps_nobody_else_from_working() {
    for step in [Step::Initialize, Step::Start, Step::Health, Step::Stop] {
        let world = World::with(impatient());
        world.run(&["good"]).await;
        let (release, act) = block();
        world.shop.behave("bad", step, act);
        let host = world.host.clone();
        let loading = in_background(async move { host.load(desired("bad")).await });
        let mut answered = 0;
        while !loading.is_finished() {
            assert!(world.answer("to_good.ping").await.is_some());
            answered += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let loaded = loading.await.unwrap();
        assert_eq!(loaded.is_ok(), step == Step::Stop, "{step:?}: {loaded:?}");
        if step == Step::Stop {
            let unloaded = world.host.unload("bad", Cascade::Refuse).await.unwrap();
            assert_eq!(unloaded.troubles.len(), 1, "{unloaded:?}");
        } else {
            assert!(answered > 10, "{step:?}: only {answered} while it blocked");
        }
        assert!(
            world.host.leftovers().threads > 0,
            "{step:?}: it blocks still, and is counted"
        );
        drop(release);
        eventually("it let go", || world.host.leftovers().threads == 0).await;
        world.run(&[]).await;
        eventually("all are gone", || world.shop.alive() == 0).await;
    }
}

/// Mods that block, hang, panic and flood, all at once, while another one serves.
///
/// Caught: a lane for all mods together; handlers that run on the threads of the runtime.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mod_serves_while_others_block_hang_panic_and_flood() {
    let world = Arc::new(World::with(impatient()));
    let (release, blocks) = block();
    for (name, act) in [
        ("blocks", blocks),
        ("hangs", Act::Hang),
        ("panics", Act::Panic),
    ] {
        world.shop.behave(name, Step::Handle, act);
    }
    world.shop.change("good", |recipe| {
        recipe.placement = hotbed_mods::Placement::Tasks;
    });
    world
        .run(&["good", "blocks", "hangs", "panics", "flooded"])
        .await;
    let over = Arc::new(AtomicBool::new(false));
    let mut load = Vec::new();
    for target in ["blocks", "hangs", "panics", "flooded", "flooded", "flooded"] {
        let (world, over) = (Arc::clone(&world), Arc::clone(&over));
        load.push(in_background(async move {
            while !over.load(SeqCst) {
                let name = format!("to_{target}.ping");
                let floods = (0..8).map(|_| world.host.dispatch(event(&name)));
                futures::future::join_all(floods).await;
                tokio::task::yield_now().await;
            }
        }));
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..300 {
        let began = Instant::now();
        let dispatched = world.send("to_good.ping").await;
        slowest = slowest.max(began.elapsed());
        assert!(
            matches!(dispatched.outcome, Outcome::Answered { .. }),
            "{dispatched:?}"
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // One that waits for a thread that blocks, or behind one that hangs, takes as long as the deadline.
    assert!(slowest < DEADLINE, "the slowest took {slowest:?}");
    let tally = world.host.status("good").unwrap().tally;
    assert_eq!((tally.failed, tally.refused), (0, 0));
    for name in ["blocks", "hangs", "panics"] {
        assert!(world.host.status(name).unwrap().tally.failed > 0, "{name}");
    }
    over.store(true, SeqCst);
    for task in load {
        task.await.unwrap();
    }
    drop(release);
    world.run(&[]).await;
    eventually("all are gone", || {
        world.shop.alive() == 0 && world.host.leftovers().is_empty()
    })
    .await;
}

/// Files are read on the runtime's own threads for what blocks: a mod that took all of them kept the registry from being read.
///
/// Caught: a mod that runs on those.
#[test]
fn a_mod_that_blocks_takes_no_thread_that_others_need() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(1);
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::with(impatient());
        let (release, act) = block();
        world.shop.behave("bad", Step::Handle, act);
        world.run(&["bad"]).await;
        world.send("to_bad.ping").await;
        assert_eq!(world.host.leftovers().threads, 1, "it blocks still");
        let others = tokio::task::spawn_blocking(|| "done");
        let others = tokio::time::timeout(Duration::from_mins(1), others).await;
        assert_eq!(others.unwrap().unwrap(), "done");
        drop(release);
        world.run(&[]).await;
        world.assert_empty().await;
    });
}

/// A mod that blocks when it is asked how it is is not asked again and again: each time would take a thread.
///
/// Caught: asked without a look at whether it is being asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mod_that_blocks_when_it_is_asked_how_it_is_takes_one_thread_and_no_more() {
    let world = World::with(impatient());
    world.run(&["good"]).await;
    let (release, act) = block();
    // It is well when it comes up, and blocks from then on.
    release.send(()).unwrap();
    world.shop.behave("bad", Step::Health, act);
    world.host.load(desired("bad")).await.unwrap();
    for _ in 0..4 {
        world.host.check_health().await;
        assert_eq!(world.host.leftovers().threads, 1);
    }
    assert!(!world.host.status("bad").unwrap().health.unwrap().healthy);
    assert!(world.host.status("good").unwrap().is_well());
    drop(release);
    eventually("it has answered", || world.host.leftovers().threads == 0).await;
    world.host.check_health().await;
    assert!(world.host.status("bad").unwrap().is_well());
    world.run(&[]).await;
    world.assert_empty().await;
}

/// A panic when a mod is dropped is caught like any other, wherever it comes from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mod_that_panics_when_it_is_dropped_is_gone() {
    let world = World::with(impatient());
    world
        .shop
        .stock("bad", Recipe::new("bad").act(Step::Drop, Act::Panic));
    world.run(&["bad", "good"]).await;
    world.run(&["good"]).await;
    world.host.retired("bad").await;
    assert!(world.answer("to_good.ping").await.is_some());
    world.run(&[]).await;
    world.assert_empty().await;
}

//! Everything at once, and what must hold all the same.

use crate::world::{Act, Recipe, Shop, Step, World, config, desired, event, id, in_background};
use hotbed_mods::{
    CallFailureKind, Cascade, Desired, HostSettings, LoadError, ModHost, NoticeKind, Outcome,
    Priority, UnloadError,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

const NAMES: [&str; 5] = ["aa", "bb", "cc", "dd", "ee"];

/// What the notices of one mod may say, one after the other.
///
/// | | not in service | in service |
/// |---|---|---|
/// | loaded | → in service | never |
/// | reloaded | never | the generation grows |
/// | unloaded | never | → not in service, with the generation that was |
/// | failed | with no generation | with the one in service |
#[derive(Default)]
struct Model {
    in_service: BTreeMap<String, u64>,
    newest: u64,
}

impl Model {
    fn hear(&mut self, notices: &mut Receiver<hotbed_mods::Notice>) {
        loop {
            let notice = match notices.try_recv() {
                Ok(notice) => notice,
                Err(TryRecvError::Empty) => return,
                Err(error) => panic!("{error}"),
            };
            let name = notice.id.to_string();
            let before = self.in_service.get(&name).copied();
            let number = notice.generation.unwrap_or(0);
            match notice.kind {
                NoticeKind::Loaded => assert_eq!(before, None, "{notice:?}"),
                NoticeKind::Reloaded => {
                    assert!(before.is_some_and(|before| before < number), "{notice:?}");
                }
                NoticeKind::Unloaded => assert_eq!(before, Some(number), "{notice:?}"),
                _ => assert_eq!(before, notice.generation, "{notice:?}"),
            }
            match notice.kind {
                NoticeKind::Unloaded => {
                    self.in_service.remove(&name);
                }
                NoticeKind::Loaded | NoticeKind::Reloaded => {
                    self.newest = self.newest.max(number);
                    self.in_service.insert(name, number);
                }
                _ => {}
            }
        }
    }
}

/// A recipe that is sometimes not good.
fn some_recipe(random: &mut StdRng, name: &str) -> Recipe {
    let mut recipe = Recipe::new(name);
    recipe.digest = random.random_range(0..3_u8).to_string();
    recipe.manifest.priority = Priority(random.random_range(10..60));
    // Those with a later name depend on an earlier one, now and then.
    let at = NAMES.iter().position(|other| *other == name).unwrap_or(0);
    if at > 0 && random.random_bool(0.5) {
        recipe = recipe.on(&[NAMES[random.random_range(0..at)]]);
    }
    let acts = [Act::Fail, Act::Panic, Act::Hang, Act::No];
    let act = |random: &mut StdRng| acts[random.random_range(0..acts.len())].clone();
    for (step, share) in [
        (Step::Open, 0.05),
        (Step::Construct, 0.05),
        (Step::Initialize, 0.1),
        (Step::Start, 0.1),
        (Step::Health, 0.05),
        (Step::Handle, 0.2),
        (Step::Stop, 0.2),
        (Step::Drop, 0.1),
    ] {
        if random.random_bool(share) {
            recipe = recipe.act(step, act(random));
        }
    }
    recipe
}

fn some_desired(random: &mut StdRng, name: &str) -> Desired {
    Desired {
        config: Ok(config(json!({"x": random.random_range(0..3)}))),
        enabled: random.random_bool(0.8),
        priority: random
            .random_bool(0.3)
            .then_some(Priority(random.random_range(10..60))),
        revision: random.random_range(0..10),
        ..desired(name)
    }
}

/// One of the things that somebody does, and whether its outcome is one that may be.
async fn one_thing(host: &ModHost, shop: &Shop, random: &mut StdRng) {
    let name = NAMES[random.random_range(0..NAMES.len())];
    match random.random_range(0..9) {
        0 | 1 => {
            let wanted = some_desired(random, name);
            let enabled = wanted.enabled;
            match host.load(wanted).await {
                Ok(status) => assert!(!enabled || status.generation.is_some(), "{status:?}"),
                Err(LoadError::AlreadyLoaded { .. } | LoadError::Failed { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        2 | 3 => {
            let cascade = if random.random_bool(0.5) {
                Cascade::Dependents
            } else {
                Cascade::Refuse
            };
            match host.unload(name, cascade).await {
                Ok(unloaded) => assert!(unloaded.ids.contains(&id(name)), "{unloaded:?}"),
                Err(UnloadError::NotLoaded { .. }) => {}
                Err(UnloadError::Needed { by, .. }) => {
                    assert!(cascade == Cascade::Refuse && !by.is_empty());
                }
                Err(error) => panic!("{error}"),
            }
        }
        4 => match host.reload(name).await {
            Ok(report) => assert!(report.removed.is_empty(), "{report}"),
            Err(UnloadError::NotLoaded { .. } | UnloadError::Disabled { .. }) => {}
            Err(error) => panic!("{error}"),
        },
        5 => {
            let some = NAMES
                .iter()
                .filter(|_| random.random_bool(0.6))
                .copied()
                .collect::<Vec<_>>();
            let mut wanted: Vec<Desired> =
                some.iter().map(|name| some_desired(random, name)).collect();
            wanted.push(desired("steady"));
            let report = if random.random_bool(0.3) {
                host.rediscover(wanted.clone()).await
            } else {
                host.reconcile(wanted.clone()).await
            };
            let wanted: BTreeSet<String> = wanted
                .iter()
                .map(|desired| desired.id.to_string())
                .collect();
            assert!(
                report.failed.keys().all(|id| wanted.contains(id.as_str())),
                "{report}"
            );
        }
        6 => shop.stock(name, some_recipe(random, name)),
        7 => {
            // Killed while it is under way.
            let (host, wanted) = (host.clone(), some_desired(random, name));
            let killed = in_background(async move { host.load(wanted).await });
            tokio::time::sleep(Duration::from_millis(random.random_range(0..3))).await;
            killed.abort();
        }
        _ => {
            let dispatched = host.dispatch(event(&format!("to_{name}.ping"))).await;
            for failure in &dispatched.failures {
                assert_ne!(failure.kind, CallFailureKind::Overloaded);
            }
        }
    }
    if random.random_bool(0.3) {
        tokio::time::sleep(Duration::from_millis(random.random_range(0..2_000))).await;
    }
}

/// A mod that nobody touches, asked all the time.
async fn ask_steady(host: ModHost, over: Arc<AtomicBool>) -> usize {
    let mut asked = 0;
    while !over.load(SeqCst) {
        let dispatched = host.dispatch(event("to_steady.ping")).await;
        let Outcome::Answered { response, .. } = &dispatched.outcome else {
            panic!("{dispatched:?}");
        };
        assert_eq!(response.message, "steady@1");
        assert!(dispatched.failures.is_empty(), "{dispatched:?}");
        asked += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    asked
}

async fn storm(seed: u64) {
    let world = World::with(HostSettings {
        queue: 1_000,
        ..HostSettings::default()
    });
    let mut notices = world.host.notices();
    let mut model = Model::default();
    world.run(&["steady"]).await;
    let over = Arc::new(AtomicBool::new(false));
    let steady = in_background(ask_steady(world.host.clone(), Arc::clone(&over)));
    let mut people = Vec::new();
    for person in 0..4 {
        let (host, shop) = (world.host.clone(), world.shop.clone());
        let mut random = StdRng::seed_from_u64(seed * 16 + person);
        people.push(in_background(async move {
            for _ in 0..25 {
                one_thing(&host, &shop, &mut random).await;
            }
        }));
    }
    for person in people {
        person.await.unwrap();
        model.hear(&mut notices);
    }
    // Whatever it was, it ends in what is desired.
    for name in NAMES {
        world.shop.stock(name, Recipe::new(name));
    }
    let mut all: Vec<Desired> = NAMES.iter().map(|name| desired(name)).collect();
    all.push(desired("steady"));
    tokio::time::sleep(Duration::from_mins(2)).await;
    let report = world.host.rediscover(all.clone()).await;
    assert!(report.failed.is_empty(), "{report}");
    model.hear(&mut notices);
    for name in NAMES {
        let status = world.host.status(name).unwrap();
        assert!(status.is_well(), "{status:?}");
        assert_eq!(
            status.generation,
            model.in_service.get(name).copied(),
            "{name}"
        );
        let answer = world.answer(&format!("to_{name}.ping")).await;
        assert_eq!(
            answer,
            status.generation.map(|number| format!("{name}@{number}"))
        );
    }
    assert!(
        world.host.reconcile(all).await.is_empty(),
        "it is as desired"
    );
    over.store(true, SeqCst);
    assert!(steady.await.unwrap() > 0);
    assert_eq!(world.generation("steady"), Some(1));
    world.run(&[]).await;
    model.hear(&mut notices);
    assert!(model.in_service.is_empty(), "{:?}", model.in_service);
    world.assert_empty().await;
}

/// Loads, unloads, reloads, changes of configuration and of code, killed callers and events at the same time, on mods that
/// fail in every way: each outcome is one that may be, a mod that nobody touches does not feel it, and it all ends in what
/// is desired.
///
/// Each seed is a storm of its own.
#[tokio::test(start_paused = true)]
async fn in_a_storm_every_outcome_is_one_that_may_be_and_it_ends_in_what_is_desired() {
    for seed in 0..hotbed_testkit::sized(30, 3_000) {
        println!("seed {seed}");
        storm(seed).await;
    }
}

/// Ten thousand loads and unloads under events: no event of another mod fails, and nothing is left behind.
///
/// Caught: a generation whose lease the writer keeps; a line of the board that is never removed.
#[tokio::test(start_paused = true)]
async fn ten_thousand_loads_and_unloads_leave_nothing_behind() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let world = World::new();
    world.shop.stock(
        "guest",
        Recipe::new("guest").using(|context| {
            context.spawn(std::future::pending());
            context.keep(|| vec![0_u8; 1_024]);
            Ok(context.provide("guests", Arc::new(7_u8))?)
        }),
    );
    world.run(&["steady"]).await;
    let over = Arc::new(AtomicBool::new(false));
    let steady = in_background(ask_steady(world.host.clone(), Arc::clone(&over)));
    let guests = {
        let (host, over) = (world.host.clone(), Arc::clone(&over));
        in_background(async move {
            while !over.load(SeqCst) {
                let dispatched = host.dispatch(event("to_guest.ping")).await;
                assert!(dispatched.failures.is_empty(), "{dispatched:?}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
    };
    for cycle in 0..10_000 {
        world.host.load(desired("guest")).await.unwrap();
        tokio::time::sleep(Duration::from_micros(100)).await;
        let unloaded = world.host.unload("guest", Cascade::Refuse).await.unwrap();
        assert!(unloaded.troubles.is_empty(), "{cycle}: {unloaded:?}");
        if cycle % 1_000 == 0 {
            world.shop.log();
            assert_eq!(world.host.statuses().len(), 1);
            assert!(world.host.leftovers().generations.len() <= 1);
        }
    }
    over.store(true, SeqCst);
    assert!(steady.await.unwrap() > 0);
    guests.await.unwrap();
    assert_eq!(world.shop.constructed(), 10_001);
    world.run(&[]).await;
    world.assert_empty().await;
    drop(world);
    assert_eq!(tasks(), before);
}

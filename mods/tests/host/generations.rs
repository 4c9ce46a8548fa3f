use crate::world::{
    Act, Recipe, Step, World, config, desired, desired_all, event, eventually, id, in_background,
    names,
};
use hotbed_mods::{Desired, Field, FieldKind, Outcome, SettingsForm};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

/// B7: an event that was inside of a mod when it was unloaded failed, and the handler ran on in a mod that was shut down.
/// M3: a command in flight went on with the new module's variables.
///
/// Caught: the old one stopped without waiting for its last lease.
#[tokio::test(start_paused = true)]
async fn an_event_ends_in_the_generation_in_which_it_began() {
    let world = World::new();
    let gate = world.shop.gate("a", Step::Handle);
    world.run(&["a"]).await;
    let host = world.host.clone();
    let old = in_background(async move { host.dispatch(event("to_a.ping")).await });
    eventually("it is asked", || {
        world.shop.count("handle a to_a.ping") == 1
    })
    .await;
    world.shop.stock("a", Recipe::new("a"));
    world.host.reload("a").await.unwrap();
    assert_eq!(
        world.answer("to_a.ping").await.unwrap(),
        "a@2",
        "new events go to the new"
    );
    assert_eq!(
        world.shop.count("stop a"),
        0,
        "the old one is not stopped yet"
    );
    gate.add_permits(1);
    let Outcome::Answered { response, .. } = old.await.unwrap().outcome else {
        panic!("not answered");
    };
    assert_eq!(response.message, "a@1");
    world.host.retired("a").await;
    assert_eq!(world.shop.count("stop a"), 1);
    world.shop.assert_sound();
}

/// M2: a reload that failed half-way left the old version with the new one's variables. A7: a configuration with a mistake
/// in it left none at all. A13: the same instance was initialized again.
///
/// Caught: a mod that fails taken out of service.
#[tokio::test(start_paused = true)]
async fn a_reload_that_fails_leaves_the_old_generation_exactly_as_it_was() {
    let steps = [
        (Step::Open, Act::Fail),
        (Step::Construct, Act::Panic),
        (Step::Initialize, Act::No),
        (Step::Initialize, Act::Hang),
        (Step::Start, Act::Panic),
        (Step::Start, Act::Hang),
        (Step::Health, Act::No),
    ];
    for (step, act) in steps {
        let world = World::new();
        let case = format!("{step:?} {act:?}");
        world.shop.stock("top", Recipe::new("top").on(&["a"]));
        world.run(&["a", "top"]).await;
        let before = world.host.status("a").unwrap();
        world.shop.log();
        world.shop.behave("a", step, act);
        let report = world.host.reload("a").await.unwrap();
        assert_eq!(names(report.failed.keys()), ["a"], "{case}: {report}");
        assert!(report.refreshed.is_empty(), "{case}: {report}");
        let after = world.host.status("a").unwrap();
        assert_eq!(after.generation, before.generation, "{case}");
        assert_eq!(after.loaded_at, before.loaded_at, "{case}");
        assert_eq!(after.state, before.state, "{case}");
        assert!(after.error.is_some(), "{case}: it says what is the matter");
        assert_eq!(world.answer("to_a.ping").await.unwrap(), "a@1", "{case}");
        assert_eq!(
            world.generation("top"),
            Some(2),
            "{case}: nothing is the matter with it"
        );
        assert_eq!(world.error("top"), "", "{case}");
        assert_eq!(world.shop.alive(), 2, "{case}");
        world.shop.assert_sound();
    }
}

/// A mod and those who depend on it come into service together, or none of them does.
///
/// Caught: each put into service as soon as it is up; dependents that are not renewed.
#[tokio::test(start_paused = true)]
async fn a_mod_is_renewed_together_with_those_who_depend_on_it_or_not_at_all() {
    let world = World::new();
    world.shop.stock("mid", Recipe::new("mid").on(&["low"]));
    world.shop.stock("top", Recipe::new("top").on(&["mid"]));
    world.run(&["low", "mid", "top", "apart"]).await;
    let generations = || ["low", "mid", "top", "apart"].map(|name| world.generation(name).unwrap());
    let first = generations();
    world.shop.behave("top", Step::Start, Act::Fail);
    let report = world.host.reload("low").await.unwrap();
    assert_eq!(names(report.failed.keys()), ["top"]);
    assert_eq!(generations(), first);
    assert_eq!(world.shop.alive(), 4);
    let started = world.shop.gate("top", Step::Start);
    let host = world.host.clone();
    let reload = in_background(async move { host.reload("low").await });
    eventually("the last of them starts", || {
        world.shop.count("start top") == 3
    })
    .await;
    assert_eq!(generations(), first, "none is in service before all are");
    started.add_permits(1);
    let report = reload.await.unwrap().unwrap();
    assert_eq!(names(&report.refreshed), ["low", "mid", "top"]);
    let second = generations();
    assert!(second[..3].iter().zip(&first).all(|(new, old)| new > old));
    assert_eq!(
        second[3], first[3],
        "who does not depend on it is left alone"
    );
    world.host.retired("low").await;
    let stopped = world.shop.order_of("stop");
    assert_eq!(
        stopped[3..],
        ["top", "mid", "low"],
        "behind those that were given up"
    );
    assert_eq!(world.shop.alive(), 4);
    world.shop.assert_sound();
}

/// A dependency is not stopped before those who depend on it, also if these went earlier and take their time.
///
/// Caught: no bond between a generation and those that it depends on.
#[tokio::test(start_paused = true)]
async fn a_dependency_outlives_a_dependent_that_is_still_being_drained() {
    let world = World::new();
    world.shop.stock("top", Recipe::new("top").on(&["low"]));
    let gate = world.shop.gate("top", Step::Handle);
    world.run(&["low", "top"]).await;
    let host = world.host.clone();
    let asked = in_background(async move { host.dispatch(event("to_top.ping")).await });
    eventually("it is asked", || {
        world.shop.count("handle top to_top.ping") == 1
    })
    .await;
    world.run(&["low"]).await;
    world.run(&[]).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(world.shop.count("stop low"), 0);
    gate.add_permits(1);
    asked.await.unwrap();
    world.host.retired("low").await;
    assert_eq!(world.shop.order_of("stop"), ["top", "low"]);
    world.assert_empty().await;
}

/// What a mod keeps survives a reload and a change of its configuration, and goes with the mod.
#[tokio::test(start_paused = true)]
async fn what_a_mod_keeps_survives_reloads_and_not_the_mod() {
    let world = World::new();
    let made = Arc::new(AtomicUsize::new(0));
    let seen: Arc<Mutex<Vec<usize>>> = Arc::default();
    let (made_by, seen_by) = (Arc::clone(&made), Arc::clone(&seen));
    world.shop.stock(
        "a",
        Recipe::new("a").using(move |context| {
            let kept = context.keep(|| AtomicUsize::new(100 * made_by.fetch_add(1, SeqCst)));
            seen_by.lock().unwrap().push(kept.fetch_add(1, SeqCst));
            Ok(())
        }),
    );
    world.run(&["a"]).await;
    world.host.reload("a").await.unwrap();
    let other = Desired {
        config: Ok(config(json!({"x": 1}))),
        ..desired("a")
    };
    world.host.reconcile(vec![other]).await;
    assert_eq!(*seen.lock().unwrap(), [0, 1, 2]);
    world.run(&[]).await;
    world.run(&["a"]).await;
    assert_eq!(*seen.lock().unwrap(), [0, 1, 2, 100]);
    world.shop.assert_sound();
}

/// Configuration that does not fit is refused before anything is built, and what runs runs on.
#[tokio::test(start_paused = true)]
async fn a_change_of_configuration_is_checked_first_and_then_live() {
    let world = World::new();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let note = Arc::clone(&seen);
    let mut recipe = Recipe::new("a").using(move |context| {
        note.lock()
            .unwrap()
            .push(serde_json::Value::Object(context.config().as_map().clone()).to_string());
        Ok(())
    });
    recipe.manifest.form = Some(SettingsForm::of(
        "A",
        vec![Field::new(
            "size",
            "Size",
            FieldKind::Integer { min: 1, max: 9 },
        )],
    ));
    world.shop.stock("a", recipe);
    let of_size = |size: i64, revision: u64| Desired {
        config: Ok(config(json!({"size": size}))),
        revision,
        ..desired("a")
    };
    world.host.reconcile(vec![of_size(1, 1)]).await;
    let report = world.host.reconcile(vec![of_size(10, 2)]).await;
    let said = "its configuration does not fit: size: must be a whole number from 1 to 9";
    assert_eq!(report.failed[&id("a")], said);
    assert!(
        world
            .host
            .check(&of_size(10, 2))
            .await
            .unwrap_err()
            .to_string()
            .contains(said)
    );
    let status = world.host.status("a").unwrap();
    assert_eq!(
        (status.generation, status.revision, status.desired_revision),
        (Some(1), Some(1), Some(2))
    );
    assert_eq!(world.shop.constructed(), 1);
    world.host.reconcile(vec![of_size(2, 3)]).await;
    let status = world.host.status("a").unwrap();
    assert_eq!((status.revision, status.error), (Some(3), None));
    assert_eq!(*seen.lock().unwrap(), [r#"{"size":1}"#, r#"{"size":2}"#]);
}

/// B5: an edit of the code was not picked up by unload and load. M4: nor were parts of a module. M12: there was no telling
/// what a reload would do, nor reloading one module.
#[tokio::test(start_paused = true)]
async fn what_changed_behind_a_path_is_found_and_what_did_not_is_left_alone() {
    let world = World::new();
    world.run(&["a", "b"]).await;
    let report = world.host.rediscover(desired_all(&["a", "b"])).await;
    assert!(report.is_empty(), "{report}");
    let edit = |recipe: &mut Recipe| {
        recipe.digest = "2".to_owned();
        recipe.manifest.version = "2".to_owned();
    };
    world.shop.change("a", edit);
    let foretold = world.host.plan(desired_all(&["a", "b", "c"])).await;
    assert_eq!(
        foretold.to_string(),
        "Module reload complete. refreshed=1 added=1 (c) removed=0 failed=0"
    );
    assert_eq!(
        (world.generation("a"), world.shop.constructed()),
        (Some(1), 2),
        "nothing is done"
    );
    let report = world.host.rediscover(desired_all(&["a", "b", "c"])).await;
    assert_eq!(report, foretold);
    assert_eq!(world.generation("b"), Some(2));
    assert_eq!(
        world.host.status("a").unwrap().manifest.unwrap().version,
        "2"
    );
    world.run(&["b"]).await;
    world
        .shop
        .change("a", |recipe| recipe.manifest.version = "3".to_owned());
    world.run(&["a", "b"]).await;
    assert_eq!(
        world.host.status("a").unwrap().manifest.unwrap().version,
        "3"
    );
}

/// Tasks that a mod runs end with the generation that runs them.
#[tokio::test(start_paused = true)]
async fn the_tasks_of_a_generation_end_with_it() {
    let world = World::new();
    world.shop.stock(
        "a",
        Recipe::new("a").using(|context| {
            for _ in 0..3 {
                context.spawn(std::future::pending());
            }
            Ok(())
        }),
    );
    world.run(&["a"]).await;
    assert_eq!(world.host.leftovers().mod_tasks, 3);
    world.host.reload("a").await.unwrap();
    world.host.retired("a").await;
    assert_eq!(world.host.leftovers().mod_tasks, 3);
    world.run(&[]).await;
    world.assert_empty().await;
}

/// A mutation goes on to its end when whoever asked for it goes away.
///
/// Caught: a mutation as part of the call.
#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_cuts_no_mutation_in_two() {
    let world = World::new();
    let start = world.shop.gate("a", Step::Start);
    let host = world.host.clone();
    let caller = in_background(async move { host.load(desired("a")).await });
    eventually("it starts", || world.shop.count("start a") == 1).await;
    caller.abort();
    start.add_permits(1);
    eventually("it runs", || world.state("a") == Some("running")).await;
    world.run(&[]).await;
    world.assert_empty().await;
}

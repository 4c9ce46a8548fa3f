use crate::world::{
    Act, Recipe, Step, World, config, desired, desired_all, eventually, id, in_background, names,
};
use hotbed_mods::{Desired, Priority, Scopes};
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Caught: a failed mod is built again at every reconcile.
#[tokio::test(start_paused = true)]
async fn reconciling_twice_does_nothing_the_second_time() {
    let world = World::new();
    world.shop.behave("bad", Step::Start, Act::Fail);
    world.shop.stock("top", Recipe::new("top").on(&["low"]));
    let off = Desired {
        enabled: false,
        ..desired("off")
    };
    let mut all = desired_all(&["a", "low", "top", "bad"]);
    all.push(off);
    let first = world.host.reconcile(all.clone()).await;
    assert_eq!((first.added.len(), first.failed.len()), (3, 1), "{first}");
    let constructed = world.shop.constructed();
    for _ in 0..3 {
        let again = world.host.reconcile(all.clone()).await;
        assert!(
            again.added.is_empty() && again.refreshed.is_empty() && again.removed.is_empty(),
            "{again}"
        );
        assert_eq!(again.failed, first.failed, "it is told, and not tried");
    }
    assert_eq!(world.shop.constructed(), constructed);
}

/// What failed is tried again on a clock, at longer and longer intervals, and at once when it is desired otherwise.
///
/// Caught: the wait that does not grow; a change that waits for the clock.
#[tokio::test(start_paused = true)]
async fn what_failed_is_tried_again_on_a_clock_and_when_it_is_desired_otherwise() {
    let world = World::new();
    world.shop.behave("bad", Step::Start, Act::Fail);
    world.run(&["bad"]).await;
    let shutdown = CancellationToken::new();
    let (host, until) = (world.host.clone(), shutdown.clone());
    let running = in_background(async move { host.run(until).await });
    tokio::time::sleep(Duration::from_mins(2)).await;
    // After 1, 2, 4, 8, 16, 32 and then 60 seconds each.
    assert_eq!(world.shop.constructed(), 7);
    let other = Desired {
        config: Ok(config(json!({"x": 1}))),
        ..desired("bad")
    };
    world.host.reconcile(vec![other]).await;
    assert_eq!(world.shop.constructed(), 8);
    world.host.reload("bad").await.unwrap();
    assert_eq!(
        world.shop.constructed(),
        9,
        "whoever asks by hand does not wait"
    );
    world.shop.stock("bad", Recipe::new("bad"));
    eventually("it comes up by itself", || {
        world.state("bad") == Some("running")
    })
    .await;
    assert_eq!(world.error("bad"), "");
    shutdown.cancel();
    running.await.unwrap();
}

/// A mod that becomes ill shows it, and nobody takes it away.
#[tokio::test(start_paused = true)]
async fn how_mods_are_is_asked_now_and_then_and_shown() {
    let world = World::new();
    let gate = world.shop.gate("a", Step::Health);
    gate.add_permits(1);
    world.run(&["a", "b"]).await;
    let shutdown = CancellationToken::new();
    let (host, until) = (world.host.clone(), shutdown.clone());
    let running = in_background(async move { host.run(until).await });
    tokio::time::sleep(Duration::from_secs(40)).await;
    let health = world.host.status("a").unwrap().health.unwrap();
    assert!(!health.healthy);
    assert_eq!(health.message, "asked how it is, it did not end within 2s");
    assert!(world.host.status("b").unwrap().is_well());
    assert_eq!(world.state("a"), Some("running"));
    gate.add_permits(1_000);
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert!(world.host.status("a").unwrap().is_well());
    shutdown.cancel();
    running.await.unwrap();
}

/// Two people looked at a mod at once, and one of them saw it ill.
///
/// Caught: one that is being asked taken for one that does not answer.
#[tokio::test(start_paused = true)]
async fn a_mod_that_two_ask_at_once_is_as_well_as_it_was() {
    let world = World::new();
    let gate = world.shop.gate("a", Step::Health);
    gate.add_permits(1);
    world.run(&["a"]).await;
    let host = world.host.clone();
    let first = in_background(async move { host.check_health().await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.host.check_health().await;
    assert!(world.host.status("a").unwrap().is_well());
    gate.add_permits(1);
    first.await.unwrap();
    assert!(world.host.status("a").unwrap().is_well());
}

/// M6: the bindings of a module that was broken at the start, or gone for a moment, were lost for ever.
///
/// Caught: scopes that change only with a new generation.
#[tokio::test(start_paused = true)]
async fn what_the_operator_said_survives_a_mod_that_is_broken_or_missing() {
    let world = World::new();
    let bound = |scopes: &[&str]| Desired {
        scopes: Some(scopes.iter().copied().collect()),
        ..desired("a")
    };
    world.shop.behave("a", Step::Open, Act::Fail);
    world.host.reconcile(vec![bound(&["ops"])]).await;
    let status = world.host.status("a").unwrap();
    assert_eq!(
        (status.state.as_str(), status.scopes),
        ("error", Scopes::from_iter(["ops"]))
    );
    world.shop.stock("a", Recipe::new("a").words(&["@a"]));
    world.host.reload("a").await.unwrap();
    assert_eq!(
        world.host.status("a").unwrap().scopes,
        Scopes::from_iter(["ops"])
    );
    // It cannot be built any more, and what it may still changes.
    world.shop.behave("a", Step::Start, Act::Fail);
    let broken = Desired {
        config: Ok(config(json!({"x": 1}))),
        ..bound(&["dev"])
    };
    let report = world.host.reconcile(vec![broken]).await;
    assert_eq!(names(report.failed.keys()), ["a"]);
    assert_eq!(world.generation("a"), Some(1));
    let post = crate::commands::post("@a", "dev");
    assert_eq!(
        crate::commands::texts(&world, post).await,
        ["a: @a dev alice [] 0"]
    );
}

/// Caught: a new generation for another priority.
#[tokio::test(start_paused = true)]
async fn another_priority_other_scopes_or_another_revision_need_no_new_generation() {
    let world = World::new();
    world.run(&["a", "b"]).await;
    assert_eq!(world.answer("ask.who").await.unwrap(), "a@1");
    let later = Desired {
        priority: Some(Priority(60)),
        revision: 5,
        ..desired("a")
    };
    let report = world
        .host
        .reconcile(vec![later.clone(), desired("b")])
        .await;
    assert_eq!(names(&report.refreshed), ["a"]);
    assert_eq!(world.answer("ask.who").await.unwrap(), "b@2");
    let status = world.host.status("a").unwrap();
    assert_eq!((status.generation, status.revision), (Some(1), Some(5)));
    let newer = Desired {
        revision: 6,
        ..later
    };
    let report = world.host.reconcile(vec![newer, desired("b")]).await;
    assert!(report.is_empty(), "{report}");
    assert_eq!(world.host.status("a").unwrap().revision, Some(6));
}

/// M7: changes of a module's words in its code never came into effect, for the map of bindings was the truth.
#[tokio::test(start_paused = true)]
async fn the_words_of_a_mod_are_those_of_its_code() {
    let world = World::new();
    world.shop.stock("a", Recipe::new("a").words(&["@old"]));
    world.run(&["a"]).await;
    assert_eq!(
        crate::commands::texts(&world, crate::commands::post("@old", "dev"))
            .await
            .len(),
        1
    );
    world.shop.stock("a", Recipe::new("a").words(&["@new"]));
    world.host.reload("a").await.unwrap();
    assert_eq!(
        crate::commands::texts(&world, crate::commands::post("@old", "dev")).await,
        [""; 0]
    );
    assert_eq!(
        crate::commands::texts(&world, crate::commands::post("@new", "dev"))
            .await
            .len(),
        1
    );
}

/// A configuration that does not resolve on this node is a failure of that mod on this node.
#[tokio::test(start_paused = true)]
async fn a_configuration_that_does_not_resolve_here_fails_here_and_keeps_what_runs() {
    use hotbed_configs::{Environment, PortableConfig, Variables};
    let world = World::new();
    world.run(&["a", "b"]).await;
    let environment = Environment::parse("test.yaml", "{}", &Variables::default()).unwrap();
    let portable = PortableConfig::from_value(json!({"key": "${NOT_SET}"})).unwrap();
    let unresolved = Desired {
        config: environment.resolve(&portable),
        ..desired("a")
    };
    let report = world.host.reconcile(vec![unresolved, desired("b")]).await;
    assert!(
        report.failed[&id("a")].contains("does not resolve on this node"),
        "{report}"
    );
    assert_eq!(world.generation("a"), Some(1));
    assert!(world.host.status("b").unwrap().is_well());
}

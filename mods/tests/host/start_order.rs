use crate::world::{Act, Recipe, Step, World, desired, desired_all, id, names};
use hotbed_mods::{Desired, ModState, Priority};

/// A2: x needs y, and the sort by priority put x first.
#[tokio::test(start_paused = true)]
async fn mods_start_by_dependency_then_priority_and_stop_the_other_way_round() {
    let world = World::new();
    for (name, priority, on) in [
        ("outside", Priority::INTEGRATION, vec![]),
        ("work", Priority::BUSINESS, vec!["outside"]),
        ("middle", Priority::MIDDLEWARE, vec![]),
        ("guard", Priority::SECURITY, vec!["base"]),
        ("base", Priority::INFRASTRUCTURE, vec![]),
        ("early", Priority::INFRASTRUCTURE, vec!["work"]),
    ] {
        world
            .shop
            .stock(name, Recipe::new(name).at(priority).on(&on));
    }
    world
        .run(&["early", "guard", "base", "middle", "outside", "work"])
        .await;
    let started = world.shop.order_of("start");
    assert_eq!(
        started,
        ["base", "guard", "middle", "outside", "work", "early"]
    );
    world.run(&[]).await;
    world.assert_empty().await;
    let stopped: Vec<String> = started.into_iter().rev().collect();
    assert_eq!(world.shop.order_of("stop"), stopped);
}

/// What the operator says of a priority counts more than what the mod says.
///
/// Caught: priorities not compared.
#[tokio::test(start_paused = true)]
async fn the_operators_priority_counts_more_than_the_manifests() {
    let world = World::new();
    world
        .shop
        .stock("a", Recipe::new("a").at(Priority::INFRASTRUCTURE));
    let last = Desired {
        priority: Some(Priority(60)),
        ..desired("a")
    };
    world.host.reconcile(vec![last, desired("b")]).await;
    assert_eq!(world.shop.order_of("start"), ["b", "a"]);
}

/// B20: dependencies were declared and never looked at. A15: one was needed and not declared.
#[tokio::test(start_paused = true)]
async fn a_dependency_that_is_not_there_is_named_and_its_coming_starts_who_waited() {
    let world = World::new();
    world.shop.stock("top", Recipe::new("top").on(&["low"]));
    let report = world.run(&["top", "apart"]).await;
    assert_eq!(
        report.failed[&id("top")],
        "it depends on `low`, which is not loaded: load it first"
    );
    assert_eq!(names(&report.added), ["apart"]);
    let disabled = Desired {
        enabled: false,
        ..desired("low")
    };
    let report = world
        .host
        .reconcile(vec![desired("top"), disabled, desired("apart")])
        .await;
    assert_eq!(
        report.failed[&id("top")],
        "it depends on `low`, which is disabled: enable it first"
    );
    world.shop.behave("low", Step::Start, Act::Fail);
    let report = world.run(&["top", "low", "apart"]).await;
    assert!(
        report.failed[&id("top")].contains("`low`, which failed: start failed: told to fail"),
        "{report}"
    );
    world.shop.stock("low", Recipe::new("low"));
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    let report = world.run(&["top", "low", "apart"]).await;
    assert_eq!(names(&report.added), ["low", "top"]);
    assert!(report.failed.is_empty(), "{report}");
    world.shop.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_circle_is_named_and_harms_nobody_outside_of_it() {
    let world = World::new();
    for (name, on) in [("a", "b"), ("b", "c"), ("c", "a")] {
        world.shop.stock(name, Recipe::new(name).on(&[on]));
    }
    let report = world.run(&["a", "b", "c", "apart"]).await;
    assert_eq!(
        report.failed[&id("a")],
        "it depends on itself: a → b → c → a"
    );
    assert_eq!(report.failed.len(), 3);
    assert_eq!(world.shop.constructed(), 1);
    world.shop.stock("c", Recipe::new("c"));
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    let report = world.run(&["a", "b", "c", "apart"]).await;
    assert_eq!(names(&report.added), ["a", "b", "c"]);
}

/// A5: disabled plugins were started.
///
/// Caught: `enabled` not looked at.
#[tokio::test(start_paused = true)]
async fn a_disabled_mod_never_starts_and_is_stopped_when_it_becomes_so() {
    let world = World::new();
    let off = || Desired {
        enabled: false,
        ..desired("a")
    };
    let report = world.host.reconcile(vec![off()]).await;
    assert!(report.is_empty(), "{report}");
    assert_eq!(world.host.status("a").unwrap().state, ModState::Stopped);
    assert_eq!(world.shop.constructed(), 0);
    assert!(world.host.reload("a").await.is_err());
    world.host.reconcile(vec![desired("a")]).await;
    assert_eq!(world.state("a"), Some("running"));
    let report = world.host.reconcile(vec![off()]).await;
    assert_eq!(names(&report.removed), ["a"]);
    world.host.retired("a").await;
    assert_eq!(world.state("a"), Some("stopped"));
    assert_eq!(world.shop.alive(), 0);
}

/// Those who depend on a mod that is taken away cannot go on, and come back with it.
///
/// Caught: dependents left in service.
#[tokio::test(start_paused = true)]
async fn who_depends_on_what_is_not_desired_any_more_stops_first_and_comes_back_with_it() {
    let world = World::new();
    world.shop.stock("top", Recipe::new("top").on(&["low"]));
    world.run(&["low", "top", "apart"]).await;
    world.shop.log();
    let report = world.run(&["top", "apart"]).await;
    assert_eq!(names(&report.removed), ["low"]);
    assert!(
        report.failed[&id("top")].contains("`low`, which is not loaded"),
        "{report}"
    );
    world.host.retired("low").await;
    assert_eq!(world.shop.order_of("stop"), ["top", "low"]);
    assert_eq!(world.state("top"), Some("error"));
    assert_eq!(world.state("low"), None);
    let report = world.run(&["low", "top", "apart"]).await;
    assert_eq!(names(&report.added), ["low", "top"]);
    assert!(world.host.status("top").unwrap().is_well());
    world.run(&[]).await;
    world.assert_empty().await;
}

/// A4: what a failure takes with it is who depends on it, and nobody else.
#[tokio::test(start_paused = true)]
async fn a_failure_isolates_all_but_dependents() {
    let world = World::new();
    world.shop.behave("low", Step::Start, Act::Panic);
    world.shop.stock("mid", Recipe::new("mid").on(&["low"]));
    world.shop.stock("top", Recipe::new("top").on(&["mid"]));
    let report = world
        .host
        .reconcile(desired_all(&["a", "low", "mid", "top", "z"]))
        .await;
    assert_eq!(names(&report.added), ["a", "z"]);
    assert_eq!(names(report.failed.keys()), ["low", "mid", "top"]);
    assert_eq!(
        world.shop.constructed(),
        3,
        "who depends on it is not even constructed"
    );
}

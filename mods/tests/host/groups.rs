//! Who comes into service with whom, and who does not wait for whom.

use crate::world::{
    Act, Recipe, Step, World, config, desired, desired_all, id, in_background, names,
};
use hotbed_mods::{Desired, Report};
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn changed(name: &str, to: u64) -> Desired {
    Desired {
        config: Ok(config(json!({"x": to}))),
        ..desired(name)
    }
}

/// A mod that waited for what nobody loads kept every mod that it depends on from ever being renewed.
///
/// Caught: a new mod in one group with what it depends on.
#[tokio::test(start_paused = true)]
async fn a_new_mod_that_fails_is_in_the_way_of_no_renewal() {
    for on in [&["low", "missing"][..], &["low"]] {
        let world = World::new();
        world.shop.stock("mid", Recipe::new("mid").on(&["low"]));
        // Its turn is between the two.
        let new = Recipe::new("last").on(on).act(Step::Start, Act::Fail);
        world.shop.stock("last", new);
        world.run(&["low", "mid", "last"]).await;
        let before = [world.generation("low"), world.generation("mid")];
        tokio::time::advance(Duration::from_mins(2)).await;
        let report = world.host.reload("low").await.unwrap();
        assert_eq!(names(report.failed.keys()), ["last"], "{report}");
        assert_eq!(names(&report.refreshed), ["low", "mid"]);
        assert!(world.generation("low") > before[0] && world.generation("mid") > before[1]);
        world.run(&[]).await;
        world.assert_empty().await;
    }
}

/// Caught: a new mod built on what is renewed at the same time and then given up with it.
#[tokio::test(start_paused = true)]
async fn a_new_mod_comes_up_on_what_serves_when_the_renewal_of_that_fails() {
    let world = World::new();
    world.shop.stock("mid", Recipe::new("mid").on(&["low"]));
    world.shop.stock("last", Recipe::new("last").on(&["low"]));
    world.run(&["low", "mid"]).await;
    world.shop.behave("mid", Step::Start, Act::Fail);
    let all = vec![changed("low", 1), desired("mid"), desired("last")];
    let report = world.host.reconcile(all).await;
    assert_eq!(names(&report.added), ["last"], "{report}");
    assert_eq!(names(report.failed.keys()), ["low", "mid"]);
    assert_eq!(world.generation("low"), Some(1));
    world.run(&[]).await;
    world.assert_empty().await;
}

/// What a group needs of what is new comes into service with it.
#[tokio::test(start_paused = true)]
async fn a_new_mod_that_a_renewal_needs_comes_up_with_it_or_not_at_all() {
    let world = World::new();
    world.shop.stock("top", Recipe::new("top").on(&["low"]));
    world.run(&["low", "top"]).await;
    world.shop.stock("new", Recipe::new("new").on(&["low"]));
    world.shop.stock(
        "top",
        Recipe::new("top")
            .on(&["low", "new"])
            .act(Step::Start, Act::Fail),
    );
    let all = || vec![changed("low", 1), desired("top"), desired("new")];
    let report = world.host.reconcile(all()).await;
    assert_eq!(
        names(report.failed.keys()),
        ["low", "new", "top"],
        "{report}"
    );
    assert_eq!(world.shop.alive(), 2);
    world
        .shop
        .stock("top", Recipe::new("top").on(&["low", "new"]));
    tokio::time::advance(Duration::from_secs(2)).await;
    let report = world.host.reconcile(all()).await;
    assert_eq!(names(&report.added), ["new"], "{report}");
    assert_eq!(names(&report.refreshed), ["low", "top"]);
    world.run(&[]).await;
    world.assert_empty().await;
}

/// Those of a group that were given up because of one of it wait with it, and come up as soon as it does.
///
/// Caught: who failed because of another is tried at each reconcile, and takes that other with it.
#[tokio::test(start_paused = true)]
async fn who_failed_because_of_another_is_not_tried_before_it_and_comes_up_with_it() {
    let world = World::new();
    world.shop.stock("top", Recipe::new("top").on(&["low"]));
    world.run(&["low", "top"]).await;
    world.shop.behave("top", Step::Start, Act::Fail);
    let all = || vec![changed("low", 1), changed("top", 1)];
    let first = world.host.reconcile(all()).await;
    assert_eq!(names(first.failed.keys()), ["low", "top"], "{first}");
    let constructed = world.shop.constructed();
    for _ in 0..3 {
        assert_eq!(world.host.reconcile(all()).await, first);
    }
    assert_eq!(world.shop.constructed(), constructed);
    world.shop.stock("top", Recipe::new("top").on(&["low"]));
    let fixed = vec![changed("low", 1), changed("top", 2)];
    let report = world.host.reconcile(fixed.clone()).await;
    assert_eq!(names(&report.refreshed), ["low", "top"], "{report}");
    assert_eq!(world.host.reconcile(fixed).await, Report::default());
    world.shop.assert_sound();
}

/// What can be told before anything of a group has run is told before.
///
/// Caught: a mod brought up before it is looked whether those that come with it can.
#[tokio::test(start_paused = true)]
async fn nothing_of_a_group_is_built_of_which_one_cannot_be() {
    let world = World::new();
    world.shop.stock("top", Recipe::new("top").on(&["low"]));
    world.run(&["low", "top"]).await;
    let constructed = world.shop.constructed();
    for (recipe, said) in [
        (
            Recipe::new("top").on(&["low", "missing"]),
            "it depends on `missing`, which is not loaded: load it first",
        ),
        (
            Recipe::new("top").on(&["low"]).act(Step::Open, Act::Fail),
            "cannot read the mod at test.top: told to fail",
        ),
    ] {
        world.shop.stock("top", recipe);
        for _ in 0..3 {
            let report = world.host.reload("low").await.unwrap();
            assert_eq!(report.failed[&id("top")], said, "{report}");
        }
    }
    assert_eq!(world.shop.constructed(), constructed);
    assert_eq!(world.generation("top"), Some(2));
}

/// A retry whose time had come was passed over for ever, and was tried again at once for ever.
///
/// Caught: a wait that is over and stays so.
#[tokio::test(start_paused = true)]
async fn a_retry_that_has_to_wait_for_another_mod_does_not_keep_the_host_busy() {
    let world = World::new();
    world.shop.stock("top", Recipe::new("top").on(&["low"]));
    world.run(&["low", "top"]).await;
    world.shop.behave("top", Step::Start, Act::Fail);
    world.host.reload("top").await.unwrap();
    let needy = Recipe::new("low").on(&["missing"]);
    world.shop.stock(
        "low",
        Recipe {
            digest: "2".to_owned(),
            ..needy
        },
    );
    tokio::time::advance(Duration::from_secs(5)).await;
    let report = world.host.rediscover(desired_all(&["low", "top"])).await;
    assert_eq!(names(report.failed.keys()), ["low", "top"], "{report}");
    let shutdown = CancellationToken::new();
    let (host, until) = (world.host.clone(), shutdown.clone());
    let running = in_background(async move { host.run(until).await });
    let opened = world.shop.opened();
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    assert!(world.shop.opened() - opened < 10);
    shutdown.cancel();
    running.await.unwrap();
}

/// Two mods that change places: the one that was needed needs the other now.
///
/// Caught: the old ones stopped in the reverse order of the new (each waits for the other, for ever).
#[tokio::test(start_paused = true)]
async fn the_old_ones_stop_in_their_own_order_also_if_the_new_depend_the_other_way_round() {
    let world = World::new();
    world.shop.stock("aa", Recipe::new("aa"));
    world.shop.stock("bb", Recipe::new("bb").on(&["aa"]));
    world.run(&["aa", "bb"]).await;
    for (name, on) in [("aa", &["bb"][..]), ("bb", &[])] {
        let recipe = Recipe::new(name).on(on);
        world.shop.stock(
            name,
            Recipe {
                digest: "2".to_owned(),
                ..recipe
            },
        );
    }
    let report = world.host.rediscover(desired_all(&["aa", "bb"])).await;
    assert_eq!(names(&report.refreshed), ["aa", "bb"], "{report}");
    let ended = async {
        world.host.retired("aa").await;
        world.host.retired("bb").await;
    };
    tokio::time::timeout(Duration::from_hours(1), ended)
        .await
        .expect("the old ones end");
    assert_eq!(world.shop.order_of("stop"), ["bb", "aa"]);
    world.run(&[]).await;
    world.assert_empty().await;
}

use crate::world::{
    Act, Recipe, Step, World, desired, desired_all, event, eventually, in_background,
};
use hotbed_mods::{
    BoxError, CallFailureKind, Cascade, Context, HostSettings, ModState, ModStatus, NoticeKind,
};
use std::time::Duration;

/// A1: after the start every instance stayed `starting`, so that all were ill and none was stopped.
#[tokio::test(start_paused = true)]
async fn a_mod_that_started_is_running_and_well_and_is_stopped_in_the_end() {
    let world = World::new();
    let report = world.run(&["a", "b"]).await;
    assert_eq!(report.added.len(), 2, "{report}");
    for name in ["a", "b"] {
        let status = world.host.status(name).unwrap();
        assert_eq!(status.state, ModState::Running);
        assert!(status.is_well(), "{status:?}");
        assert!(status.loaded_at.is_some());
    }
    world.host.check_health().await;
    assert!(world.host.statuses().iter().all(ModStatus::is_well));
    world.host.stop(Duration::from_mins(1)).await.unwrap();
    assert_eq!(world.shop.order_of("stop").len(), 2);
    world.assert_empty().await;
}

/// B2: a mod that answered no to `initialize` was loaded. A4: one that failed took the others with it. B3: what failed was
/// never stopped.
///
/// Caught: a mod that failed is not stopped; the answer of `initialize`, and of the first question for its health, not
/// looked at.
#[tokio::test(start_paused = true)]
async fn whatever_step_fails_in_whatever_way_the_mod_is_not_loaded_and_is_stopped_and_the_others_run()
 {
    let steps = [
        (Step::Open, vec![Act::Fail, Act::Panic, Act::Hang]),
        (Step::Construct, vec![Act::Fail, Act::Panic]),
        (
            Step::Initialize,
            vec![Act::Fail, Act::Panic, Act::Hang, Act::No],
        ),
        (Step::Start, vec![Act::Fail, Act::Panic, Act::Hang]),
        (
            Step::Health,
            vec![Act::Fail, Act::Panic, Act::Hang, Act::No],
        ),
    ];
    for (step, acts) in steps {
        for act in acts {
            let world = World::new();
            let case = format!("{step:?} {act:?}");
            world.shop.behave("bad", step, act);
            let report = world.run(&["a", "bad", "z"]).await;
            assert_eq!(report.added.len(), 2, "{case}: {report}");
            assert_eq!(report.failed.len(), 1, "{case}: {report}");
            let status = world.host.status("bad").unwrap();
            assert_eq!(status.state, ModState::Error, "{case}");
            assert_eq!(
                status.error.as_ref(),
                report.failed.values().next(),
                "{case}"
            );
            assert_eq!(status.generations, [], "{case}");
            let log = world.shop.log();
            let count = |line: &str| log.iter().filter(|done| *done == line).count();
            assert_eq!(
                count("stop bad"),
                count("initialize bad"),
                "{case}: {log:?}"
            );
            assert!(world.answer("to_z.ping").await.is_some(), "{case}");
            world.run(&[]).await;
            world.assert_empty().await;
        }
    }
}

/// What a failure says names the step and the reason.
#[tokio::test(start_paused = true)]
async fn a_failure_says_in_which_step_and_why() {
    for (step, act, said) in [
        (
            Step::Open,
            Act::Fail,
            "cannot read the mod at test.bad: told to fail",
        ),
        (
            Step::Construct,
            Act::Panic,
            "its construction panicked: told to",
        ),
        (
            Step::Initialize,
            Act::No,
            "initialize answered that it does not want to run",
        ),
        (
            Step::Initialize,
            Act::Hang,
            "initialize did not end within 10s",
        ),
        (Step::Start, Act::Fail, "start failed: told to fail"),
        (
            Step::Health,
            Act::No,
            "it is not well after its start: told to be ill",
        ),
    ] {
        let world = World::new();
        world.shop.behave("bad", step, act);
        world.run(&["bad"]).await;
        assert_eq!(world.error("bad"), said);
    }
}

/// B4: a mod whose shutdown failed stayed for ever.
#[tokio::test(start_paused = true)]
async fn a_mod_whose_end_fails_is_gone_all_the_same_and_can_be_loaded_again() {
    for (step, act) in [
        (Step::Stop, Act::Fail),
        (Step::Stop, Act::Panic),
        (Step::Stop, Act::Hang),
        (Step::Drop, Act::Panic),
    ] {
        let world = World::new();
        let case = format!("{step:?} {act:?}");
        world.shop.behave("bad", step, act);
        world.host.load(desired("bad")).await.unwrap();
        let unloaded = world.host.unload("bad", Cascade::Refuse).await.unwrap();
        assert_eq!(unloaded.troubles.len(), 1, "{case}: {unloaded:?}");
        world.assert_empty().await;
        world.host.load(desired("bad")).await.unwrap();
        assert_eq!(world.state("bad"), Some("running"), "{case}");
        world.host.unload("bad", Cascade::Refuse).await.unwrap();
        world.assert_empty().await;
    }
}

/// Every state is seen in its time, up and down.
#[tokio::test(start_paused = true)]
async fn a_mod_goes_through_its_states_one_by_one() {
    let world = World::new();
    let initialize = world.shop.gate("a", Step::Initialize);
    let start = world.shop.gate("a", Step::Start);
    let handle = world.shop.gate("a", Step::Handle);
    let stop = world.shop.gate("a", Step::Stop);
    let is = |state: &'static str| eventually(state, || world.state("a") == Some(state));
    let host = world.host.clone();
    let coming = in_background(async move { host.reconcile(desired_all(&["a"])).await });
    is("initializing").await;
    initialize.add_permits(1);
    is("starting").await;
    start.add_permits(1);
    coming.await.unwrap();
    is("running").await;
    let host = world.host.clone();
    let asked = in_background(async move { host.dispatch(event("to_a.ping")).await });
    eventually("it is asked", || {
        world.shop.count("handle a to_a.ping") == 1
    })
    .await;
    world.run(&[]).await;
    is("draining").await;
    assert_eq!(
        world.answer("to_a.ping").await,
        None,
        "nothing new goes to it"
    );
    handle.add_permits(1);
    asked.await.unwrap();
    is("stopping").await;
    stop.add_permits(1);
    world.assert_empty().await;
}

/// B19: mods were not shut down when the network stopped, and an empty list left the old ones.
#[tokio::test(start_paused = true)]
async fn stopping_the_host_stops_every_mod_dependents_first_and_nothing_starts_any_more() {
    let world = World::new();
    world.shop.stock("low", Recipe::new("low"));
    world.shop.stock("mid", Recipe::new("mid").on(&["low"]));
    world.shop.stock("top", Recipe::new("top").on(&["mid"]));
    world.run(&["top", "mid", "low"]).await;
    world.host.stop(Duration::from_mins(1)).await.unwrap();
    assert_eq!(world.shop.order_of("stop"), ["top", "mid", "low"]);
    world.assert_empty().await;
    let report = world.run(&["low"]).await;
    assert_eq!(report.failed.len(), 1, "{report}");
    assert!(world.host.load(desired("low")).await.is_err());
    assert_eq!(world.shop.alive(), 0);
}

/// A stop that cannot be waited for any longer names who keeps it waiting.
#[tokio::test(start_paused = true)]
async fn a_stop_that_takes_too_long_names_who_does_not_end() {
    let world = World::new();
    let _never = world.shop.gate("slow", Step::Handle);
    world.run(&["slow"]).await;
    let host = world.host.clone();
    let asked = in_background(async move { host.dispatch(event("to_slow.ping")).await });
    eventually("it is asked", || {
        world.shop.count("handle slow to_slow.ping") == 1
    })
    .await;
    let late = world.host.stop(Duration::from_secs(1)).await.unwrap_err();
    assert!(late.to_string().contains("slow@1 (1 calls)"), "{late}");
    asked.await.unwrap();
    world.assert_empty().await;
}

/// Caught: the drain waits for ever, or not at all; what is given up goes on.
#[tokio::test(start_paused = true)]
async fn a_call_that_outlasts_the_drain_is_given_up_and_the_mod_is_stopped() {
    let settings = HostSettings {
        event_deadline: Duration::from_hours(1),
        ..HostSettings::default()
    };
    let world = World::with(settings);
    let _never = world.shop.gate("slow", Step::Handle);
    world.run(&["slow"]).await;
    let host = world.host.clone();
    let asked = in_background(async move { host.dispatch(event("to_slow.ping")).await });
    eventually("it is asked", || {
        world.shop.count("handle slow to_slow.ping") == 1
    })
    .await;
    let began = tokio::time::Instant::now();
    let unloaded = world.host.unload("slow", Cascade::Refuse).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), settings.drain_deadline.as_secs());
    assert!(
        unloaded.troubles[0].contains("was given up"),
        "{unloaded:?}"
    );
    let failed = asked.await.unwrap();
    assert_eq!(failed.failures[0].kind, CallFailureKind::Stopped);
    eventually("nothing is left", || {
        world.shop.alive() == 0 && world.host.leftovers().is_empty()
    })
    .await;
}

/// A mod with a call that hangs kept all that were to be stopped after it, until its time was over.
///
/// Caught: those that leave together drained one after the other.
#[tokio::test(start_paused = true)]
async fn a_mod_that_is_still_called_keeps_no_other_from_being_stopped() {
    let settings = HostSettings {
        event_deadline: Duration::from_hours(1),
        ..HostSettings::default()
    };
    let world = World::with(settings);
    world.shop.stock("zz", Recipe::new("zz").on(&["needed"]));
    let _never = world.shop.gate("zz", Step::Handle);
    let _never = world.shop.gate("yy", Step::Handle);
    world.run(&["apart", "needed", "yy", "zz"]).await;
    for name in ["yy", "zz"] {
        let host = world.host.clone();
        let name = format!("to_{name}.ping");
        in_background(async move { host.dispatch(event(&name)).await });
    }
    eventually("they are asked", || {
        world.shop.count("handle zz to_zz.ping") + world.shop.count("handle yy to_yy.ping") == 2
    })
    .await;
    let began = tokio::time::Instant::now();
    world.run(&[]).await;
    world.host.retired("apart").await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(world.shop.order_of("stop"), ["apart"]);
    world.host.retired("needed").await;
    assert_eq!(began.elapsed(), settings.drain_deadline);
    world.assert_empty().await;
    assert_eq!(world.shop.order_of("stop"), ["zz", "yy", "needed"]);
}

/// What a mod kept is dropped by the host, and nobody else is harmed if that panics.
///
/// Caught: what a mod kept or provided dropped outside of the guard (those that stop after it never did).
#[tokio::test(start_paused = true)]
async fn what_a_mod_kept_or_provided_may_panic_when_it_is_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("told to panic");
        }
    }
    let keeps: fn(&Context) -> Result<(), BoxError> = |context| {
        context.keep(|| Bomb);
        Ok(())
    };
    let provides: fn(&Context) -> Result<(), BoxError> =
        |context| Ok(context.provide("bomb", std::sync::Arc::new(Bomb))?);
    for with_context in [keeps, provides] {
        let world = World::new();
        // It stops first.
        world
            .shop
            .stock("zz", Recipe::new("zz").using(with_context));
        world.run(&["aa", "zz"]).await;
        world.run(&[]).await;
        assert_stops_though_the_first_is_bad(&world).await;
    }
}

/// Of two mods that leave the second is stopped, whatever the first does when it is.
async fn assert_stops_though_the_first_is_bad(world: &World) {
    let retired = world.host.retired("aa");
    let in_time = tokio::time::timeout(Duration::from_hours(1), retired);
    assert!(in_time.await.is_ok());
    assert_eq!(world.shop.order_of("stop"), ["zz", "aa"]);
    world.assert_empty().await;
}

/// Caught: the last of a mod dropped with its late stop (those that stop after it never did).
#[tokio::test(start_paused = true)]
async fn a_mod_that_hangs_in_its_stop_and_panics_when_it_is_dropped_harms_nobody() {
    let world = World::new();
    let recipe = Recipe::new("zz").act(Step::Stop, Act::Hang);
    world.shop.stock("zz", recipe.act(Step::Drop, Act::Panic));
    world.run(&["aa", "zz"]).await;
    world.run(&[]).await;
    assert_stops_though_the_first_is_bad(&world).await;
}

/// Caught: everything that was stopped on the occasion told as unloaded.
#[tokio::test(start_paused = true)]
async fn an_unload_tells_what_was_unloaded_and_nothing_that_was_renewed_meanwhile() {
    let world = World::new();
    world.run(&["aa", "bad"]).await;
    world.shop.behave("bad", Step::Start, Act::Fail);
    world.host.reload("bad").await.unwrap();
    world.shop.stock("bad", Recipe::new("bad"));
    tokio::time::advance(Duration::from_secs(2)).await;
    let unloaded = world.host.unload("aa", Cascade::Refuse).await.unwrap();
    assert_eq!(unloaded.ids, [crate::world::id("aa")]);
    assert_eq!(world.error("bad"), "", "its wait was over");
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_mods_is_told() {
    let world = World::new();
    let mut notices = world.host.notices();
    world.run(&["a"]).await;
    world.host.reload("a").await.unwrap();
    world.shop.behave("a", Step::Start, Act::Fail);
    world.host.reload("a").await.unwrap();
    world.run(&[]).await;
    let mut heard = Vec::new();
    while let Ok(notice) = notices.try_recv() {
        heard.push((notice.kind, notice.generation, notice.error.is_some()));
    }
    assert_eq!(
        heard,
        [
            (NoticeKind::Loaded, Some(1), false),
            (NoticeKind::Reloaded, Some(2), false),
            (NoticeKind::Failed, Some(2), true),
            (NoticeKind::Unloaded, Some(2), false),
        ]
    );
    let names: Vec<&str> = heard.iter().map(|(kind, ..)| kind.event_name()).collect();
    assert_eq!(
        names,
        ["mod.loaded", "mod.reloaded", "mod.failed", "mod.unloaded"]
    );
}

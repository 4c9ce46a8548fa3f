use crate::world::{Act, Recipe, Step, World, desired, event, eventually, id, in_background, path};
use hotbed_mods::{
    CallFailureKind, Context, Desired, Destination, Dispatched, EmitError, EventName, EventPattern,
    HostSettings, ModEvent, Outcome, Permissions, Priority,
};
use serde_json::Map;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

#[tokio::test(start_paused = true)]
async fn mods_are_asked_in_the_order_of_their_priorities_until_one_answers() {
    let world = World::new();
    world.shop.stock(
        "guard",
        Recipe::new("guard").at(Priority::SECURITY).silent(),
    );
    world.shop.stock("work", Recipe::new("work"));
    world
        .shop
        .stock("late", Recipe::new("late").at(Priority::INTEGRATION));
    world.run(&["work", "late", "guard"]).await;
    world.shop.log();
    let dispatched = world.send("ask.who").await;
    assert!(matches!(dispatched.outcome, Outcome::Answered { by, .. } if by == id("work")));
    assert_eq!(
        world.shop.log(),
        ["handle guard ask.who", "handle work ask.who"]
    );
    assert_eq!(world.send("nobody.asks").await.outcome, Outcome::Unanswered);
    assert_eq!(world.shop.log(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_mod_is_asked_only_about_events_that_one_of_its_patterns_matches() {
    let world = World::new();
    let with = |patterns: &[&str]| {
        let mut recipe = Recipe::new("a");
        recipe.manifest.events = patterns
            .iter()
            .map(|text| EventPattern::new(text).unwrap())
            .collect();
        recipe
    };
    for (patterns, name, asked) in [
        (&["wiki.page.get"][..], "wiki.page.get", true),
        (&["wiki.page.get"], "wiki.page.getter", false),
        (&["wiki.*"], "wiki.page.get", true),
        (&["wiki.*"], "wikis.page", false),
        (&["*"], "any.thing", true),
        (&["aa.bb", "cc.*"], "cc.dd", true),
        (&[], "any.thing", false),
    ] {
        world.shop.stock("a", with(patterns));
        world.run(&[]).await;
        world.run(&["a"]).await;
        assert_eq!(
            world.answer(name).await.is_some(),
            asked,
            "{patterns:?} {name}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_for_one_mod_goes_to_that_mod_only_by_its_id_or_its_path() {
    let world = World::new();
    world.run(&["a", "b"]).await;
    for target in ["b", "test.b"] {
        let to = event("ask.who").to(Destination::Mod(target.into()));
        let dispatched = world.host.dispatch(to).await;
        assert!(
            matches!(dispatched.outcome, Outcome::Answered { by, .. } if by == id("b")),
            "{target}"
        );
    }
    world.shop.log();
    let other = event("to_b.ping").to(Destination::Mod("a".into()));
    assert_eq!(
        world.host.dispatch(other).await.outcome,
        Outcome::Unanswered
    );
    let missing = event("to_b.ping").to(Destination::Mod("test.c".into()));
    assert_eq!(
        world.host.dispatch(missing).await.outcome,
        Outcome::NoSuchTarget {
            target: "test.c".into()
        }
    );
    assert_eq!(world.shop.log(), [""; 0]);
}

/// Caught: the first failure ends the way of the event.
#[tokio::test(start_paused = true)]
async fn a_mod_that_fails_in_whatever_way_is_noted_and_the_next_one_is_asked() {
    for (act, kind, said) in [
        (Act::Fail, CallFailureKind::Error, "failed: told to fail"),
        (
            Act::Panic,
            CallFailureKind::Panic,
            "panicked: told to panic",
        ),
        (
            Act::Hang,
            CallFailureKind::Deadline,
            "did not end within 10s",
        ),
    ] {
        let world = World::new();
        world.shop.behave("a", Step::Handle, act);
        world.run(&["a", "b"]).await;
        let asked = event("ask.who");
        let correlation = Arc::clone(&asked.correlation_id);
        let dispatched = world.host.dispatch(asked).await;
        assert!(
            matches!(dispatched.outcome, Outcome::Answered { by, .. } if by == id("b")),
            "{said}"
        );
        let failure = &dispatched.failures[0];
        assert_eq!(
            (&failure.id, failure.generation, failure.kind),
            (&id("a"), 1, kind)
        );
        assert_eq!(failure.message, said);
        assert_eq!(dispatched.correlation_id, correlation);
        let tally = world.host.status("a").unwrap().tally;
        assert_eq!(
            (tally.done, tally.failed, tally.last_error.as_deref()),
            (0, 1, Some(said))
        );
        assert_eq!(world.host.status("b").unwrap().tally.done, 1);
        assert_eq!(
            world.state("a"),
            Some("running"),
            "it is asked again next time"
        );
    }
}

/// Caught: a queue without a bound; a bound for all mods together.
#[tokio::test(start_paused = true)]
async fn what_a_mod_cannot_take_is_refused_at_once_and_other_mods_do_not_feel_it() {
    let world = World::with(HostSettings {
        concurrency: 2,
        queue: 3,
        ..HostSettings::default()
    });
    let gate = world.shop.gate("slow", Step::Handle);
    world.run(&["slow", "zippy"]).await;
    let mut waiting = Vec::new();
    for _ in 0..5 {
        let host = world.host.clone();
        waiting.push(in_background(async move {
            host.dispatch(event("to_slow.ping")).await
        }));
    }
    eventually("two are asked", || {
        world.shop.count("handle slow to_slow.ping") == 2
    })
    .await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(
        world.shop.count("handle slow to_slow.ping"),
        2,
        "and no more"
    );
    let refused = world.send("to_slow.ping").await;
    assert_eq!(refused.failures[0].kind, CallFailureKind::Overloaded);
    let began = tokio::time::Instant::now();
    let both = world.send("ask.who").await;
    assert!(matches!(both.outcome, Outcome::Answered { by, .. } if by == id("zippy")));
    assert_eq!(began.elapsed(), Duration::ZERO);
    gate.add_permits(5);
    for asked in waiting {
        assert!(matches!(
            asked.await.unwrap().outcome,
            Outcome::Answered { .. }
        ));
    }
    let tally = world.host.status("slow").unwrap().tally;
    assert_eq!((tally.done, tally.refused), (5, 2));
}

/// The time in the queue counts, or a queue of slow ones would have no deadline at all.
///
/// Caught: the deadline begins with the place.
#[tokio::test(start_paused = true)]
async fn the_deadline_of_an_event_begins_when_it_begins_to_wait() {
    let world = World::with(HostSettings {
        concurrency: 1,
        ..HostSettings::default()
    });
    world.shop.behave("slow", Step::Handle, Act::Hang);
    world.run(&["slow"]).await;
    let began = tokio::time::Instant::now();
    let (one, other) = tokio::join!(world.send("to_slow.ping"), world.send("to_slow.ping"));
    assert_eq!(began.elapsed().as_secs(), 10);
    for dispatched in [one, other] {
        assert_eq!(dispatched.failures[0].kind, CallFailureKind::Deadline);
    }
}

/// Two mods, and an event for both that waits in the first until there is a permit.
async fn waits_in_the_first_of_two() -> (World, Arc<Semaphore>, JoinHandle<Dispatched>) {
    let world = World::new();
    let gate = world.shop.gate("first", Step::Handle);
    world.shop.change("first", |recipe| {
        recipe.answers = false;
        recipe.manifest.priority = Priority::SECURITY;
    });
    world.run(&["first", "second"]).await;
    let host = world.host.clone();
    let asked = in_background(async move { host.dispatch(event("ask.who")).await });
    eventually("it is asked", || {
        world.shop.count("handle first ask.who") == 1
    })
    .await;
    (world, gate, asked)
}

/// A mod does not wait to be drained for events that wait in another one.
///
/// Caught: leases of all mods on the way of an event, held from its begin.
#[tokio::test(start_paused = true)]
async fn a_mod_can_go_while_an_event_that_would_have_come_to_it_waits_in_another() {
    let (world, gate, asked) = waits_in_the_first_of_two().await;
    let began = tokio::time::Instant::now();
    world.run(&["first"]).await;
    world.host.retired("second").await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    gate.add_permits(1);
    assert_eq!(asked.await.unwrap().outcome, Outcome::Unanswered);
}

/// Caught: who is asked decided by the patterns of a generation that is gone.
#[tokio::test(start_paused = true)]
async fn a_mod_that_came_anew_meanwhile_is_asked_what_it_wants_now() {
    let (world, gate, asked) = waits_in_the_first_of_two().await;
    world.shop.change("second", |recipe| {
        recipe.manifest.events.pop();
    });
    world.host.reload("second").await.unwrap();
    gate.add_permits(1);
    assert_eq!(asked.await.unwrap().outcome, Outcome::Unanswered);
}

/// Caught: the way of an event as part of the call.
#[tokio::test(start_paused = true)]
async fn an_event_goes_on_when_its_sender_goes_away() {
    let world = World::new();
    let gate = world.shop.gate("a", Step::Handle);
    world.run(&["a"]).await;
    let host = world.host.clone();
    let sender = in_background(async move { host.dispatch(event("to_a.ping")).await });
    eventually("it is asked", || {
        world.shop.count("handle a to_a.ping") == 1
    })
    .await;
    sender.abort();
    gate.add_permits(1);
    eventually("it is done", || {
        world.host.status("a").unwrap().tally.done == 1
    })
    .await;
}

/// A mod whose context the test holds.
async fn with_context(world: &World, permissions: &[&str]) -> Context {
    let kept: Arc<Mutex<Option<Context>>> = Arc::default();
    let keep = Arc::clone(&kept);
    world.shop.stock(
        "a",
        Recipe::new("a").using(move |context| {
            *keep.lock().unwrap() = Some(context.clone());
            Ok(())
        }),
    );
    let granted = Permissions::parse(permissions.iter().copied()).unwrap();
    world
        .host
        .reconcile(vec![Desired {
            permissions: granted,
            ..desired("a")
        }])
        .await;
    let context = kept.lock().unwrap().clone();
    context.unwrap()
}

fn tell(context: &Context, name: &str, cause: Option<&ModEvent>) -> Result<(), EmitError> {
    context.emit(
        EventName::new(name).unwrap(),
        Map::new(),
        Destination::Broadcast,
        cause,
    )
}

/// A9: who may tell what was written down and never looked at.
///
/// Caught: grants that are not looked at.
#[tokio::test(start_paused = true)]
async fn a_mod_tells_events_of_its_own_name_and_those_it_was_granted() {
    let world = World::new();
    let context = with_context(&world, &["event:board.*"]).await;
    tell(&context, "board.moved", None).unwrap();
    let refused = tell(&context, "mod.loaded", None).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "mod `a` may not tell `mod.loaded`: grant it `event:mod.loaded`, or name the event `a.…`"
    );
    let cause = event("ask.who");
    tell(&context, "board.moved", Some(&cause)).unwrap();
    let mut emissions = world.emissions.lock().await;
    let first = emissions.next().await.unwrap();
    assert_eq!(
        (first.from, first.generation, first.except),
        (id("a"), 1, None)
    );
    assert_eq!(&*first.event.source, format!("mod:{}", path("a")));
    let second = emissions.next().await.unwrap();
    assert_eq!(second.event.correlation_id, cause.correlation_id);
    assert_eq!(second.except.as_deref(), Some("alice"));
}

/// B15: queues had no bound, whatever was configured.
///
/// Caught: places that are given back when the event is put in.
#[tokio::test(start_paused = true)]
async fn a_mod_that_floods_fills_its_own_places_and_no_others() {
    let world = World::with(HostSettings {
        emissions: 3,
        ..HostSettings::default()
    });
    let context = with_context(&world, &["*"]).await;
    for _ in 0..3 {
        tell(&context, "aa.bb", None).unwrap();
    }
    assert!(matches!(
        tell(&context, "aa.bb", None),
        Err(EmitError::Full { limit: 3, .. })
    ));
    world.emissions.lock().await.next().await.unwrap();
    tell(&context, "aa.bb", None).unwrap();
    world.host.reload("a").await.unwrap();
    world.host.retired("a").await;
    assert!(
        matches!(tell(&context, "aa.bb", None), Err(EmitError::Closed { .. })),
        "it is stopped"
    );
}

/// What nobody takes does not grow with each generation that tells some more.
///
/// Caught: places of each generation.
#[tokio::test(start_paused = true)]
async fn a_mod_that_is_built_again_and_again_has_no_more_places_than_before() {
    let world = World::with(HostSettings {
        emissions: 3,
        ..HostSettings::default()
    });
    let told = Arc::new(Mutex::new(0));
    let count = Arc::clone(&told);
    world.shop.stock(
        "aa",
        Recipe::new("aa").using(move |context| {
            for _ in 0..2 {
                *count.lock().unwrap() += usize::from(tell(context, "aa.bb", None).is_ok());
            }
            Ok(())
        }),
    );
    world.run(&["aa"]).await;
    for _ in 0..5 {
        world.host.reload("aa").await.unwrap();
    }
    assert_eq!(*told.lock().unwrap(), 3);
    world.run(&[]).await;
    world.assert_empty().await;
    world.run(&["aa"]).await;
    assert_eq!(*told.lock().unwrap(), 3, "they wait still");
    let mut emissions = world.emissions.lock().await;
    for _ in 0..3 {
        emissions.next().await.unwrap();
    }
    world.host.reload("aa").await.unwrap();
    assert_eq!(*told.lock().unwrap(), 5);
}

use crate::world::{Recipe, World, desired, id};
use hotbed_mods::{BoxError, Context, Desired, Permissions};
use std::sync::{Arc, Mutex};

/// What is provided in these tests.
struct Counter(Mutex<u64>);

fn provides(name: &'static str, number: u64) -> impl Fn(&Context) -> Result<(), BoxError> {
    move |context| Ok(context.provide(name, Arc::new(Counter(Mutex::new(number))))?)
}

fn requires(name: &'static str) -> impl Fn(&Context) -> Result<(), BoxError> {
    move |context| {
        let counter = context.require::<Counter>(name)?;
        *counter.0.lock().unwrap() += 1;
        Ok(())
    }
}

/// A3: a service that was there without being built could not be depended on.
#[tokio::test(start_paused = true)]
async fn a_mod_uses_the_services_of_the_host_and_of_those_it_depends_on() {
    let of_host = Arc::new(Counter(Mutex::new(0)));
    let world = World::built(|builder| builder.service("clock", Arc::clone(&of_host)));
    world
        .shop
        .stock("low", Recipe::new("low").using(provides("numbers", 7)));
    world.shop.stock(
        "top",
        Recipe::new("top").on(&["low"]).using(requires("numbers")),
    );
    world
        .shop
        .stock("timer", Recipe::new("timer").using(requires("clock")));
    let report = world.run(&["low", "top", "timer"]).await;
    assert!(report.failed.is_empty(), "{report}");
    assert_eq!(*of_host.0.lock().unwrap(), 1);
    let provided: Vec<(String, Option<String>)> = world
        .host
        .services()
        .into_iter()
        .map(|service| (service.name, service.provider.map(|id| id.to_string())))
        .collect();
    assert_eq!(
        provided,
        [
            ("clock".to_owned(), None),
            ("numbers".to_owned(), Some("low".to_owned()))
        ]
    );
}

/// A9: permissions were kept and never looked at. A15: a service was used that no dependency was declared for.
///
/// Caught: permissions that are not looked at.
#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_granted_not_declared_or_of_another_type_is_refused_by_name() {
    let world = World::built(|builder| builder.service("clock", Arc::new(7_u8)));
    world
        .shop
        .stock("low", Recipe::new("low").using(provides("numbers", 7)));
    world.shop.stock(
        "undeclared",
        Recipe::new("undeclared").using(requires("numbers")),
    );
    world.shop.stock(
        "ungranted",
        Recipe::new("ungranted")
            .on(&["low"])
            .using(requires("numbers")),
    );
    world
        .shop
        .stock("mistaken", Recipe::new("mistaken").using(requires("clock")));
    world.shop.stock(
        "twice",
        Recipe::new("twice").using(|context| {
            provides("numbers", 1)(context)?;
            provides("numbers", 2)(context)
        }),
    );
    let ungranted = Desired {
        permissions: Permissions::none(),
        ..desired("ungranted")
    };
    let mut all = vec![ungranted];
    all.extend(["low", "undeclared", "mistaken", "twice"].map(desired));
    let report = world.host.reconcile(all).await;
    for (name, said) in [
        (
            "undeclared",
            "neither the host nor a mod that `undeclared` depends on provides service `numbers`",
        ),
        (
            "ungranted",
            "mod `ungranted` may not use service `numbers`: grant it `service:numbers`",
        ),
        (
            "mistaken",
            "service `clock` is of type `u8`, and mod `mistaken` wants `",
        ),
        ("twice", "mod `twice` provides service `numbers` twice"),
    ] {
        assert!(report.failed[&id(name)].contains(said), "{name}: {report}");
    }
    assert_eq!(report.failed.len(), 4);
}

/// A service, and what it was asked by.
type Stolen = (Arc<Counter>, Context);

/// Caught: services that are not taken back.
#[tokio::test(start_paused = true)]
async fn services_are_taken_back_when_their_mod_goes_and_who_keeps_one_is_named() {
    let world = World::new();
    world
        .shop
        .stock("low", Recipe::new("low").using(provides("numbers", 7)));
    let stolen: Arc<Mutex<Option<Stolen>>> = Arc::default();
    let thief = Arc::clone(&stolen);
    world.shop.stock(
        "top",
        Recipe::new("top").on(&["low"]).using(move |context| {
            let numbers = context.require::<Counter>("numbers")?;
            *thief.lock().unwrap() = Some((numbers, context.clone()));
            Ok(())
        }),
    );
    world.run(&["low", "top"]).await;
    world.run(&[]).await;
    world.host.retired("low").await;
    assert_eq!(world.host.services(), []);
    assert_eq!(world.host.leftovers().services, ["low/numbers"]);
    let (numbers, context) = stolen.lock().unwrap().take().unwrap();
    assert!(
        context.require::<Counter>("numbers").is_err(),
        "it is handed out no more, whoever kept what it was asked by"
    );
    drop(numbers);
    world.assert_empty().await;
}

/// What a mod could not be decided by is refused: who depends on it may be up by then.
#[tokio::test(start_paused = true)]
async fn nothing_is_provided_after_the_start() {
    let world = World::new();
    let kept: Arc<Mutex<Option<Context>>> = Arc::default();
    let keep = Arc::clone(&kept);
    world.shop.stock(
        "low",
        Recipe::new("low").using(move |context| {
            *keep.lock().unwrap() = Some(context.clone());
            Ok(())
        }),
    );
    world.run(&["low"]).await;
    let context = kept.lock().unwrap().take().unwrap();
    let late = provides("numbers", 1)(&context).unwrap_err();
    assert_eq!(
        late.to_string(),
        "mod `low` cannot provide service `numbers` now: provide it before `start` returns"
    );
}

/// A13: "reload" gave the same instance its old services again.
#[tokio::test(start_paused = true)]
async fn a_reload_gives_those_who_depend_on_a_mod_its_new_services() {
    let world = World::new();
    world
        .shop
        .stock("low", Recipe::new("low").using(provides("numbers", 1)));
    let seen: Arc<Mutex<Vec<u64>>> = Arc::default();
    let note = Arc::clone(&seen);
    world.shop.stock(
        "top",
        Recipe::new("top").on(&["low"]).using(move |context| {
            let counter = context.require::<Counter>("numbers")?;
            note.lock().unwrap().push(*counter.0.lock().unwrap());
            Ok(())
        }),
    );
    world.run(&["low", "top"]).await;
    world
        .shop
        .stock("low", Recipe::new("low").using(provides("numbers", 2)));
    world.host.reload("low").await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [1, 2]);
    world.run(&[]).await;
    world.assert_empty().await;
}

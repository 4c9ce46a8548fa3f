//! What becomes of instances when the environment is replaced that they were built in.

use crate::world::{Behaviour, Workshop, World, eventually, name, pass};
use hotbed_cache::{CacheSettings, CachingRegistryManager, FailureKind, InstanceState};
use hotbed_configs::{ConfigSchema, Environment, Variables};
use hotbed_registry::{Draft, PortableConfig, Precondition, Revision};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// An environment with one resource and one variable.
fn environment(model: &str, greeting: &str) -> Arc<Environment> {
    let variables = Variables::from_iter([("GREETING".to_owned(), greeting.to_owned())]);
    let yaml = format!("resources: {{llms: {{chat: {{model: {model}}}}}}}");
    let environment = Environment::parse("test.yaml", &yaml, &variables).unwrap();
    Arc::new(environment)
}

/// A world whose cache builds in an environment.
fn world(environment: Arc<Environment>) -> World {
    let world = World::new(CacheSettings::default());
    let workshop = Workshop::default();
    let cache = CachingRegistryManager::builder(world.registry.reader(), workshop.clone());
    let cache = Arc::new(cache.environment(environment).build());
    world.registry.add_observer(cache.clone());
    World {
        cache,
        workshop,
        ..world
    }
}

async fn put(world: &World, id: &str, config: Value) -> Revision {
    let draft = Draft::active(PortableConfig::from_value(config).unwrap());
    let id = name(id);
    let put = world.registry.put(&id, draft, Precondition::Any);
    put.await.unwrap().registration.revision
}

/// One bot refers to a resource, one to a variable, one to nothing. Only what resolves to something else is rebuilt, once,
/// also what nobody has used for longer than a TTL, and who uses it is not kept waiting.
///
/// Mutations, each tried: `still_fits` is always true, or always false; `catch_up` looks only at what was used lately. Meant
/// to catch, too: `start_early` asks nothing of a misfit; `judge` leaves `fits` as it is when an instance is confirmed.
#[tokio::test(start_paused = true)]
async fn a_new_environment_rebuilds_exactly_what_resolves_to_something_else() {
    let world = world(environment("small", "hello"));
    put(
        &world,
        "refers",
        json!({"llm": {"$resource": "chat", "type": "llms"}}),
    )
    .await;
    put(&world, "varies", json!({"prompt": "${GREETING}"})).await;
    put(&world, "stands", json!({"prompt": "plain"})).await;
    let ids = ["refers", "varies", "stands"];
    let begun = || ids.map(|id| world.workshop.begun(id));
    for id in ids {
        world.get(id).await.unwrap();
    }
    // Longer than a TTL, shorter than what makes an id idle.
    pass(Duration::from_mins(20)).await;
    let old = world.get("refers").await.unwrap();
    assert_eq!(begun(), [1, 1, 1]);

    let gate = world.workshop.gate("refers");
    world.cache.rebind(environment("large", "hello"), None);
    eventually("it is being rebuilt", || {
        world.workshop.begun("refers") == 2
    })
    .await;
    assert_eq!(world.get("refers").await.unwrap().serial, old.serial);
    gate.add_permits(1);
    eventually("the new one serves", || {
        world
            .cache
            .hit("refers")
            .is_some_and(|it| it.serial != old.serial)
    })
    .await;
    pass(Duration::from_secs(30)).await;
    assert_eq!(begun(), [2, 1, 1]);
    assert!(!world.workshop.destroyed(old.serial));

    world.cache.rebind(environment("large", "servus"), None);
    eventually("the other is rebuilt", || {
        world.workshop.begun("varies") == 2
    })
    .await;
    pass(Duration::from_secs(30)).await;
    assert_eq!(begun(), [2, 2, 1]);

    world.cache.rebind(environment("large", "servus"), None);
    pass(Duration::from_mins(20)).await;
    assert_eq!(begun(), [2, 2, 1], "the same environment again");
}

/// The environment is replaced while an instance is built in the old one: it is seen to afterwards.
///
/// Meant to catch: a build notes the environment that stands when it ends; `go_round` does not ask `check_due` (the queue
/// gave the slot away while it was being built).
#[tokio::test(start_paused = true)]
async fn an_environment_that_comes_during_a_build_is_seen_after_it() {
    let world = world(environment("small", "hello"));
    let revision = put(&world, "a", json!({"prompt": "${GREETING}"})).await;
    let gate = world.workshop.gate("a");
    let mut asked = tokio::task::JoinSet::new();
    world.ask(&mut asked, "a");
    eventually("it is being built", || world.workshop.begun("a") == 1).await;
    world.cache.rebind(environment("small", "servus"), None);
    pass(Duration::from_secs(10)).await;
    gate.add_permits(1);
    let first = asked.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(first.revision(), revision);
    gate.add_permits(1);
    eventually("it is built in the new one", || {
        world
            .cache
            .hit("a")
            .is_some_and(|it| it.serial != first.serial)
    })
    .await;
    pass(Duration::from_mins(1)).await;
    assert_eq!(world.workshop.begun("a"), 2);
}

/// What lacks something in the new environment goes on serving what was built in the old one, and says so; once it is
/// there again, no back-off is waited for.
///
/// Mutation, tried: `still_fits` is true where nothing can be resolved. Meant to catch, too: `learn` forgives nothing.
#[tokio::test(start_paused = true)]
async fn what_does_not_resolve_any_more_serves_on_and_is_tried_again_with_the_next_environment() {
    let world = world(environment("small", "hello"));
    let needs = json!({"llm": {"$resource": "chat", "type": "llms", "$required": true}});
    put(&world, "a", needs).await;
    let good = world.get("a").await.unwrap();
    world
        .cache
        .rebind(Arc::new(Environment::empty("bare")), None);
    eventually("it is known", || {
        world.state("a") == Some(InstanceState::Degraded)
    })
    .await;
    let failure = world.cache.held_for(&name("a")).unwrap().failure.unwrap();
    assert_eq!(failure.kind, FailureKind::Config);
    assert_eq!(world.get("a").await.unwrap().serial, good.serial);
    pass(Duration::from_mins(5)).await;

    world.cache.rebind(environment("small", "hello"), None);
    // One tick of the keeper.
    pass(Duration::from_millis(200)).await;
    assert_eq!(world.state("a"), Some(InstanceState::Ready));
    assert_eq!(world.get("a").await.unwrap().serial, good.serial);
    assert_eq!(world.workshop.begun("a"), 1);
}

/// The same for what could never be built.
#[tokio::test(start_paused = true)]
async fn what_was_never_built_is_built_once_the_environment_has_what_it_lacks() {
    let world = world(Arc::new(Environment::empty("bare")));
    put(&world, "a", json!({"prompt": "${GREETING}"})).await;
    for _ in 0..10 {
        world.get("a").await.unwrap_err();
        pass(Duration::from_secs(30)).await;
    }
    world.get("a").await.unwrap_err();
    world.workshop.behave("a", Behaviour::Build);
    world.cache.rebind(environment("small", "hello"), None);
    world.get("a").await.unwrap();
}

/// A schema judges at the door and at each build, by what a configuration resolves to. What stood before it came serves on.
///
/// Meant to catch: the door, or the build, does not ask the schema; the schema is asked before references are bound.
#[tokio::test(start_paused = true)]
async fn a_schema_is_held_against_what_configurations_resolve_to() {
    let world = world(environment("small", "hello"));
    world.registry.add_check(Arc::new(world.cache.door_check()));
    let refers = json!({"llm": {"$resource": "chat", "type": "llms"}});
    let draft = Draft::active(PortableConfig::from_value(refers).unwrap());
    put(&world, "a", json!({"llm": {"model": "large"}})).await;
    let good = world.get("a").await.unwrap();

    let schema = "properties: {llm: {properties: {model: {const: small}}}}";
    let schema = Arc::new(ConfigSchema::parse("bots.yaml", schema).unwrap());
    world
        .cache
        .rebind(environment("small", "hello"), Some(schema));
    eventually("it is known", || {
        world.state("a") == Some(InstanceState::Degraded)
    })
    .await;
    let failure = world.cache.held_for(&name("a")).unwrap().failure.unwrap();
    assert_eq!(failure.kind, FailureKind::Config);
    assert_eq!(failure.message, "llm.model: \"small\" was expected");
    assert_eq!(world.get("a").await.unwrap().serial, good.serial);

    let put = world
        .registry
        .put(&name("b"), draft.clone(), Precondition::Any)
        .await;
    assert_eq!(put.unwrap().warnings, [] as [&str; 0]);
    world.get("b").await.unwrap();
    let large = PortableConfig::from_value(json!({"llm": {"model": "large"}})).unwrap();
    let put = world
        .registry
        .put(&name("c"), Draft::active(large), Precondition::Any)
        .await;
    assert_eq!(put.unwrap().warnings, ["llm.model: \"small\" was expected"]);
    world.get("c").await.unwrap_err();
}

use crate::world::{Recipe, World, config, desired, id, path};
use hotbed_mods::{BuiltIns, Cascade, Desired, LoadError, ModHost, ModPath, UnloadError};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn an_id_is_the_last_segment_of_the_path_unless_the_manifest_says_otherwise() {
    let world = World::new();
    assert_eq!(
        world.host.identify(&path("wiki")).await.unwrap(),
        id("wiki")
    );
    world
        .shop
        .change("wiki", |recipe| recipe.manifest.id = Some(id("pages")));
    assert_eq!(
        world.host.identify(&path("wiki")).await.unwrap(),
        id("pages")
    );
    let missing = world.host.identify(&path("missing")).await.unwrap_err();
    assert_eq!(
        missing.to_string(),
        "mod 'test.missing' is not loaded: no mod is at test.missing: there are test.*"
    );
}

/// B3: of two paths with one last segment the second was constructed and initialized, and only then refused.
#[tokio::test(start_paused = true)]
async fn a_clash_is_refused_before_anything_is_constructed() {
    let world = World::new();
    world.host.load(desired("wiki")).await.unwrap();
    let other = ModPath::new("test.other.wiki").unwrap();
    let clash = Desired::new(id("wiki"), other, config(json!({})));
    let refused = world.host.load(clash.clone()).await.unwrap_err();
    assert!(matches!(refused, LoadError::Clash { .. }), "{refused}");
    let again = world.host.load(desired("wiki")).await.unwrap_err();
    assert_eq!(again.to_string(), "mod 'wiki' is already loaded");
    let report = world.host.reconcile(vec![desired("wiki"), clash]).await;
    assert!(
        report.failed[&id("wiki")].contains("its id is taken: test.wiki has it"),
        "{report}"
    );
    assert_eq!(world.shop.constructed(), 1);
    assert_eq!(world.state("wiki"), Some("running"));
}

/// B1: unloading by another path with the same last segment said that it was done, and left a mod that could be neither
/// loaded nor unloaded.
///
/// Caught: a path compared by its last segment.
#[tokio::test(start_paused = true)]
async fn a_mod_is_unloaded_by_exactly_its_id_or_exactly_its_path_and_by_nothing_else() {
    let world = World::new();
    for name in ["wiki", "test.wiki"] {
        world.host.load(desired("wiki")).await.unwrap();
        for other in ["other.wiki", "test.wiki.", "Wiki", "wik", "test", ""] {
            let refused = world.host.unload(other, Cascade::Refuse).await.unwrap_err();
            assert_eq!(refused.to_string(), format!("mod '{other}' is not loaded"));
        }
        assert_eq!(
            world
                .answer("to_wiki.ping")
                .await
                .map(|by| by.starts_with("wiki@")),
            Some(true)
        );
        let unloaded = world.host.unload(name, Cascade::Refuse).await.unwrap();
        assert_eq!(
            (unloaded.ids, unloaded.troubles.len()),
            (vec![id("wiki")], 0)
        );
        assert_eq!(world.answer("to_wiki.ping").await, None);
        world.assert_empty().await;
    }
    let refused = world
        .host
        .unload("wiki", Cascade::Refuse)
        .await
        .unwrap_err();
    assert!(matches!(refused, UnloadError::NotLoaded { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_path_that_two_mods_have_names_neither() {
    let world = World::new();
    let second = Desired {
        path: path("wiki"),
        ..desired("wiki2")
    };
    world.host.reconcile(vec![desired("wiki"), second]).await;
    let refused = world
        .host
        .unload("test.wiki", Cascade::Refuse)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, UnloadError::Ambiguous { .. }),
        "{refused}"
    );
    world.host.unload("wiki2", Cascade::Refuse).await.unwrap();
    world
        .host
        .unload("test.wiki", Cascade::Refuse)
        .await
        .unwrap();
    world.assert_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_mod_is_not_unloaded_while_another_depends_on_it_unless_that_goes_too() {
    let world = World::new();
    world.shop.stock("mid", Recipe::new("mid").on(&["low"]));
    world.shop.stock("top", Recipe::new("top").on(&["mid"]));
    world.run(&["low", "mid", "top", "apart"]).await;
    let refused = world.host.unload("low", Cascade::Refuse).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "mod 'low' is needed by mid, top: unload them first, or all of them with `cascade`"
    );
    assert_eq!(world.host.dependents(&id("mid")).await, [id("top")]);
    world.shop.log();
    let unloaded = world.host.unload("low", Cascade::Dependents).await.unwrap();
    assert_eq!(unloaded.ids, [id("top"), id("mid"), id("low")]);
    assert_eq!(world.shop.order_of("stop"), ["top", "mid", "low"]);
    assert_eq!(world.host.statuses().len(), 1);
    assert_eq!(world.state("apart"), Some("running"));
}

/// B1, B4: after a load that failed there is nothing to be in the way of the next.
#[tokio::test(start_paused = true)]
async fn a_load_that_failed_leaves_nothing_and_can_be_tried_again() {
    let world = World::new();
    world
        .shop
        .behave("a", crate::world::Step::Start, crate::world::Act::Fail);
    let failed = world.host.load(desired("a")).await.unwrap_err();
    assert_eq!(
        failed.to_string(),
        "mod 'a' is not loaded: start failed: told to fail"
    );
    world.assert_empty().await;
    world.shop.stock("a", Recipe::new("a"));
    assert!(world.host.load(desired("a")).await.unwrap().is_well());
}

/// A loader decides by the kind of the path; a kind without a loader is refused by name.
#[tokio::test(start_paused = true)]
async fn a_path_of_a_kind_without_a_loader_is_refused_by_saying_so() {
    let (host, _emissions) = ModHost::builder().loader(BuiltIns::standard()).build();
    for (path, scheme) in [
        ("mods/wiki.wasm", "wasm"),
        ("https://example.org/wiki.wasm", "https"),
        ("./local", "directory"),
    ] {
        let wanted = Desired::new(id("wiki"), ModPath::new(path).unwrap(), config(json!({})));
        let refused = host.load(wanted).await.unwrap_err().to_string();
        assert_eq!(
            refused,
            format!(
                "mod 'wiki' is not loaded: no loader takes {scheme} paths such as {path}: there are loaders for built-in"
            )
        );
    }
    let unknown = ModPath::new("openagents.mods.core.nothing").unwrap();
    let refused = host.identify(&unknown).await.unwrap_err().to_string();
    assert!(
        refused
            .contains("no mod is at openagents.mods.core.nothing: there are hotbed.mods.project, "),
        "{refused}"
    );
}

//! Mods, loaded and unloaded by events: section 6 of the contract, word for word.

use crate::world::{World, settings};
use serde_json::{Value, json};

const CACHE: &str = "openagents.mods.core.shared_cache";

fn answer(name: &str, success: bool, message: &str, data: &Value) -> Value {
    json!({
        "success": success,
        "message": message,
        "data": data,
        "event_name": format!("system.mod.{name}"),
    })
}

/// What is asked, once the cache is loaded, in this order: the command, its payload, and the answer.
fn rest_of_its_life() -> Vec<(&'static str, Value, bool, &'static str, Value)> {
    let cache = || json!({"mod_path": CACHE});
    vec![
        (
            "load",
            cache(),
            false,
            "Mod 'shared_cache' is already loaded",
            Value::Null,
        ),
        (
            "load",
            json!({"mod_path": "hotbed.mods.shared_cache"}),
            false,
            "Failed to load mod: Mod 'shared_cache' is already registered",
            Value::Null,
        ),
        (
            "load",
            json!({}),
            false,
            "mod_path is required in payload",
            Value::Null,
        ),
        (
            "load",
            json!({"mod_path": 7}),
            false,
            "mod_path must be a text of at most 4096 bytes",
            Value::Null,
        ),
        (
            "load",
            json!({"mod_path": CACHE, "config": []}),
            false,
            "config must be an object",
            Value::Null,
        ),
        (
            "reload",
            cache(),
            true,
            "Successfully reloaded mod: shared_cache",
            json!({"mod_id": "shared_cache", "mod_path": CACHE}),
        ),
        (
            "reload",
            json!({"mod_path": "wiki"}),
            false,
            "Mod 'wiki' is not loaded",
            Value::Null,
        ),
        (
            "unload",
            json!({}),
            false,
            "mod_path is required in payload",
            Value::Null,
        ),
        (
            // Another path with the same last segment is another mod.
            "unload",
            json!({"mod_path": "other.shared_cache"}),
            false,
            "Mod 'shared_cache' is not loaded",
            Value::Null,
        ),
        (
            "unload",
            cache(),
            true,
            "Successfully unloaded mod: shared_cache",
            json!({"mod_id": "shared_cache"}),
        ),
        (
            "unload",
            cache(),
            false,
            "Mod 'shared_cache' is not loaded",
            Value::Null,
        ),
        (
            "load",
            cache(),
            true,
            "Successfully loaded mod: shared_cache",
            json!({"mod_id": "shared_cache", "mod_path": CACHE}),
        ),
        (
            "unload",
            json!({"mod_path": "shared_cache"}),
            true,
            "Successfully unloaded mod: shared_cache",
            json!({"mod_id": "shared_cache"}),
        ),
    ]
}

#[tokio::test]
async fn loading_and_unloading_answer_as_openagents_does() {
    let world = World::new();
    let root = world.admin();
    let loaded = world
        .post(&json!({
            "event_name": "system.mod.load",
            "source_id": "root",
            "event_id": "e1",
            "payload": {"mod_path": CACHE},
            "secret": root.secret,
        }))
        .await;
    assert_eq!(
        loaded,
        json!({
            "success": true,
            "message": "Successfully loaded mod: shared_cache",
            "event_id": "e1",
            "data": {"mod_id": "shared_cache", "mod_path": CACHE},
            "event_name": "system.mod.load",
        })
    );
    for (name, payload, success, message, data) in rest_of_its_life() {
        let event = format!("system.mod.{name}");
        let answered = world.ask(&root, &event, payload.clone()).await;
        assert_eq!(
            answered,
            answer(name, success, message, &data),
            "{name} {payload}"
        );
    }
}

#[tokio::test]
async fn what_does_not_load_says_why_after_the_words_that_clients_look_for() {
    let world = World::new();
    let root = world.admin();
    for (path, message) in [
        // These three are upstream's, word for word.
        ("no.such.mod", "No module named 'no'"),
        ("mod_x", "No module named 'mod_x'"),
        (
            "openagents.mods.core.nope",
            "No module named 'openagents.mods.core.nope'",
        ),
        (
            "a b",
            "\"a b\" is not the path of a mod: use printable text without spaces",
        ),
        (
            "mods/wiki.wasm",
            "no loader takes wasm paths such as mods/wiki.wasm: there are loaders for built-in",
        ),
        (
            "test.mods.broken",
            "initialize failed: the key 5ecre7 is wrong",
        ),
    ] {
        let answered = world
            .ask(&root, "system.mod.load", json!({"mod_path": path}))
            .await;
        assert_eq!(
            answered["message"],
            format!("Failed to load mod: {message}")
        );
        assert_eq!(answered["success"], false);
        assert_eq!(answered["data"], Value::Null);
    }
    assert_eq!(world.host.statuses(), []);
}

#[tokio::test]
async fn enabling_and_disabling_take_effect_at_once() {
    let world = World::new();
    let root = world.admin();
    let data = |command: &str, path: &str| json!({"type": "system_response", "command": command, "mod_path": path});
    world.load(&root, "test.mods.echo").await;
    let running = || world.host.status("echo").unwrap().generation.is_some();
    for (name, path, success, message, runs) in [
        (
            "disable",
            "echo",
            true,
            "Mod 'echo' disabled successfully",
            false,
        ),
        (
            "enable",
            "test.mods.echo",
            true,
            "Mod 'test.mods.echo' enabled successfully",
            true,
        ),
        (
            "disable",
            "wiki",
            false,
            "Mod 'wiki' not found in configuration",
            true,
        ),
    ] {
        let event = format!("system.mod.{name}");
        let answered = world.ask(&root, &event, json!({"mod_path": path})).await;
        let data = data(&format!("{name}_mod"), path);
        assert_eq!(answered, answer(name, success, message, &data));
        assert_eq!(running(), runs, "{name} {path}");
    }
    assert_eq!(
        world.ask(&root, "system.mod.enable", json!({})).await,
        answer(
            "enable",
            false,
            "Missing mod_path parameter",
            &json!({"type": "system_response", "command": "enable_mod"}),
        )
    );
}

#[tokio::test]
async fn mods_that_run_are_listed_with_what_they_say_of_themselves() {
    let world = World::new();
    let (root, alice) = (world.admin(), world.join("alice"));
    let listed = world.ask(&alice, "system.list_mods", json!({})).await;
    assert_eq!(
        listed["data"],
        json!({"type": "system_response", "command": "list_mods", "mods": []})
    );
    world.load(&root, "test.mods.echo").await;
    let payload = json!({"agent_id": "alice", "request_id": "r1"});
    let listed = world.ask(&alice, "system.list_mods", payload).await;
    assert_eq!(
        listed,
        json!({
            "success": true,
            "message": "Mod list retrieved successfully",
            "event_name": "system.list_mods",
            "data": {
                "type": "system_response",
                "command": "list_mods",
                "request_id": "r1",
                "mods": [{
                    "name": "test.mods.echo",
                    "description": "Says it again",
                    "version": "2.1.0",
                    "requires_adapter": false,
                    "capabilities": ["echo"],
                    "implementation": "test.mods.echo",
                    "authors": ["A. Uthor"],
                    "license": "MIT",
                    "network_mod_class": null,
                    "id": "echo",
                    "state": "running",
                    "generation": 1,
                }],
            },
        })
    );
    for name in ["echo", "test.mods.echo"] {
        let payload = json!({"mod_name": name});
        let shown = world.ask(&alice, "system.get_mod_manifest", payload).await;
        assert_eq!(
            shown,
            json!({
                "success": true,
                "message": "Mod manifest retrieved successfully",
                "event_name": "system.get_mod_manifest",
                "data": {
                    "type": "system_response",
                    "command": "get_mod_manifest",
                    "mod_name": name,
                    "manifest": {
                        "mod_name": "echo",
                        "version": "2.1.0",
                        "description": "Says it again",
                        "capabilities": ["echo"],
                        "dependencies": [],
                        "authors": ["A. Uthor"],
                        "license": "MIT",
                        "agent_adapter_class": null,
                        "network_mod_class": null,
                        "requires_adapter": false,
                        "metadata": {},
                        "default_config": {},
                        "config_schema": null,
                    },
                },
            })
        );
    }
    let payload = json!({"mod_name": "wiki"});
    let shown = world.ask(&alice, "system.get_mod_manifest", payload).await;
    assert_eq!(shown["message"], "No manifest found for mod wiki");
    assert_eq!(shown["success"], false);
    let shown = world
        .ask(&alice, "system.get_mod_manifest", json!({}))
        .await;
    assert_eq!(shown["message"], "Missing mod_name parameter");
}

#[tokio::test]
async fn the_groups_that_may_change_mods_are_a_setting() {
    let mut settings = settings();
    settings.authority = ["guest".to_owned()].into();
    let world = World::with(settings);
    let (root, alice) = (world.admin(), world.join("alice"));
    let load = || json!({"mod_path": CACHE});
    let denied = world.ask(&root, "system.mod.load", load()).await;
    assert_eq!(denied["message"], "Access denied. Admin group required.");
    let loaded = world.ask(&alice, "system.mod.load", load()).await;
    assert_eq!(loaded["success"], true, "{loaded}");
}

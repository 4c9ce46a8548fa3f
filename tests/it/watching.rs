//! A configuration directory that changes while the server runs.

use crate::harness::{DEADLINE, Launch, Node, eventually};
use nix::sys::signal::Signal;
use std::fs;
use std::path::{Path, PathBuf};

/// A directory with two bots and an environment, and a node that runs in it.
struct World {
    launch: Launch,
    dir: PathBuf,
}

impl World {
    fn new() -> Self {
        let launch = Launch::new();
        let dir = launch.home().join("configs");
        fs::create_dir_all(dir.join("environments")).unwrap();
        fs::create_dir_all(dir.join("domains")).unwrap();
        let launch = launch.arg("--config", &dir);
        let world = Self { launch, dir };
        world.environment("small", "");
        world.bot(
            "fixed",
            "llm: {provider: echo, model: m}, system_prompt: one",
        );
        world.bot(
            "bound",
            "llm: {$resource: chat, type: llms}, system_prompt: one",
        );
        world
    }

    /// The environment of this test: which model, and its settings.
    fn environment(&self, model: &str, settings: &str) {
        let yaml = format!(
            "resources: {{llms: {{chat: {{provider: echo, model: {model}}}}}}}\nsettings: {{{settings}}}\n"
        );
        replace(&self.dir.join("environments/development.yaml"), &yaml);
    }

    fn bot(&self, id: &str, config: &str) {
        let yaml = format!("domain: {{id: {id}, name: {id}}}\nbot: {{{config}}}\n");
        replace(&self.file(id), &yaml);
    }

    fn file(&self, id: &str) -> PathBuf {
        self.dir.join(format!("domains/{id}.yaml"))
    }
}

/// As an editor does: whoever reads sees the old text or the new one.
fn replace(path: &Path, text: &str) {
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, text).unwrap();
    fs::rename(temporary, path).unwrap();
}

async fn prompt_of(node: &Node, id: &str) -> String {
    let stored = node.get(&format!("/api/v1/bots/{id}")).await;
    stored.json()["config"]["system_prompt"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

async fn has_prompt(node: &Node, id: &str, prompt: &str) {
    eventually("the prompt", DEADLINE, async || {
        let found = prompt_of(node, id).await;
        if found == prompt { Ok(()) } else { Err(found) }
    })
    .await;
}

async fn builds(node: &Node) -> u64 {
    node.health().await["cache"]["builds"].as_u64().unwrap()
}

async fn warns(node: &Node, words: &str) {
    eventually("the warning", DEADLINE, async || {
        let warnings = node.health().await["warnings"].to_string();
        if warnings.contains(words) {
            Ok(())
        } else {
            Err(warnings)
        }
    })
    .await;
}

async fn is_content(node: &Node) {
    eventually("no warning", DEADLINE, async || {
        let warnings = node.health().await["warnings"].to_string();
        if warnings == "[]" {
            Ok(())
        } else {
            Err(warnings)
        }
    })
    .await;
}

/// The users' own schema of the collection is taken like all else in the directory: the door holds what is written against
/// it, bots that stand are held against it too and serve on, and one that is broken changes nothing.
///
/// Meant to catch: a schema that changed is not news; it is not handed on.
#[tokio::test]
async fn a_schema_of_the_directory_is_in_force_without_a_restart() {
    let world = World::new();
    let node = world.launch.start().await;
    node.served("fixed").await;
    fs::create_dir(world.dir.join("schemas")).unwrap();
    let file = world.dir.join("schemas/bots.yaml");
    let two = "properties: {system_prompt: {enum: [one, two]}}\n";
    replace(&file, two);
    let odd =
        serde_json::json!({"config": {"llm": {"provider": "echo"}, "system_prompt": "three"}});
    let said = "system_prompt: this is not one of";
    eventually("it is in force", DEADLINE, async || {
        let put = node.put("/api/v1/bots/odd", &odd).await.text;
        if put.contains(said) { Ok(()) } else { Err(put) }
    })
    .await;
    replace(&file, "properties: [one]\n");
    warns(&node, "not a JSON Schema").await;
    assert!(node.put("/api/v1/bots/odd", &odd).await.text.contains(said));

    replace(&file, "properties: {system_prompt: {const: three}}\n");
    eventually("it serves on and says why", DEADLINE, async || {
        let instance = node.instance("fixed").await.to_string();
        if instance.contains("system_prompt: ") {
            Ok(())
        } else {
            Err(instance)
        }
    })
    .await;
    assert_eq!(node.chat("fixed", "Hello").await.status, 200);
    is_content(&node).await;
    node.terminate().await;
}

/// A bot's file and the environment's change: the one is registered anew, the other rebuilds what it makes a difference
/// to, and nothing else.
///
/// Meant to catch: an environment that changed is not handed on; every change rebuilds everything; a bot that did not change
/// is written again.
#[tokio::test]
async fn what_changes_in_the_directory_is_in_service_without_a_restart() {
    let world = World::new();
    let node = world.launch.start().await;
    let fixed = node.served("fixed").await;
    let bound = node.served("bound").await;
    let head = node.head().await;

    world.bot(
        "fixed",
        "llm: {provider: echo, model: m}, system_prompt: two",
    );
    world.bot(
        "third",
        "llm: {provider: echo, model: m}, system_prompt: three",
    );
    has_prompt(&node, "fixed", "two").await;
    has_prompt(&node, "third", "three").await;
    assert!(node.served("fixed").await > fixed);
    assert_eq!(node.served("bound").await, bound);
    assert_eq!(node.head().await, head + 2, "one write for each");

    node.served("third").await;
    let before = builds(&node).await;
    world.environment("large", "");
    eventually("rebuilt", DEADLINE, async || {
        let now = builds(&node).await;
        if now > before {
            Ok(())
        } else {
            Err(now.to_string())
        }
    })
    .await;
    node.signal(Signal::SIGHUP);
    eventually("asked by hand", DEADLINE, async || {
        let log = node.errors();
        if log.contains("configuration directory is applied") {
            Ok(())
        } else {
            Err(log)
        }
    })
    .await;
    assert_eq!(
        builds(&node).await,
        before + 1,
        "the one that is bound to it"
    );
    assert_eq!(
        node.served("bound").await,
        bound,
        "nothing of it was written"
    );
    assert_eq!(node.head().await, head + 2);
    is_content(&node).await;
    node.terminate().await;
}

/// Meant to catch: what of a broken directory is good is applied; the error is not told; it stays told once all is mended.
#[tokio::test]
async fn a_broken_file_keeps_the_last_good_set_and_says_where_it_is_broken() {
    let world = World::new();
    let node = world.launch.start().await;
    let served = [node.served("fixed").await, node.served("bound").await];
    let head = node.head().await;

    fs::write(world.file("broken"), "domain: {id: broken}\nbot: [\n").unwrap();
    world.bot(
        "fixed",
        "llm: {provider: echo, model: m}, system_prompt: two",
    );
    warns(&node, "broken.yaml:").await;
    assert_eq!(node.head().await, head, "nothing is written");
    assert_eq!(
        [node.served("fixed").await, node.served("bound").await],
        served
    );

    fs::remove_file(world.file("broken")).unwrap();
    has_prompt(&node, "fixed", "two").await;
    is_content(&node).await;

    world.environment("\"${NOT_SET}\"", "");
    warns(&node, "NOT_SET").await;
    world.environment("small", "");
    is_content(&node).await;
    node.terminate().await;
}

/// Meant to catch: the file wins over what was written since; a file that goes takes its bot along. Tried: what is said of
/// bots is looked at again only when a file changes.
#[tokio::test]
async fn what_was_changed_elsewhere_is_not_overwritten_and_nothing_is_deleted() {
    let world = World::new();
    let node = world.launch.start().await;
    node.put_bot("fixed", "by the API").await;
    world.bot(
        "fixed",
        "llm: {provider: echo, model: m}, system_prompt: two",
    );
    warns(&node, "fixed: was changed in the registry").await;
    assert_eq!(prompt_of(&node, "fixed").await, "by the API");

    fs::remove_file(world.file("bound")).unwrap();
    warns(&node, "bound: is gone from the configuration directory").await;
    assert_eq!(prompt_of(&node, "bound").await, "one");
    node.delete("/api/v1/bots/bound").await;
    eventually("only the other is left", DEADLINE, async || {
        let warnings = node.health().await["warnings"].to_string();
        if warnings.contains("fixed") && !warnings.contains("bound") {
            Ok(())
        } else {
            Err(warnings)
        }
    })
    .await;
    // What is registered becomes what the file says: nothing is left to say, and nobody has to ask for it.
    let said = "domain: {id: fixed, name: fixed}";
    assert!(
        fs::read_to_string(world.file("fixed"))
            .unwrap()
            .contains(said)
    );
    let config = serde_json::json!({
        "config": {"llm": {"provider": "echo", "model": "m"}, "system_prompt": "two"},
        "metadata": {"name": "fixed"},
    });
    node.put("/api/v1/bots/fixed", &config).await.expect(200);
    is_content(&node).await;
    node.terminate().await;
}

/// Meant to catch: settings are read at start only; a setting that needs a restart is passed over; what needs none is changed
/// although something else does.
#[tokio::test]
async fn settings_change_live_and_those_that_cannot_are_named() {
    let world = World::new();
    world.environment("small", "log_level: warn, max_body_bytes: 4096");
    let node = world.launch.start().await;
    let large = serde_json::json!({"config": {"llm": {"provider": "echo", "model": "m"}, "pad": "x".repeat(5_000)}});
    node.put("/api/v1/bots/large", &large).await.expect(413);

    world.environment(
        "small",
        "log_level: info, max_body_bytes: 100000, cache_capacity: 1",
    );
    eventually("the limit", DEADLINE, async || {
        let answer = node.put("/api/v1/bots/large", &large).await;
        if matches!(answer.status, 200 | 201) {
            Ok(())
        } else {
            Err(format!("{answer:?}"))
        }
    })
    .await;
    node.signal(Signal::SIGHUP);
    eventually("the log", DEADLINE, async || {
        let log = node.errors();
        if log.contains("configuration directory is applied") {
            Ok(())
        } else {
            Err(log)
        }
    })
    .await;
    for id in ["fixed", "bound", "fixed"] {
        node.served(id).await;
    }
    eventually("a smaller cache", DEADLINE, async || {
        let cache = node.health().await["cache"].clone();
        if cache["instances"] == 1 {
            Ok(())
        } else {
            Err(cache.to_string())
        }
    })
    .await;

    let restart = "max_body_bytes: 4294967295, cache_capacity: 100";
    world.environment("small", restart);
    warns(&node, "settings.max_body_bytes needs a restart").await;
    node.served("fixed").await;
    node.served("bound").await;
    assert_eq!(
        node.health().await["cache"]["evictions"]
            .as_u64()
            .map(|n| n > 1),
        Some(true)
    );
    world.environment("small", "poll_interval: soon");
    warns(&node, "settings.poll_interval").await;
    node.terminate().await;
}

/// Five hundred files that are written one after another are one change.
///
/// Meant to catch: each sign of a change is acted on at once.
#[tokio::test]
async fn a_checkout_of_many_files_is_applied_at_once() {
    const FILES: usize = 500;
    let world = World::new();
    let node = world.launch.start().await;
    let head = node.head().await;
    for n in 0..FILES {
        world.bot(
            &format!("bot-{n:03}"),
            "llm: {provider: echo, model: m}, system_prompt: new",
        );
    }
    let log = eventually("applied", DEADLINE, async || {
        let log = node.errors();
        if log.contains("configuration directory is applied") {
            Ok(log)
        } else {
            Err(log)
        }
    })
    .await;
    assert!(log.contains(&format!("created={FILES}")), "{log}");
    assert_eq!(node.head().await, head + FILES as u64);
    node.terminate().await;
}

async fn mod_is(node: &Node, id: &str, wanted: impl Fn(&serde_json::Value) -> bool) {
    eventually("the mod", DEADLINE, async || {
        let found = node.get(&format!("/api/v1/mods/{id}")).await.json();
        if wanted(&found) {
            Ok(())
        } else {
            Err(found.to_string())
        }
    })
    .await;
}

/// Mods of the directory run after the start, and go by what changes in it.
///
/// Meant to catch: mods that are registered and not watched, one that is overwritten although the API changed it.
#[tokio::test]
async fn mods_of_the_directory_run_and_follow_it() {
    let world = World::new();
    let file = world.dir.join("mods/wiki.yaml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let write = |pages: u32| {
        let yaml = format!("path: hotbed.mods.wiki\nconfig: {{max_pages: {pages}}}\n");
        replace(&file, &yaml);
    };
    write(5);
    let node = world.launch.start().await;
    mod_is(&node, "wiki", |it| {
        it["state"] == "running" && it["config"]["max_pages"] == 5
    })
    .await;
    write(6);
    mod_is(&node, "wiki", |it| {
        it["config"]["max_pages"] == 6 && it["serves"] == it["revision"]
    })
    .await;

    let changed = serde_json::json!({"config": {"max_pages": 9}});
    node.put("/api/v1/mods/wiki/config", &changed)
        .await
        .expect(200);
    write(7);
    warns(&node, "wiki: was changed in the registry since").await;
    mod_is(&node, "wiki", |it| it["config"]["max_pages"] == 9).await;
    node.terminate().await;
    // Registered once: a start changes nothing of it.
    let node = world.launch.start().await;
    mod_is(&node, "wiki", |it| {
        it["state"] == "running" && it["config"]["max_pages"] == 9
    })
    .await;
    node.terminate().await;
}

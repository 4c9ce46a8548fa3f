//! Mods that are kept in git, in each of the layouts that there are.

use super::hotbed;
use crate::harness::Launch;
use std::fs;
use std::path::Path;

fn write(dir: &Path, file: &str, text: &str) {
    let path = dir.join("configs/mods").join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The layouts of an OpenAgents network, of AICO and of command directories are taken as they are, beside our own.
///
/// Meant to catch: a layout that is not read, a mod that is written although it is the same, one of another owner that is
/// pruned.
#[tokio::test]
async fn mods_of_every_layout_are_planned_and_applied() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path();
    let node = Launch::new().start().await;
    let network = "\
network:
  name: Ours
  mods:
    - {name: openagents.mods.core.shared_cache, enabled: true, config: {max_entries: 100}}
    - {name: openagents.mods.workspace.project, enabled: false}
";
    write(dir, "network.yaml", network);
    let core = "core: {api_gateway: {plugins: {board: {enabled: true, path: hotbed.mods.project, priority: security}, off: {}}}}";
    write(dir, "core.yaml", core);
    write(
        dir,
        "commands/wiki/mod.yaml",
        "path: hotbed.mods.wiki\nscopes: [ops]\n",
    );

    let said = hotbed(dir, None, "check").await.expect(0);
    assert!(
        said.output.starts_with("0 bots and 5 mods in 3 files"),
        "{said:?}"
    );
    let said = hotbed(dir, Some(&node), "diff").await.expect(2);
    for line in ["+ mods/board (configs/mods/core.yaml)", "+ mods/wiki ("] {
        assert!(said.output.contains(line), "{said:?}");
    }
    let said = hotbed(dir, Some(&node), "apply").await.expect(0);
    assert!(
        said.output
            .ends_with("5 created, 0 updated, 0 deleted, 0 the same\n"),
        "{said:?}"
    );
    hotbed(dir, Some(&node), "diff").await.expect(0);

    let state = async |id: &str| {
        let it = node
            .get(&format!("/api/v1/mods/{id}"))
            .await
            .expect(200)
            .json();
        (
            it["state"].as_str().unwrap().to_owned(),
            it["priority"].as_u64().unwrap(),
        )
    };
    assert_eq!(state("shared_cache").await, ("running".to_owned(), 40));
    assert_eq!(state("board").await, ("running".to_owned(), 20));
    assert_eq!(state("wiki").await.0, "running");
    for off in ["project", "off"] {
        let it = node.get(&format!("/api/v1/mods/{off}")).await.json();
        assert!(it["generation"].is_null() && it["enabled"] == false, "{it}");
    }

    // What somebody else loads stays; what is gone from the directory goes with --prune.
    let foreign = r#"{"path": "hotbed.mods.shared_artifact"}"#;
    let load = node.request(reqwest::Method::POST, "/api/v1/mods");
    let load = load
        .header("content-type", "application/json")
        .body(foreign);
    node.send(load).await.expect(201);
    fs::remove_file(dir.join("configs/mods/core.yaml")).unwrap();
    write(dir, "network.yaml", &network.replace("100", "200"));
    let said = hotbed(dir, Some(&node), "apply --prune").await.expect(0);
    assert!(
        said.output
            .ends_with("0 created, 1 updated, 2 deleted, 2 the same\n"),
        "{said:?}"
    );
    let config = node.get("/api/v1/mods/shared_cache/config").await.json();
    assert_eq!(config["config"]["max_entries"], 200);
    node.get("/api/v1/mods/board").await.expect(404);
    assert_eq!(state("shared_artifact").await.0, "running");
    node.terminate().await;
}

/// What the server refuses is told by its name, and the rest is done.
#[tokio::test]
async fn a_mod_that_is_not_there_is_refused_and_the_rest_is_applied() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path();
    let node = Launch::new().start().await;
    write(dir, "a.yaml", "path: no.such\n");
    write(
        dir,
        "wiki.yaml",
        "path: hotbed.mods.wiki\nconfig: {max_pages: many}\n",
    );
    write(dir, "cache.yaml", "path: hotbed.mods.shared_cache\n");
    let said = hotbed(dir, Some(&node), "apply").await.expect(1);
    assert!(
        said.output.contains("created mods/cache: revision 1"),
        "{said:?}"
    );
    assert!(said.errors.contains("mods/a is refused: "), "{said:?}");
    assert!(said.errors.contains("mods/wiki is refused: "), "{said:?}");
    write(dir, "a.yaml", "pth: no.such\n");
    let said = hotbed(dir, None, "check").await.expect(1);
    assert!(
        said.errors.contains("configs/mods/a.yaml:1:1: "),
        "{said:?}"
    );
    node.terminate().await;
}

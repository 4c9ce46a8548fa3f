//! What people ask for by commands.

use crate::backend::{Call, Fault};
use crate::node::{Fleet, Node, beside, mod_id, note, registration, texts};
use hotbed_mods::{
    Authority, Bindmap, CommandReply, Direction, Place, Post, ReloadRequest, ScopeChange,
};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Semaphore;

async fn say(node: &Node, text: &str) -> CommandReply {
    let post = Post {
        text: text.to_owned(),
        place: Place::Channel("ops".to_owned()),
        user_id: "u1".to_owned(),
        username: "ada".to_owned(),
        authority: Authority::Admin,
        files: Vec::new(),
    };
    node.desk.command(post).await
}

fn asked(names: &[&str], dry_run: bool) -> ReloadRequest {
    ReloadRequest {
        ids: names.iter().map(|name| mod_id(name)).collect(),
        dry_run,
    }
}

fn bind(name: &str, scope: &str) -> Vec<ScopeChange> {
    vec![ScopeChange {
        id: mod_id(name),
        scope: scope.to_owned(),
        direction: Direction::Bind,
    }]
}

/// Meant to catch: commands of the desk that are not done, or not in order.
#[tokio::test(start_paused = true)]
async fn the_commands_of_a_post_are_done_in_their_order() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("wiki", json!({})).await.unwrap();
    fleet
        .shop
        .change("wiki", |goods| "2".clone_into(&mut goods.digest));
    let reply = say(&node, "@unbind wiki\n@wiki find\n@reload").await;
    let told = [
        "`wiki` unbound from ops.\nBound to all channels, and so to this one still: `wiki`. Unbind from `any` first.",
        "wiki did @wiki",
        "Reloading command modules…",
        "Module reload complete. refreshed=1 added=0 removed=0 failed=0",
    ];
    assert_eq!(texts(&reply), told);
    let scopes = fleet.registered("wiki").await.unwrap()["scopes"].clone();
    assert_eq!(scopes, json!(["any"]));
}

/// The first of several that was gone ended a reload, and it was said that nothing had changed.
///
/// Meant to catch: that it ends the reload; that it is not told.
#[tokio::test(start_paused = true)]
async fn a_reload_of_several_tells_of_those_that_are_gone_and_does_the_others() {
    let fleet = Fleet::new();
    let node = fleet.node();
    for name in ["aa", "bb", "off"] {
        node.load(name, json!({})).await.unwrap();
    }
    node.desk.disable("off", note("b")).await.unwrap();
    let names = ["aa", "gone", "off", "bb"];
    let plan = node
        .desk
        .reloaded(asked(&names, true), note("tests"))
        .await
        .unwrap();
    let report = node
        .desk
        .reloaded(asked(&names, false), note("tests"))
        .await
        .unwrap();
    let told = "Module reload complete. refreshed=2 added=0 removed=0 failed=2\n\
                - `gone`: Mod 'gone' is not loaded\n\
                - `off`: mod 'off' is disabled: enable it first";
    assert_eq!(report.to_string(), told);
    assert_eq!(plan, report);
}

/// Meant to catch: a dry run that builds, or writes; one that tells less than is then done.
#[tokio::test(start_paused = true)]
async fn a_dry_run_changes_nothing_and_tells_what_would_be_done() {
    let fleet = Fleet::new();
    fleet.shop.bind("bb", &["aa"]);
    let node = fleet.node();
    for name in ["aa", "bb", "cc"] {
        node.load(name, json!({})).await.unwrap();
    }
    for name in ["aa", "cc"] {
        fleet
            .shop
            .change(name, |goods| "2".clone_into(&mut goods.digest));
    }
    let head = node.registry.reader().head().await.unwrap();
    let (constructed, statuses) = (node.shop.constructed(), node.host.statuses());
    let one = node
        .desk
        .reloaded(asked(&["aa"], true), note("tests"))
        .await
        .unwrap();
    let all = node
        .desk
        .reloaded(asked(&[], true), note("tests"))
        .await
        .unwrap();
    let reply = say(&node, "@reload --dry-run").await;
    assert_eq!(texts(&reply)[1], all.to_string());
    assert_eq!(node.shop.constructed(), constructed);
    assert_eq!(node.host.statuses(), statuses);
    assert_eq!(node.registry.reader().head().await.unwrap(), head);
    assert_eq!(
        node.desk
            .reloaded(asked(&["aa"], false), note("tests"))
            .await
            .unwrap(),
        one
    );
    assert_eq!(one.refreshed.len(), 2);
    assert_eq!(all.refreshed.len(), 3);
}

/// M8: a binding that was made while another was lost the other.
///
/// Meant to catch: an edit that is not done again.
#[tokio::test(start_paused = true)]
async fn bindings_of_one_mod_on_two_nodes_at_once_both_come_about() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.node(), fleet.node());
    one.load("wiki", json!({})).await.unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let mut binding = Vec::new();
    for (node, scope) in [(&one, "dev"), (&other, "ops")] {
        node.line.fault(Call::Put, Fault::Gate(Arc::clone(&gate)));
        let desk = node.desk.clone();
        binding.push(beside(async move {
            desk.rescope(bind("wiki", scope), &note(scope))
                .await
                .unwrap();
        }));
    }
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    gate.add_permits(1_000);
    for binding in binding {
        binding.await.unwrap();
    }
    let scopes = fleet.registered("wiki").await.unwrap()["scopes"].clone();
    assert_eq!(scopes, json!(["any", "dev", "ops"]));
}

/// A mod that this node had never looked at lost the scopes of its manifest with its first binding.
///
/// Meant to catch: scopes of nothing in place of those of the manifest.
#[tokio::test(start_paused = true)]
async fn a_first_binding_keeps_the_scopes_of_the_manifest_also_of_a_mod_that_never_ran() {
    let fleet = Fleet::new();
    let node = fleet.node();
    let registered = json!({"path": "test.wiki", "enabled": false});
    fleet.write("wiki", registered).await;
    node.desk
        .rescope(bind("wiki", "dev"), &note("b"))
        .await
        .unwrap();
    let scopes = fleet.registered("wiki").await.unwrap()["scopes"].clone();
    assert_eq!(scopes, json!(["any", "dev"]));
}

/// Meant to catch: that the first that cannot be bound keeps all behind it from being so.
#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_bound_keeps_no_other_from_being_so() {
    let fleet = Fleet::new();
    let node = fleet.node();
    for name in ["aa", "bb"] {
        node.load(name, json!({})).await.unwrap();
    }
    let changes = [bind("gone", "dev"), bind("aa", "dev"), bind("bb", "dev")].concat();
    let error = node.desk.rescope(changes, &note("b")).await.unwrap_err();
    let said = "`gone`: Mod 'gone' is not loaded; all others are done";
    assert_eq!(error.to_string(), said);
    for name in ["aa", "bb"] {
        let scopes = fleet.registered(name).await.unwrap()["scopes"].clone();
        assert_eq!(scopes, json!(["any", "dev"]));
    }
    let error = node.desk.rescope(bind("gone", "dev"), &note("b")).await;
    assert_eq!(error.unwrap_err().to_string(), "Mod 'gone' is not loaded");
}

/// Meant to catch: a bindmap of which one entry spoils the others.
#[tokio::test(start_paused = true)]
async fn a_bindmap_is_taken_over_for_the_mods_there_are() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("wiki", json!({})).await.unwrap();
    fleet
        .write("odd", json!({"path": "test.odd", "odd": 1}))
        .await;
    let bindmap = |text: &str| Bindmap::parse(text).unwrap();
    let text = r#"{"dice": {"chans": ["dev"]}, "wiki": {"binds": ["@w"], "chans": ["ops"]}}"#;
    let unknown = node.desk.import(bindmap(text), note("b")).await.unwrap();
    assert_eq!(unknown, [mod_id("dice")]);
    let scopes = fleet.registered("wiki").await.unwrap()["scopes"].clone();
    assert_eq!(scopes, json!(["ops"]));
    assert!(!node.status("wiki").unwrap().scopes.cover(["dev"]));
    let text = r#"{"odd": {"chans": ["dev"]}, "wiki": {"chans": ["dev"]}}"#;
    let error = node
        .desk
        .import(bindmap(text), note("b"))
        .await
        .unwrap_err();
    assert!(
        error.to_string().starts_with("`odd`: odd: unknown key"),
        "{error}"
    );
    let scopes = fleet.registered("wiki").await.unwrap()["scopes"].clone();
    assert_eq!(scopes, json!(["dev"]));
}

/// Meant to catch: a reply that tells where the registry is.
#[tokio::test(start_paused = true)]
async fn what_a_registry_says_of_where_it_is_is_not_told_in_a_channel() {
    let fleet = Fleet::new();
    let node = fleet.node();
    fleet.write("wiki", registration("wiki", json!({}))).await;
    node.follower.settled().await.unwrap();
    node.line.cut();
    let reply = say(&node, "@bind wiki\n@reload").await;
    let told = texts(&reply).join("\n");
    assert!(
        told.contains("That was not done: the registry cannot"),
        "{told}"
    );
    assert!(
        told.contains("Reload failed (modules unchanged): `the registry cannot"),
        "{told}"
    );
    assert!(!told.contains("/secret/place"), "{told}");
}

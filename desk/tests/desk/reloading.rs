//! A reload is of every node, and of nothing but what it was asked for.

use crate::node::{Fleet, Node, eventually, id, mod_id, note, object, registration};
use hotbed_configs::PortableConfig;
use hotbed_desk::ModsError;
use hotbed_mods::ReloadRequest;
use hotbed_registry::{Draft, Precondition, RegistryBackend};
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio::time::Instant;

fn generation(node: &Node, name: &str) -> Option<u64> {
    node.status(name).unwrap().generation
}

/// A reload was of the node that was asked, and the other nodes of the fleet ran the old code on.
///
/// Caught: a reload by the host of this node alone.
#[tokio::test(start_paused = true)]
async fn a_reload_on_one_node_is_of_every_node() {
    let fleet = Fleet::new();
    fleet.shop.bind("bb", &["aa"]);
    let (one, other) = (fleet.node(), fleet.node());
    for name in ["aa", "bb", "cc"] {
        one.load(name, json!({})).await.unwrap();
    }
    eventually("both run all", || other.running().len() == 3).await;
    let registered = fleet.registered("aa").await;
    let before = ["aa", "bb", "cc"].map(|name| generation(&other, name));
    let (_, entry) = one.desk.reload("aa", note("alice")).await.unwrap();
    assert_eq!(
        entry.status.unwrap().revision,
        entry.registration.map(|it| it.revision.0)
    );
    eventually("the other has it anew, and who needs it", || {
        generation(&other, "aa") > before[0] && generation(&other, "bb") > before[1]
    })
    .await;
    other.follower.settled().await.unwrap();
    assert_eq!(generation(&other, "cc"), before[2]);
    // It says nothing of what is wanted, and who asked for it.
    assert_eq!(fleet.registered("aa").await, registered);
    let head = fleet.store.head().await.unwrap();
    let past = fleet.store.past(&id("aa"), head).await.unwrap();
    assert_eq!(past.unwrap().note().by.as_deref(), Some("alice"));
    one.assert_ends_empty().await;
    other.assert_ends_empty().await;
}

/// Caught: a reload of what changed that renews here alone; one that renews what did not change.
#[tokio::test(start_paused = true)]
async fn what_changed_behind_a_path_is_renewed_everywhere_by_a_reload_anywhere() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.node(), fleet.node());
    for name in ["aa", "cc"] {
        one.load(name, json!({})).await.unwrap();
    }
    eventually("both run all", || other.running().len() == 2).await;
    fleet
        .shop
        .change("aa", |goods| "2".clone_into(&mut goods.digest));
    let before = ["aa", "cc"].map(|name| generation(&other, name));
    let report = one.desk.reload_changed(note("alice")).await.unwrap();
    assert_eq!(report.to_string().lines().count(), 1, "{report}");
    assert_eq!(report.refreshed.len(), 1, "{report}");
    eventually("the other has it anew", || {
        generation(&other, "aa") > before[0]
    })
    .await;
    assert_eq!(generation(&other, "cc"), before[1]);
    let head = fleet.store.head().await.unwrap();
    let again = one.desk.reload_changed(note("alice")).await.unwrap();
    assert!(again.is_empty(), "{again}");
    assert_eq!(fleet.store.head().await.unwrap(), head);
}

/// Caught: a renewal that is done with once it failed; an answer that does not ask whether the mod was built.
#[tokio::test(start_paused = true)]
async fn a_reload_that_fails_leaves_what_ran_and_is_tried_again() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.node(), fleet.node());
    one.load("wiki", json!({})).await.unwrap();
    eventually("both run it", || other.running().len() == 1).await;
    let nodes = [&one, &other];
    let before = nodes.map(|node| generation(node, "wiki"));
    fleet.shop.change("wiki", |goods| goods.is_missing = true);
    let failed = one.desk.reload("wiki", note("alice")).await.unwrap_err();
    assert!(matches!(failed, ModsError::Failed { .. }), "{failed}");
    eventually("the other tried", || {
        other.status("wiki").unwrap().error.is_some()
    })
    .await;
    assert_eq!(nodes.map(|node| generation(node, "wiki")), before);
    fleet.shop.change("wiki", |goods| goods.is_missing = false);
    for (node, before) in nodes.into_iter().zip(before) {
        eventually("it is renewed", || generation(node, "wiki") > before).await;
        assert!(node.status("wiki").unwrap().is_well());
    }
}

/// Caught: a reload of what changed that leaves what failed to its own time.
#[tokio::test(start_paused = true)]
async fn what_failed_is_tried_again_at_once_by_a_reload_of_what_changed() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("wiki", json!({})).await.unwrap();
    fleet.shop.change("wiki", |goods| goods.is_missing = true);
    for _ in 0..4 {
        node.desk.reload("wiki", note("alice")).await.unwrap_err();
    }
    let before = generation(&node, "wiki");
    fleet.shop.change("wiki", |goods| goods.is_missing = false);
    let began = Instant::now();
    let report = node.desk.reload_changed(note("alice")).await.unwrap();
    assert!(report.failed.is_empty(), "{report}");
    assert!(generation(&node, "wiki") > before);
    assert!(began.elapsed() < Duration::from_secs(1));
}

/// A loader that was down for a moment had every mod of it told as failed, and built anew later for nothing.
///
/// Caught: a look behind a path that fails and counts as a change; one that is not told.
#[tokio::test(start_paused = true)]
async fn a_path_that_cannot_be_read_for_a_moment_is_told_and_renews_nothing() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("wiki", json!({})).await.unwrap();
    let before = generation(&node, "wiki");
    fleet.shop.change("wiki", |goods| goods.is_missing = true);
    let report = node.desk.reload_changed(note("alice")).await.unwrap();
    assert_eq!(report.failed.len(), 1, "{report}");
    assert!(node.status("wiki").unwrap().is_well());
    fleet.shop.change("wiki", |goods| goods.is_missing = false);
    let again = node.desk.reload_changed(note("alice")).await.unwrap();
    assert!(again.is_empty(), "{again}");
    assert_eq!(generation(&node, "wiki"), before);
}

/// Caught: a mark that is lost with the metadata that is written next (a node that did not look in between runs the old on).
#[tokio::test(start_paused = true)]
async fn what_is_written_after_a_reload_builds_nothing_anew_and_loses_no_node_the_reload() {
    let fleet = Fleet::new();
    let (node, late) = (fleet.node(), fleet.node());
    node.load("wiki", json!({})).await.unwrap();
    eventually("both run it", || late.running().len() == 1).await;
    let of_late = generation(&late, "wiki");
    late.line.cut();
    node.desk.reload("wiki", note("alice")).await.unwrap();
    let before = generation(&node, "wiki");
    let scoped = |scopes: Value| {
        let mut registered = object(registration("wiki", json!({})));
        registered.insert("scopes".to_owned(), scopes);
        registered
    };
    for (scopes, metadata) in [
        (json!(["ops"]), None),
        (json!(["dev"]), Some(object(json!({"owner": "bob"})))),
        (json!(["ops"]), None),
    ] {
        let (of, when) = (id("wiki"), Precondition::Any);
        let put = node
            .desk
            .put(&of, scoped(scopes), metadata, when, note("bob"));
        put.await.unwrap();
        assert_eq!(generation(&node, "wiki"), before);
    }
    late.line.mend();
    eventually("who was away has it anew", || {
        generation(&late, "wiki") > of_late
    })
    .await;
    node.desk.reload("wiki", note("alice")).await.unwrap();
    assert!(generation(&node, "wiki") > before);
}

/// Caught: a mark that is taken away counts as another (it builds anew); a failure against it that stands.
#[tokio::test(start_paused = true)]
async fn a_mark_that_is_taken_away_asks_for_nothing() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("wiki", json!({})).await.unwrap();
    let before = generation(&node, "wiki");
    fleet.shop.change("wiki", |goods| goods.is_missing = true);
    node.desk.reload("wiki", note("alice")).await.unwrap_err();
    let mut draft =
        Draft::active(PortableConfig::from_value(registration("wiki", json!({}))).unwrap());
    draft.metadata = Some(Map::new());
    fleet
        .store
        .put(&id("wiki"), draft, Precondition::Any)
        .await
        .unwrap();
    node.follower.settled().await.unwrap();
    assert!(node.status("wiki").unwrap().is_well());
    assert_eq!(generation(&node, "wiki"), before);
}

/// It is not written either: the door takes no registration that says of no mod what it should be.
#[tokio::test(start_paused = true)]
async fn a_reload_of_what_says_nothing_usable_fails() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("wiki", json!({})).await.unwrap();
    let before = generation(&node, "wiki");
    fleet.write("wiki", json!({"path": 5})).await;
    node.desk.reload("wiki", note("alice")).await.unwrap_err();
    assert_eq!(generation(&node, "wiki"), before);
}

/// Caught: a mod that is built by its own mark and again by that of what it needs; one that is named twice and built twice.
#[tokio::test(start_paused = true)]
async fn a_reload_of_several_builds_each_once() {
    let fleet = Fleet::new();
    fleet.shop.bind("bb", &["aa"]);
    let node = fleet.node();
    for name in ["aa", "bb", "cc"] {
        node.load(name, json!({})).await.unwrap();
    }
    let constructed = node.shop.constructed();
    let ids = ["bb", "cc", "aa", "cc"].map(mod_id).to_vec();
    let request = ReloadRequest {
        ids,
        dry_run: false,
    };
    let report = node.desk.reloaded(request, note("alice")).await.unwrap();
    assert_eq!(report.refreshed.len(), 3, "{report}");
    assert_eq!(node.shop.constructed(), constructed + 3);
}

/// Caught: a mod that is asked for though it is not to run (it would be written, and nothing come of it).
#[tokio::test(start_paused = true)]
async fn what_is_not_to_run_is_not_reloaded_and_nothing_is_written() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("wiki", json!({})).await.unwrap();
    node.desk.disable("wiki", note("alice")).await.unwrap();
    let head = fleet.store.head().await.unwrap();
    let off = node.desk.reload("wiki", note("alice")).await.unwrap_err();
    assert!(matches!(off, ModsError::Disabled { .. }), "{off}");
    let gone = node.desk.reload("gone", note("alice")).await.unwrap_err();
    assert!(matches!(gone, ModsError::NotLoaded { .. }), "{gone}");
    assert_eq!(fleet.store.head().await.unwrap(), head);
}

//! A reload is of every node, and of nothing but what it was asked for.

use crate::node::{Fleet, Node, eventually, id, note, object, registration};
use hotbed_desk::ModsError;
use hotbed_registry::{Precondition, RegistryBackend};
use serde_json::{Value, json};

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

/// Caught: a renewal that is done with once it failed.
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

/// Caught: a renewal that is gone from the registry, and counts as another.
#[tokio::test(start_paused = true)]
async fn what_is_written_after_a_reload_builds_nothing_anew_that_it_does_not_change() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("wiki", json!({})).await.unwrap();
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
    node.desk.reload("wiki", note("alice")).await.unwrap();
    assert!(generation(&node, "wiki") > before);
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

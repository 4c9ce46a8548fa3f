//! A registry that goes away, and a start without it.

use crate::backend::{Call, Fault};
use crate::node::{Disk, Fleet, Node, configure, eventually, note, registration, within};
use hotbed_agents::DeskError;
use hotbed_desk::ModsError;
use hotbed_mods::Cascade;
use hotbed_registry::{Precondition, Snapshot};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

fn on(fleet: &Fleet, disk: &Arc<Disk>) -> Node {
    fleet.opened(Some(Arc::clone(disk) as Arc<dyn Snapshot>))
}

/// Meant to catch: an answer that all is well; one that tells agents where the registry is.
#[tokio::test(start_paused = true)]
async fn what_is_written_before_the_registry_goes_away_is_said_to_be_written() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("aa", json!({"x": 1})).await.unwrap();
    node.line.fault(Call::Heads, Fault::Fail);
    let unsettled = |error: ModsError| {
        assert!(matches!(error, ModsError::Unsettled(_)), "{error}");
        let told = DeskError::from(error).to_string();
        assert_eq!(
            told,
            "this node has not gone by what is written yet: it will by itself"
        );
    };
    let loading = crate::node::order("bb", json!({}));
    unsettled(node.desk.load(loading).await.unwrap_err());
    let change = configure(json!({"x": 2}));
    let edited = node.desk.edit("aa", Precondition::Any, note("b"), change);
    unsettled(edited.await.unwrap_err());
    // What runs runs on, and what is written is gone by once it can be.
    assert_eq!(node.ask("aa").await, Some(json!({"x": 1})));
    assert!(fleet.registered("bb").await.is_some());
    node.line.mend();
    eventually("both run", || node.running() == ["aa", "bb"]).await;
    assert_eq!(node.ask("aa").await, Some(json!({"x": 2})));
    node.line.fault(Call::Heads, Fault::Fail);
    let unloading = node
        .desk
        .unload("aa", Cascade::Refuse, Precondition::Any, note("b"));
    unsettled(unloading.await.unwrap_err());
    assert_eq!(fleet.registered("aa").await, None);
}

/// Meant to catch: a write whose answer was lost that is told as refused, or as done.
#[tokio::test(start_paused = true)]
async fn a_write_of_which_nobody_learns_is_told_as_one_that_may_have_happened() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.line.fault(Call::Put, Fault::LoseAnswer);
    let error = node
        .desk
        .load(crate::node::order("aa", json!({})))
        .await
        .unwrap_err();
    let told = DeskError::from(error).to_string();
    assert_eq!(
        told,
        "the registry cannot do anything right now: try again later"
    );
    node.line.mend();
    eventually("it runs all the same", || node.running() == ["aa"]).await;
    let again = node.load("aa", json!({})).await.unwrap_err();
    assert_eq!(again, "Mod 'aa' is already loaded");
}

/// Meant to catch: a node that runs nothing without a registry; one that keeps what was deleted while it was away.
#[tokio::test(start_paused = true)]
async fn a_node_that_starts_without_the_registry_runs_what_it_served_last() {
    let (fleet, disk) = (Fleet::new(), Arc::default());
    let node = on(&fleet, &disk);
    node.run();
    for name in ["aa", "bb", "cc"] {
        node.load(name, json!({"x": 1})).await.unwrap();
    }
    node.desk.disable("bb", note("b")).await.unwrap();
    node.kill().await;
    fleet.delete("cc").await;
    fleet.write("aa", registration("aa", json!({"x": 2}))).await;
    for fault in [Fault::Fail, Fault::Hang] {
        let node = on(&fleet, &disk);
        node.line.rule(move |_, _| fault.clone());
        node.run();
        let soon = Duration::from_secs(10);
        within(soon, "both run", || node.running() == ["aa", "cc"]).await;
        assert_eq!(node.ask("aa").await, Some(json!({"x": 1})));
        assert_eq!(node.desk.entries().len(), 3);
        node.kill().await;
    }
    let node = on(&fleet, &disk);
    node.line.cut();
    node.run();
    eventually("both run", || node.running() == ["aa", "cc"]).await;
    node.line.mend();
    eventually("it catches up", || node.running() == ["aa"]).await;
    node.follower.settled().await.unwrap();
    assert_eq!(node.ask("aa").await, Some(json!({"x": 2})));
    node.assert_ends_empty().await;
}

/// A mod that was deleted elsewhere stopped, and ran again after a start without the registry: nobody had told the snapshot
/// before the node was killed.
///
/// Meant to catch: a deletion that the snapshot hears of later than the host.
#[tokio::test(start_paused = true)]
async fn what_stopped_because_it_was_deleted_never_comes_back_from_the_snapshot() {
    let mut fleet = Fleet::new();
    fleet.poll_interval = Duration::from_hours(1);
    let disk = Arc::default();
    let node = on(&fleet, &disk);
    node.run();
    for name in ["aa", "bb"] {
        node.load(name, json!({})).await.unwrap();
    }
    fleet.delete("aa").await;
    // The follower looks for a reason of its own, before the loop hears of it.
    node.follower.settled().await.unwrap();
    assert_eq!(node.running(), ["bb"]);
    node.kill().await;
    let node = on(&fleet, &disk);
    node.line.cut();
    node.run();
    eventually("what is left runs", || !node.running().is_empty()).await;
    assert_eq!(node.running(), ["bb"]);
}

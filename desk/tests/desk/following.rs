//! A node runs what is registered, whoever wrote it and whatever is wrong with some of it.

use crate::backend::{Call, Fault};
use crate::node::{Fleet, eventually, id, note, object, registration, within, write_to};
use hotbed_configs::{Environment, SecretRef, WrittenIn};
use hotbed_hotreload::ReloadTarget;
use hotbed_registry::{MemoryBackend, Precondition};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

/// Caught: a follower that reads an id only once.
#[tokio::test(start_paused = true)]
async fn what_is_registered_runs_whoever_wrote_it() {
    let fleet = Fleet::new();
    fleet
        .write("wiki", registration("wiki", json!({"x": 1})))
        .await;
    let node = fleet.node();
    node.follower.settled().await.unwrap();
    assert_eq!(node.ask("wiki").await, Some(json!({"x": 1})));
    fleet
        .write("wiki", registration("wiki", json!({"x": 2})))
        .await;
    fleet.write("stock", registration("stock", json!({}))).await;
    eventually("both are up to date", || node.running().len() == 2).await;
    node.follower.settled().await.unwrap();
    assert_eq!(node.ask("wiki").await, Some(json!({"x": 2})));
    fleet.delete("wiki").await;
    eventually("one is gone", || node.running() == ["stock"]).await;
    node.assert_ends_empty().await;
}

/// Caught: an understanding that forgets what was said before.
#[tokio::test(start_paused = true)]
async fn a_registration_that_becomes_invalid_takes_no_mod_away_and_tells_why() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("wiki", json!({"x": 1})).await.unwrap();
    let generation = node.status("wiki").unwrap().generation;
    fleet
        .write("wiki", json!({"path": "test.wiki", "odd": 1}))
        .await;
    node.follower.settled().await.unwrap();
    let (_, entry) = node.desk.entry("wiki").await.unwrap();
    assert!(
        entry.problems[0].starts_with("odd: unknown key"),
        "{entry:?}"
    );
    assert_eq!(entry.status.unwrap().generation, generation);
    assert_eq!(node.ask("wiki").await, Some(json!({"x": 1})));
    // Nor does another that was never anything else.
    fleet.write("stock", json!({"path": 7})).await;
    node.follower.settled().await.unwrap();
    assert_eq!(node.running(), ["wiki"]);
    assert_eq!(node.follower.problems().len(), 2);
    fleet
        .write("wiki", registration("wiki", json!({"x": 1})))
        .await;
    node.follower.settled().await.unwrap();
    assert_eq!(node.follower.problems().len(), 1);
    assert_eq!(node.status("wiki").unwrap().generation, generation);
}

/// A registration that said nothing kept its mod running after it was taken out of service, and nothing but its deletion
/// stopped it.
///
/// Caught: that its status is not looked at.
#[tokio::test(start_paused = true)]
async fn what_is_taken_out_of_service_stops_whatever_else_is_wrong_with_it() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("wiki", json!({})).await.unwrap();
    fleet.write("wiki", json!({"path": 7})).await;
    node.follower.settled().await.unwrap();
    assert_eq!(node.running(), ["wiki"]);
    let wiki = id("wiki");
    let deactivated = node.registry.deactivate(&wiki, Precondition::Any);
    deactivated.await.unwrap();
    node.follower.settled().await.unwrap();
    assert_eq!(node.running(), [""; 0]);
    assert_eq!(node.follower.problems().len(), 1);
}

/// Meant to catch: a look that ends at the first id that is none.
#[tokio::test(start_paused = true)]
async fn an_id_that_no_mod_can_have_is_told_of_and_harms_no_other() {
    let fleet = Fleet::new();
    fleet.write("a.b", registration("wiki", json!({}))).await;
    fleet.write("wiki", registration("wiki", json!({}))).await;
    let node = fleet.node();
    node.follower.settled().await.unwrap();
    assert_eq!(node.running(), ["wiki"]);
    let entries = node.desk.entries();
    assert!(entries[0].1.problems[0].contains("is not the id of a mod"));
}

/// One row that a store could not read kept a node from following all others.
///
/// Caught: that it ends the look; that it takes away what ran; that it is not told.
#[tokio::test(start_paused = true)]
async fn one_that_nobody_can_read_keeps_no_other_from_being_followed() {
    let fleet = Fleet::new();
    let node = fleet.node();
    for name in ["bad", "wiki"] {
        node.load(name, json!({"x": 1})).await.unwrap();
    }
    node.line.rule(|call, of| match (call, of) {
        (Call::Get, Some(of)) if of.as_str() == "bad" => Fault::Corrupt,
        _ => Fault::None,
    });
    for name in ["bad", "wiki"] {
        fleet.write(name, registration(name, json!({"x": 2}))).await;
    }
    node.follower.settled().await.unwrap();
    assert_eq!(node.ask("wiki").await, Some(json!({"x": 2})));
    assert_eq!(node.ask("bad").await, Some(json!({"x": 1})));
    let problems = node.follower.problems();
    assert_eq!(problems.keys().collect::<Vec<_>>(), [&id("bad")]);
    assert!(
        !format!("{problems:?}").contains("/secret/place"),
        "{problems:?}"
    );
    node.line.mend();
    node.follower.settled().await.unwrap();
    assert_eq!(node.ask("bad").await, Some(json!({"x": 2})));
    assert!(node.follower.problems().is_empty());
}

/// A node that was bound to another environment while it looked said that it had gone by what was written, and had not: a
/// mod that was loaded in that moment was taken out again.
///
/// Caught: an understanding that is thrown away, and a look that ends well all the same.
#[tokio::test(start_paused = true)]
async fn a_look_goes_by_what_is_written_also_when_the_node_is_bound_anew_meanwhile() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.follower.settled().await.unwrap();
    let follower = Arc::downgrade(&node.follower);
    let is_bound = AtomicBool::new(false);
    let secrets = move |_: &SecretRef, _: WrittenIn| {
        if !is_bound.swap(true, SeqCst) {
            let other = |_: &SecretRef, _: WrittenIn| Ok(Some("new".to_owned()));
            let environment = Environment::empty("other").with_secrets(Arc::new(other));
            follower.upgrade().unwrap().rebind(Arc::new(environment));
        }
        Ok(Some("old".to_owned()))
    };
    let environment = Environment::empty("one").with_secrets(Arc::new(secrets));
    node.follower.rebind(Arc::new(environment));
    let config = json!({"key": {"$secret": "env:KEY"}});
    fleet.write("wiki", registration("wiki", config)).await;
    node.follower.settled().await.unwrap();
    assert_eq!(node.ask("wiki").await, Some(json!({"key": "new"})));
}

/// Caught: one panic that keeps all from being understood, for ever.
#[tokio::test(start_paused = true)]
async fn a_source_of_secrets_that_panics_spoils_the_mods_that_ask_it_and_no_other() {
    let fleet = Fleet::new();
    let node = fleet.node();
    let secrets = |secret: &SecretRef, _: WrittenIn| match secret.name() {
        "BAD" => panic!("told to panic"),
        name => Ok(Some(name.to_owned())),
    };
    let environment = Environment::empty("one").with_secrets(Arc::new(secrets));
    node.follower.rebind(Arc::new(environment));
    for (name, key) in [("aa", "env:BAD"), ("bb", "env:GOOD")] {
        let config = json!({"key": {"$secret": key}});
        fleet.write(name, registration(name, config)).await;
    }
    node.follower.settled().await.unwrap();
    assert_eq!(node.running(), ["bb"]);
    assert_eq!(node.follower.problems().len(), 1);
    // The desk says the same, and does not end with it.
    let config = json!({"key": {"$secret": "env:BAD"}});
    let error = node.load("cc", config).await.unwrap_err();
    assert_eq!(error, "it cannot be understood: see the log");
}

/// Caught: an era that doubts nothing. Meant to catch: one that loses what is known while the registry is down.
#[tokio::test(start_paused = true)]
async fn a_registry_that_was_replaced_is_read_anew_also_where_revisions_are_the_same() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("wiki", json!({"x": 1})).await.unwrap();
    let before = node.follower.registered()[0].revision;
    let other = Arc::new(MemoryBackend::new());
    let revision = write_to(&other, "wiki", registration("wiki", json!({"x": 2}))).await;
    assert_eq!(revision, before);
    node.line.cut();
    ReloadTarget::begin_era(&*node.follower);
    node.follower.settled().await.unwrap_err();
    assert_eq!(node.follower.registered()[0].revision, before);
    assert_eq!(node.ask("wiki").await, Some(json!({"x": 1})));
    node.line.replace(other);
    node.line.mend();
    node.follower.settled().await.unwrap();
    assert_eq!(node.ask("wiki").await, Some(json!({"x": 2})));
}

/// A node waited for up to ten seconds after the registry was back, whatever its poll interval.
///
/// Meant to catch: a pause that nobody cuts short.
#[tokio::test(start_paused = true)]
async fn a_node_follows_within_a_poll_interval_of_the_end_of_an_outage() {
    let mut fleet = Fleet::new();
    fleet.poll_interval = Duration::from_secs(1);
    let node = fleet.node();
    for round in 0..5_u64 {
        node.line.cut();
        tokio::time::sleep(Duration::from_secs(60 + round * 3)).await;
        let name = format!("mod{round}");
        fleet.write(&name, registration(&name, json!({}))).await;
        node.line.mend();
        let soon = Duration::from_millis(1_500);
        within(soon, "it runs", || node.running().contains(&name)).await;
    }
}

/// Meant to catch: a rediscovery that asks nobody; one that is done and told as failed.
#[tokio::test(start_paused = true)]
async fn a_rediscovery_goes_by_what_is_written_and_by_what_is_behind_every_path() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("wiki", json!({})).await.unwrap();
    fleet
        .shop
        .change("wiki", |goods| "2".clone_into(&mut goods.digest));
    fleet.write("stock", registration("stock", json!({}))).await;
    let plan = node.desk.plan().await.unwrap();
    // What is written is gone by first; what is behind the paths is only told.
    assert_eq!(
        plan.to_string(),
        "Module reload complete. refreshed=1 added=0 removed=0 failed=0"
    );
    let generation = node.status("wiki").unwrap().generation;
    let report = node.desk.reload_changed(note("tests")).await.unwrap();
    assert_eq!(report, plan);
    assert!(node.status("wiki").unwrap().generation > generation);
    let again = node.desk.reload_changed(note("tests")).await.unwrap();
    assert!(again.is_empty(), "{again}");
    fleet
        .shop
        .change("wiki", |goods| "3".clone_into(&mut goods.digest));
    let generation = node.status("wiki").unwrap().generation;
    node.line.cut();
    node.desk.reload_changed(note("tests")).await.unwrap_err();
    assert_eq!(node.status("wiki").unwrap().generation, generation);
    node.line.mend();
    node.end().await;
    let ended = node
        .desk
        .reload_changed(note("tests"))
        .await
        .unwrap_err()
        .to_string();
    assert!(ended.ends_with("this node is about to end"), "{ended}");
}

/// A look that panicked was the last: nothing was followed any more, and whoever waited for it waited for ever.
///
/// Caught: a look that takes the follower with it.
#[tokio::test(start_paused = true)]
async fn a_look_that_panics_is_begun_again() {
    let fleet = Fleet::new();
    let node = fleet.node();
    // At its start others ask for the heads too.
    node.follower.settled().await.unwrap();
    let panicked = Arc::new(AtomicBool::new(false));
    let once = Arc::clone(&panicked);
    node.line.rule(move |call, _| {
        if call == Call::Heads && !once.swap(true, SeqCst) {
            Fault::Panic
        } else {
            Fault::None
        }
    });
    fleet.write("wiki", registration("wiki", json!({}))).await;
    let settled = tokio::time::timeout(Duration::from_mins(1), node.follower.settled());
    settled.await.unwrap().unwrap();
    assert!(panicked.load(SeqCst));
    assert_eq!(node.running(), ["wiki"]);
}

/// Meant to catch: variables and secrets of the environment before.
#[tokio::test(start_paused = true)]
async fn a_node_that_is_bound_anew_builds_anew_what_that_changes() {
    let fleet = Fleet::new();
    let node = fleet.node();
    let config = json!({"x": "${X:1}"});
    node.load("wiki", config).await.unwrap();
    node.load("stock", json!({})).await.unwrap();
    assert_eq!(node.ask("wiki").await, Some(json!({"x": "1"})));
    let before = node.status("stock").unwrap().generation;
    let variables = [("X".to_owned(), "2".to_owned())].into_iter().collect();
    let environment = Environment::empty("other").with_variables(variables);
    node.follower.rebind(Arc::new(environment));
    node.follower.settled().await.unwrap();
    assert_eq!(node.ask("wiki").await, Some(json!({"x": "2"})));
    assert_eq!(node.status("stock").unwrap().generation, before);
    assert_eq!(
        node.desk
            .entry("wiki")
            .await
            .unwrap()
            .1
            .registration
            .unwrap()
            .config
            .as_map(),
        &object(registration("wiki", json!({"x": "${X:1}"})))
    );
}

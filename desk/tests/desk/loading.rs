//! What is loaded runs, or is not wanted.

use crate::backend::{Call, Fault};
use crate::node::{
    Fleet, beside, configure, eventually, id, mod_id, note, object, order, registration,
};
use hotbed_desk::{ModsError, Order};
use hotbed_registry::{ChangeNote, Precondition, RegistryBackend};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Semaphore;

#[tokio::test(start_paused = true)]
async fn what_is_loaded_runs_on_every_node_and_says_by_whom() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.node(), fleet.node());
    let status = one.load("wiki", json!({"x": 1})).await.unwrap();
    assert!(status.is_well(), "{status:?}");
    assert_eq!(one.ask("wiki").await, Some(json!({"x": 1})));
    eventually("it runs on the other", || other.running() == ["wiki"]).await;
    let past = one.registry.reader().history(&id("wiki"), None, 9).await;
    assert_eq!(past.unwrap()[0].note(), note("tests"));
    for node in [one, other] {
        node.assert_ends_empty().await;
    }
}

/// Meant to catch: a path that is not compared (a clash is told as the same mod loaded twice).
#[tokio::test(start_paused = true)]
async fn an_id_is_given_once_and_the_answer_says_to_whom() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("wiki", json!({})).await.unwrap();
    let again = node.desk.load(order("wiki", json!({}))).await.unwrap_err();
    assert_eq!(again.to_string(), "Mod 'wiki' is already loaded");
    let other = Order {
        id: Some(mod_id("wiki")),
        ..order("stock", json!({}))
    };
    let clash = node.desk.load(other.clone()).await.unwrap_err();
    assert_eq!(clash.to_string(), "Mod 'wiki' is already registered");
    // Under an id of its own it may come from the same path.
    let named = Order {
        id: Some(mod_id("second")),
        ..order("wiki", json!({}))
    };
    node.desk.load(named).await.unwrap();
    assert_eq!(node.running(), ["second", "wiki"]);
}

/// Meant to catch: a load that leaves what it wrote; one that does not wait until it is out.
#[tokio::test(start_paused = true)]
async fn what_does_not_come_up_is_not_wanted_on_any_node_and_nothing_is_left_of_it() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.node(), fleet.node());
    for (config, said) in [
        (
            json!({"initialize": "fail"}),
            "initialize failed: told to fail",
        ),
        (
            json!({"initialize": "no"}),
            "initialize answered that it does not want to run",
        ),
        (json!({"start": "panic"}), "start panicked: told to panic"),
        (json!({"start": "hang"}), "start did not end within 10s"),
        (
            json!({"health": "no"}),
            "it is not well after its start: told to be ill",
        ),
    ] {
        let error = one.load("wiki", config).await.unwrap_err();
        assert_eq!(error, said);
        assert_eq!(fleet.registered("wiki").await, None);
        assert_eq!(one.status("wiki"), None);
        assert_eq!(one.shop.alive(), 0);
    }
    one.load("wiki", json!({})).await.unwrap();
    eventually("it runs on the other", || other.running() == ["wiki"]).await;
    for node in [one, other] {
        node.assert_ends_empty().await;
    }
}

/// Meant to catch: a write before the check.
#[tokio::test(start_paused = true)]
async fn what_cannot_come_up_is_refused_before_anything_is_written() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.follower.settled().await.unwrap();
    for registered in [
        registration("missing", json!({})),
        registration("wiki", json!({"x": "${NOT_SET}"})),
        json!({"config": {}}),
        json!({"path": "test.wiki", "odd": 1}),
        json!({"path": "other:wiki"}),
    ] {
        let order = Order {
            id: None,
            registration: object(registered),
            metadata: None,
            note: ChangeNote::NONE,
        };
        let error = node.desk.load(order).await.unwrap_err();
        let is_told = matches!(error, ModsError::Failed { .. } | ModsError::Invalid { .. });
        assert!(is_told, "{error:?}");
    }
    let head = node.registry.reader().head().await.unwrap();
    assert_eq!(head.0, 0);
    assert_eq!(node.shop.constructed(), 0);
}

/// Meant to catch: a load that judges what somebody else made of it, and takes that out.
#[tokio::test(start_paused = true)]
async fn a_load_that_is_mended_by_somebody_else_meanwhile_is_done() {
    let fleet = Fleet::new();
    let node = Arc::new(fleet.node());
    let loading = {
        let node = Arc::clone(&node);
        beside(async move { node.load("wiki", json!({"start": "hang"})).await })
    };
    eventually("it is on its way up", || node.shop.alive() == 1).await;
    let when = Precondition::Any;
    let mended = configure(json!({"x": 2}));
    node.desk
        .edit("wiki", when, note("b"), mended)
        .await
        .unwrap();
    loading.await.unwrap().unwrap();
    assert_eq!(node.ask("wiki").await, Some(json!({"x": 2})));
}

/// Meant to catch: a load that is told of what somebody else's change came to.
#[tokio::test(start_paused = true)]
async fn a_load_that_came_up_is_done_whatever_somebody_else_makes_of_it_then() {
    let fleet = Fleet::new();
    let node = Arc::new(fleet.node());
    node.follower.settled().await.unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let (mut looks, second) = (0, Arc::clone(&gate));
    node.line.rule(move |call, _| {
        looks += usize::from(call == Call::Heads);
        match looks {
            2 if call == Call::Heads => Fault::Gate(Arc::clone(&second)),
            _ => Fault::None,
        }
    });
    let loading = {
        let node = Arc::clone(&node);
        beside(async move { node.load("wiki", json!({"x": 1})).await })
    };
    eventually("it is up", || node.running() == ["wiki"]).await;
    let spoiled = registration("wiki", json!({"start": "fail"}));
    fleet.write("wiki", spoiled.clone()).await;
    gate.add_permits(1);
    let status = loading.await.unwrap().unwrap();
    assert_eq!(status.error.unwrap(), "start failed: told to fail");
    assert_eq!(node.ask("wiki").await, Some(json!({"x": 1})));
    assert_eq!(fleet.registered("wiki").await, Some(spoiled));
}

/// Meant to catch: that what somebody else wrote is taken out with what was loaded.
#[tokio::test(start_paused = true)]
async fn a_load_that_is_spoiled_by_somebody_else_meanwhile_leaves_what_they_wrote() {
    let fleet = Fleet::new();
    let node = Arc::new(fleet.node());
    node.follower.settled().await.unwrap();
    let gate = Arc::new(Semaphore::new(0));
    node.line.fault(Call::Heads, Fault::Gate(Arc::clone(&gate)));
    let loading = {
        let node = Arc::clone(&node);
        beside(async move { node.load("wiki", json!({})).await })
    };
    while fleet.registered("wiki").await.is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let spoiled = registration("wiki", json!({"start": "fail"}));
    fleet.write("wiki", spoiled.clone()).await;
    gate.add_permits(1_000);
    let error = loading.await.unwrap().unwrap_err();
    let said = "start failed: told to fail; and it stays registered, for it was changed meanwhile";
    assert_eq!(error, said);
    assert_eq!(fleet.registered("wiki").await, Some(spoiled));
}

/// Meant to catch: an answer that tells where the registry is; one that keeps silent about what may be left.
#[tokio::test(start_paused = true)]
async fn a_load_that_cannot_be_taken_out_again_says_so() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.line.fault(Call::Delete, Fault::Fail);
    let error = node.load("wiki", json!({"start": "fail"})).await;
    let said = "start failed: told to fail; and it may stay registered: \
                the registry cannot do anything right now: try again later";
    assert_eq!(error.unwrap_err(), said);
    assert!(fleet.registered("wiki").await.is_some());
    // And the answer of one that was taken out tells first why it was.
    node.line.mend();
    fleet.delete("wiki").await;
    node.follower.settled().await.unwrap();
    let mut is_deleted = false;
    node.line.rule(move |call, _| {
        is_deleted |= call == Call::Delete;
        match call {
            Call::Heads if is_deleted => Fault::Fail,
            _ => Fault::None,
        }
    });
    let error = node
        .load("wiki", json!({"start": "fail"}))
        .await
        .unwrap_err();
    assert!(
        error.starts_with("start failed: told to fail; and it is taken out"),
        "{error}"
    );
    assert_eq!(fleet.registered("wiki").await, None);
}

/// Meant to catch: a change that ends with whoever asked for it.
#[tokio::test(start_paused = true)]
async fn a_change_goes_on_when_whoever_asked_for_it_goes_away_and_is_waited_for() {
    let fleet = Fleet::new();
    let node = Arc::new(fleet.node());
    let gate = Arc::new(Semaphore::new(0));
    node.line.fault(Call::Put, Fault::Gate(Arc::clone(&gate)));
    let loading = {
        let node = Arc::clone(&node);
        beside(async move { node.load("wiki", json!({"start": "fail"})).await })
    };
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    loading.abort();
    let draining = {
        let desk = node.desk.clone();
        beside(async move { desk.drain().await })
    };
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(!draining.is_finished());
    gate.add_permits(1_000);
    draining.await.unwrap();
    // It was written, it failed, and it was taken out.
    assert_eq!(
        fleet
            .store
            .history(&id("wiki"), None, 9)
            .await
            .unwrap()
            .len(),
        2
    );
    assert_eq!(fleet.registered("wiki").await, None::<Value>);
}

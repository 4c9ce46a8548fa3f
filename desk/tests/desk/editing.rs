//! Changes of what is registered: each on what is there at the time of the write, and fit for the mod.

use crate::backend::{Call, Fault};
use crate::node::{Fleet, beside, configure, id, mod_id, note, object, registration};
use hotbed_desk::ModsError;
use hotbed_mods::{Field, FieldKind, SettingsForm};
use hotbed_registry::{ChangeNote, Error, Precondition, Revision};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use tokio::sync::Semaphore;

fn set(key: &str, value: Value) -> impl Fn(&mut Map<String, Value>) + Send + Sync + 'static {
    let key = key.to_owned();
    move |registered| {
        let config = registered.get_mut("config").and_then(Value::as_object_mut);
        config.unwrap().insert(key.clone(), value.clone());
    }
}

/// Meant to catch: an edit that takes no heed of what was demanded; one that is done again on what was not.
#[tokio::test(start_paused = true)]
async fn an_edit_of_what_is_not_there_any_more_is_a_conflict_and_changes_nothing() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("wiki", json!({"x": 1})).await.unwrap();
    let read = fleet
        .write("wiki", registration("wiki", json!({"x": 2})))
        .await;
    for stale in [Precondition::At(Revision(1)), Precondition::Absent] {
        let edited = node.desk.edit("wiki", stale, note("b"), set("x", json!(3)));
        let error = edited.await.unwrap_err();
        assert!(
            matches!(error, ModsError::Registry(Error::Conflict { .. })),
            "{error}"
        );
    }
    // Somebody else is first between the read and the write.
    let gate = Arc::new(Semaphore::new(0));
    node.line.fault(Call::Put, Fault::Gate(Arc::clone(&gate)));
    let edited = {
        let (desk, when) = (node.desk.clone(), Precondition::At(read));
        beside(async move {
            desk.edit("wiki", when, ChangeNote::NONE, set("x", json!(3)))
                .await
        })
    };
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let other = json!({"x": 4});
    fleet
        .write("wiki", registration("wiki", other.clone()))
        .await;
    gate.add_permits(1_000);
    let error = edited.await.unwrap().unwrap_err();
    assert!(
        matches!(error, ModsError::Registry(Error::Conflict { .. })),
        "{error}"
    );
    node.follower.settled().await.unwrap();
    assert_eq!(node.ask("wiki").await, Some(other));
}

/// Meant to catch: an edit that writes over what came in between.
#[tokio::test(start_paused = true)]
async fn two_edits_at_the_same_time_both_come_about() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.node(), fleet.node());
    one.load("wiki", json!({})).await.unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let mut edits = Vec::new();
    for (node, key) in [(&one, "a"), (&other, "b")] {
        node.line.fault(Call::Put, Fault::Gate(Arc::clone(&gate)));
        let desk = node.desk.clone();
        edits.push(beside(async move {
            let change = set(key, json!(1));
            let edited = desk.edit("wiki", Precondition::Any, note(key), change);
            edited.await.unwrap().1.status.unwrap().revision
        }));
    }
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    gate.add_permits(1_000);
    for edit in edits {
        // Each answers when this node runs what it wrote.
        assert!(edit.await.unwrap() >= Some(2));
    }
    let both = registration("wiki", json!({"a": 1, "b": 1}));
    assert_eq!(fleet.registered("wiki").await, Some(both));
}

/// Meant to catch: a write of what does not fit.
#[tokio::test(start_paused = true)]
async fn what_does_not_fit_the_form_of_its_mod_is_refused_and_nothing_is_written() {
    let fleet = Fleet::new();
    fleet.shop.change("wiki", |goods| {
        let pages = FieldKind::Integer { min: 1, max: 9 };
        let fields = vec![Field::new("pages", "Pages", pages)];
        goods.manifest.form = Some(SettingsForm::of("Wiki", fields));
    });
    let node = fleet.node();
    node.load("wiki", json!({"pages": 3})).await.unwrap();
    let head = node.registry.reader().head().await.unwrap();
    let edited = node.desk.edit(
        "wiki",
        Precondition::Any,
        note("b"),
        set("pages", json!(10)),
    );
    let error = edited.await.unwrap_err().to_string();
    assert!(
        error.contains("pages: must be a whole number from 1 to 9"),
        "{error}"
    );
    let (wiki, registered) = (id("wiki"), object(registration("wiki", json!({"page": 1}))));
    let put = node
        .desk
        .put(&wiki, registered, None, Precondition::Any, note("b"));
    let error = put.await.unwrap_err().to_string();
    assert!(error.contains("there is no such key"), "{error}");
    assert_eq!(node.registry.reader().head().await.unwrap(), head);
    // What is the same already is no write.
    let same = node
        .desk
        .edit("wiki", Precondition::Any, note("b"), set("pages", json!(3)));
    same.await.unwrap();
    assert_eq!(node.registry.reader().head().await.unwrap(), head);
}

/// Meant to catch: a change that is taken back; one that stops what ran.
#[tokio::test(start_paused = true)]
async fn a_change_that_the_mod_does_not_come_up_with_stays_and_what_ran_runs_on() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("wiki", json!({"x": 1})).await.unwrap();
    let change = configure(json!({"start": "fail"}));
    let edited = node.desk.edit("wiki", Precondition::Any, note("b"), change);
    let (_, entry) = edited.await.unwrap();
    let status = entry.status.unwrap();
    assert_eq!(status.error.unwrap(), "start failed: told to fail");
    assert_eq!(
        (status.revision, status.desired_revision),
        (Some(1), Some(2))
    );
    assert_eq!(node.ask("wiki").await, Some(json!({"x": 1})));
    assert_eq!(
        fleet.registered("wiki").await,
        Some(registration("wiki", json!({"start": "fail"})))
    );
}

/// A mod whose package was not there, as during a checkout, could not be unbound or moved among the others.
///
/// Meant to catch: that every edit looks for the mod; that one of its configuration does not.
#[tokio::test(start_paused = true)]
async fn what_a_mod_is_not_built_from_can_be_changed_while_it_is_missing() {
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("wiki", json!({"x": 1})).await.unwrap();
    fleet.shop.change("wiki", |goods| goods.is_missing = true);
    let opened = node.shop.opened();
    let edited = node
        .desk
        .edit("wiki", Precondition::Any, note("b"), |registered| {
            registered.insert("scopes".to_owned(), json!(["ops"]));
            registered.insert("priority".to_owned(), json!(7));
        });
    let status = edited.await.unwrap().1.status.unwrap();
    assert_eq!(status.priority.0, 7);
    assert!(status.scopes.cover(["ops"]) && !status.scopes.cover(["dev"]));
    assert_eq!(node.shop.opened(), opened);
    let edited = node
        .desk
        .edit("wiki", Precondition::Any, note("b"), set("x", json!(2)));
    let error = edited.await.unwrap_err().to_string();
    assert!(error.contains("test.wiki"), "{error}");
}

/// Meant to catch: an enabling that leaves it out of service; a disabling that takes those away who need it.
#[tokio::test(start_paused = true)]
async fn a_mod_is_kept_from_running_and_let_run_again_as_it_was() {
    let fleet = Fleet::new();
    fleet.shop.bind("bb", &["aa"]);
    let (node, other) = (fleet.node(), fleet.node());
    for name in ["aa", "bb"] {
        node.load(name, json!({"x": 1})).await.unwrap();
    }
    let error = node.desk.disable("aa", note("b")).await.unwrap_err();
    assert!(
        matches!(&error, ModsError::Needed { by, .. } if *by == [mod_id("bb")]),
        "{error}"
    );
    node.desk.disable("test.bb", note("b")).await.unwrap();
    assert_eq!(node.running(), ["aa"]);
    let reload = node.desk.reload("bb", note("tests")).await.unwrap_err();
    assert!(matches!(reload, ModsError::Disabled { .. }), "{reload}");
    node.desk.disable("aa", note("b")).await.unwrap();
    crate::node::eventually("none runs on the other", || other.running().is_empty()).await;
    let aa = id("aa");
    let deactivated = node.registry.deactivate(&aa, Precondition::Any);
    deactivated.await.unwrap();
    let (_, entry) = node.desk.enable("aa", note("b")).await.unwrap();
    assert!(entry.status.unwrap().is_well());
    assert_eq!(node.ask("aa").await, Some(json!({"x": 1})));
    let nobody = node.desk.enable("nobody", note("b")).await.unwrap_err();
    assert!(matches!(nobody, ModsError::NotLoaded { .. }), "{nobody}");
}

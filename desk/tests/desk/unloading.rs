//! What is unloaded is gone, with those who need it or not at all.

use crate::backend::{Call, Fault};
use crate::node::{Fleet, Node, eventually, id, note, registration};
use hotbed_agents::{AgentId, ModDesk};
use hotbed_desk::ModsError;
use hotbed_mods::Cascade;
use hotbed_registry::{Error, Id, Precondition, Revision};
use serde_json::json;

async fn unload(node: &Node, name: &str, cascade: Cascade) -> Result<Vec<Id>, ModsError> {
    node.desk
        .unload(name, cascade, Precondition::Any, note("tests"))
        .await
}

/// `cc` needs `bb`, which needs `zz`.
async fn three(fleet: &Fleet, node: &Node) {
    fleet.shop.bind("bb", &["zz"]);
    fleet.shop.bind("cc", &["bb"]);
    for name in ["zz", "bb", "cc"] {
        node.load(name, json!({})).await.unwrap();
    }
}

/// Meant to catch: an answer before the mod is stopped.
#[tokio::test(start_paused = true)]
async fn what_is_unloaded_is_stopped_when_it_is_answered_and_gone_everywhere() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.node(), fleet.node());
    one.load("wiki", json!({"stop": "hang"})).await.unwrap();
    eventually("it runs on the other", || other.running() == ["wiki"]).await;
    let gone = unload(&one, "test.wiki", Cascade::Refuse).await.unwrap();
    assert_eq!(gone, [id("wiki")]);
    assert_eq!(one.shop.alive(), 0);
    assert_eq!(one.status("wiki"), None);
    eventually("it is gone", || other.shop.alive() == 0).await;
    let again = unload(&one, "wiki", Cascade::Refuse).await.unwrap_err();
    assert_eq!(again.to_string(), "Mod 'wiki' is not loaded");
    let past = one.registry.reader().history(&id("wiki"), None, 9).await;
    assert_eq!(past.unwrap()[0].note(), note("tests"));
}

/// Those who need a mod went in the order of their names: one of them lost what it needs, failed and was told of, before it
/// was its turn.
///
/// Meant to catch: any other order.
#[tokio::test(start_paused = true)]
async fn dependents_go_first_each_before_those_it_needs_itself() {
    let fleet = Fleet::new();
    let node = fleet.node();
    three(&fleet, &node).await;
    let mut notices = node.host.notices();
    let needed = unload(&node, "zz", Cascade::Refuse).await.unwrap_err();
    assert!(
        matches!(&needed, ModsError::Needed { by, .. } if by.len() == 2),
        "{needed}"
    );
    let gone = unload(&node, "zz", Cascade::Dependents).await.unwrap();
    assert_eq!(gone, ["cc", "bb", "zz"].map(id));
    assert_eq!(node.shop.alive(), 0);
    while let Ok(notice) = notices.try_recv() {
        assert_eq!(notice.error, None, "{notice:?}");
    }
}

/// Meant to catch: that those who need it go, and it stays.
#[tokio::test(start_paused = true)]
async fn a_cascade_that_is_not_to_be_any_more_takes_nobody_along() {
    let fleet = Fleet::new();
    let node = fleet.node();
    three(&fleet, &node).await;
    let stale = Precondition::At(Revision(7));
    let unloading = node
        .desk
        .unload("zz", Cascade::Dependents, stale, note("b"));
    let error = unloading.await.unwrap_err();
    assert!(
        matches!(error, ModsError::Registry(Error::Conflict { .. })),
        "{error}"
    );
    assert_eq!(node.running(), ["bb", "cc", "zz"]);
    let now = Precondition::At(Revision(1));
    let unloading = node.desk.unload("zz", Cascade::Dependents, now, note("b"));
    assert_eq!(unloading.await.unwrap().len(), 3);
}

/// Meant to catch: an answer that keeps silent about what went before the registry did.
#[tokio::test(start_paused = true)]
async fn a_cascade_that_is_cut_short_says_how_far_it_came() {
    let fleet = Fleet::new();
    let node = fleet.node();
    three(&fleet, &node).await;
    node.line.rule(|call, of| match (call, of) {
        (Call::Delete, Some(of)) if of.as_str() == "bb" => Fault::Fail,
        _ => Fault::None,
    });
    let error = unload(&node, "zz", Cascade::Dependents).await.unwrap_err();
    let said = "cc went, 'bb' did not: the registry cannot do anything right now: try again later";
    assert_eq!(error.to_string(), said);
    eventually("one is gone", || node.running() == ["bb", "zz"]).await;
    node.line.mend();
    let gone = unload(&node, "zz", Cascade::Dependents).await.unwrap();
    assert_eq!(gone, ["bb", "zz"].map(id));
}

/// It was answered that it was unloaded, and it stayed registered.
///
/// Meant to catch: that only what can run is taken out.
#[tokio::test(start_paused = true)]
async fn what_no_mod_can_be_called_is_unloaded_all_the_same() {
    let fleet = Fleet::new();
    let node = fleet.node();
    fleet.write("a.b", registration("wiki", json!({}))).await;
    let gone = unload(&node, "a.b", Cascade::Dependents).await.unwrap();
    assert_eq!(gone, [id("a.b")]);
    assert_eq!(fleet.registered("a.b").await, None);
}

/// Meant to catch: the first that comes.
#[tokio::test(start_paused = true)]
async fn a_path_of_several_mods_names_none_of_them() {
    let fleet = Fleet::new();
    let node = fleet.node();
    for name in ["wiki", "other"] {
        fleet.write(name, registration("wiki", json!({}))).await;
    }
    let error = unload(&node, "test.wiki", Cascade::Refuse)
        .await
        .unwrap_err();
    let said = "several mods are loaded from test.wiki: name one of other, wiki";
    assert_eq!(error.to_string(), said);
    // An id comes before a path.
    let gone = unload(&node, "wiki", Cascade::Refuse).await.unwrap();
    assert_eq!(gone, [id("wiki")]);
    let gone = unload(&node, "test.wiki", Cascade::Refuse).await.unwrap();
    assert_eq!(gone, [id("other")]);
}

/// Meant to catch: an agent that is told that all is well with what says nothing.
#[tokio::test(start_paused = true)]
async fn agents_are_told_what_became_of_what_they_asked_for() {
    let fleet = Fleet::new();
    let node = fleet.node();
    let desk: &dyn ModDesk = &node.desk;
    let alice = AgentId::new("alice").unwrap();
    fleet.write("wiki", registration("wiki", json!({}))).await;
    desk.disable("wiki", &alice).await.unwrap();
    assert_eq!(node.running(), [""; 0]);
    desk.enable("wiki", &alice).await.unwrap();
    assert_eq!(node.running(), ["wiki"]);
    desk.reload("test.wiki", &alice).await.unwrap();
    assert_eq!(
        desk.unload("test.wiki", &alice).await.unwrap().as_str(),
        "wiki"
    );
    let error = desk.unload("wiki", &alice).await.unwrap_err();
    assert_eq!(error.to_string(), "Mod 'wiki' is not loaded");
    fleet
        .write("wiki", registration("wiki", json!({"start": "fail"})))
        .await;
    let error = desk.enable("wiki", &alice).await.unwrap_err();
    assert!(error.to_string().contains("told to fail"), "{error}");
}

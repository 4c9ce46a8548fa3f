//! What an agent asked is done, though it hangs up or leaves before it is answered.

use crate::world::{World, eventually, settings};
use async_trait::async_trait;
use hotbed_agents::{AgentId, DeskError, LoadOrder, LoadedMod, ModDesk};
use hotbed_mods::ModId;
use serde_json::{Value, json};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Lets a request begin, and answers nothing yet.
fn begin<T>(request: std::pin::Pin<&mut impl Future<Output = T>>) {
    let begun = request.poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(begun, Poll::Pending));
}

fn is_asked(world: &World) -> bool {
    let seen = world.seen.lock().unwrap();
    seen.iter()
        .any(|event| event.name.as_str() == "watched.slow")
}

fn slow(id: &str, secret: &str) -> Value {
    json!({
        "event_id": id,
        "event_name": "watched.slow",
        "source_id": "alice",
        "target_agent_id": "bob",
        "secret": secret,
    })
}

/// A caller that went away while a mod was asked took the event with it: nobody got it, and for ever after it was being
/// processed already.
///
/// Caught: the event carried by the future of the caller.
#[tokio::test(start_paused = true)]
async fn an_event_arrives_though_its_sender_hung_up() {
    let world = World::new();
    let root = world.admin();
    world.load(&root, "test.mods.echo").await;
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let body = slow("e1", &alice.secret);
    {
        let mut request = pin!(world.post(&body));
        begin(request.as_mut());
        eventually("the mod is asked", || is_asked(&world)).await;
    }
    let again = world.post(&body).await;
    assert_eq!(again["message"], "Event e1 is being processed already");
    assert_eq!(again["success"], false);
    assert_eq!(world.poll(&bob), [Value::Null; 0]);
    world.gate.add_permits(1);
    eventually("it arrives", || world.poll_names(&bob) == ["watched.slow"]).await;
    let again = world.post(&body).await;
    assert_eq!(again["message"], "Event e1 was processed already");
}

/// Caught: a deliverer that does not wait for what is on its way.
#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_arrives_before_the_network_ends() {
    let mut world = World::new();
    let root = world.admin();
    world.load(&root, "test.mods.echo").await;
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let body = slow("e1", &alice.secret);
    begin(pin!(world.post(&body)).as_mut());
    eventually("the mod is asked", || is_asked(&world)).await;
    world.shutdown.cancel();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(world.deliverer.try_join_next().is_none());
    world.gate.add_permits(1);
    world.deliverer.join_next().await.unwrap().unwrap();
    assert_eq!(world.poll_names(&bob), ["watched.slow"]);
}

/// Caught: what is under way forgotten for what comes.
#[tokio::test(start_paused = true)]
async fn so_many_events_are_processed_at_once_as_are_remembered() {
    let mut settings = settings();
    settings.recent_events = 2;
    let world = World::with(settings);
    let root = world.admin();
    world.load(&root, "test.mods.echo").await;
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    for id in ["e1", "e2"] {
        let body = slow(id, &alice.secret);
        begin(pin!(world.post(&body)).as_mut());
    }
    tokio::task::yield_now().await;
    let third = slow("e3", &alice.secret);
    let refused = world.post(&third).await;
    let message = "2 events of this agent are being processed already: wait for one of them";
    assert_eq!(refused["message"], message);
    world.gate.add_permits(3);
    let mut arrived = 0;
    eventually("they arrive", || {
        arrived += world.poll(&bob).len();
        arrived == 2
    })
    .await;
    assert_eq!(world.post(&third).await["success"], true);
}

/// An event that was begun is not done as another that has the id of its sender by then.
///
/// Caught: a member of the same id taken for the same member.
#[tokio::test]
async fn what_was_asked_before_its_agent_left_is_not_done_for_its_successor() {
    let world = World::new();
    let alice = world.join("alice");
    let mut request = pin!(world.ask(&alice, "system.unregister_agent", json!({})));
    begin(request.as_mut());
    world.unregister(&json!({"agent_id": "alice", "secret": alice.secret}));
    let successor = world.join("alice");
    let message = "Authentication failed: Invalid or missing secret";
    assert_eq!(request.await["message"], message);
    assert_eq!(world.poll(&successor), [Value::Null; 0]);
}

/// A desk with a mistake in it.
struct Panicking;

#[async_trait]
impl ModDesk for Panicking {
    async fn load(&self, _order: LoadOrder) -> Result<LoadedMod, DeskError> {
        panic!("the desk has a mistake")
    }

    async fn unload(&self, name: &str, _by: &AgentId) -> Result<ModId, DeskError> {
        let name = name.to_owned();
        Err(DeskError::NotLoaded { name })
    }

    async fn reload(&self, name: &str, _by: &AgentId) -> Result<LoadedMod, DeskError> {
        let name = name.to_owned();
        Err(DeskError::NotLoaded { name })
    }

    async fn enable(&self, _name: &str, _by: &AgentId) -> Result<(), DeskError> {
        Ok(())
    }

    async fn disable(&self, _name: &str, _by: &AgentId) -> Result<(), DeskError> {
        Ok(())
    }
}

/// Caught: the event carried by the future of the caller; nothing noted when that ends in a panic.
#[tokio::test]
async fn a_desk_that_panics_loses_an_event_and_nothing_else() {
    let world = World::with_desk(settings(), |_| Arc::new(Panicking));
    let root = world.admin();
    let body = json!({
        "event_id": "e1",
        "event_name": "system.mod.load",
        "source_id": "root",
        "payload": {"mod_path": "test.mods.echo"},
        "secret": root.secret,
    });
    let lost = world.post(&body).await;
    let message = "the event was lost: something went wrong inside";
    assert_eq!(lost["message"], message);
    let again = world.post(&body).await;
    assert_eq!(again["message"], "Event e1 was refused already");
    let answer = world.ask(&root, "system.heartbeat", json!({})).await;
    assert_eq!(answer["success"], true);
}

use super::run;
use crate::wire::{PollRequest, RegisterRequest};
use crate::{AgentEvent, AgentNetwork, Claimed, MemoryDesk, NetworkSettings};
use hotbed_mods::{BuiltIns, EventName, ModHost};
use serde_json::{Value, json};
use std::sync::Arc;

fn event(name: &str, payload: Value) -> AgentEvent {
    let Value::Object(payload) = payload else {
        panic!("{payload} is an object");
    };
    AgentEvent::of_system(EventName::new(name).unwrap(), payload)
}

/// Who an agent is was looked up once, and by its id again when it was used: in between it may be gone, and another may
/// have its id.
///
/// Caught: a member of the same id taken for the same member; the roster used without looking who is in it.
#[tokio::test]
async fn what_an_agent_asked_before_it_left_is_not_done_as_its_successor() {
    let (host, emissions) = ModHost::builder().loader(BuiltIns::standard()).build();
    let desk = Arc::new(MemoryDesk::new(host.clone()));
    let settings = NetworkSettings {
        authority: ["guest".to_owned()].into(),
        ..NetworkSettings::default()
    };
    let (network, _deliverer) = AgentNetwork::new(settings, host, emissions, desk);
    let join = || network.register(RegisterRequest::new("alice")).unwrap();
    network.register(RegisterRequest::new("bob")).unwrap();
    let first = Claimed::from(&join().secret);
    let caller = network.authenticate("alice", &first).unwrap();
    let leave = event("system.unregister_agent", json!({}));
    assert!(run(&network, caller.clone(), leave).await.success);

    let second = join().secret;
    let successor = network
        .authenticate("alice", &Claimed::from(&second))
        .unwrap();
    let enter = event("system.add_channel_member", json!({"channel_id": "ops"}));
    assert!(run(&network, successor.clone(), enter).await.success);
    let all = json!({
        "channel_id": "ops",
        "target_agent_id": "bob",
        "event_patterns": ["none.*"],
    });
    for name in [
        "system.poll_messages",
        "system.list_agents",
        "system.subscribe_events",
        "system.unsubscribe_events",
        "system.list_channels",
        "system.get_channel_members",
        "system.add_channel_member",
        "system.remove_channel_member",
        "system.remove_channel",
        "system.kick_agent",
        "system.get_network_info",
        "system.unregister_agent",
    ] {
        let reply = run(&network, caller.clone(), event(name, all.clone())).await;
        let message = "Authentication failed: Invalid or missing secret";
        assert_eq!(reply.message, message, "{name}");
        assert!(!reply.success);
    }
    let told = event("system.list_channels", json!({}));
    let channels = run(&network, successor, told).await.data;
    assert_eq!(channels["channels"], json!(["ops"]));
    let secret = Some(second.expose().to_owned());
    let poll = PollRequest::new(Some("alice".to_owned()), secret).unwrap();
    assert!(network.poll(&poll).success);
    assert_eq!(network.health()["data"]["agent_count"], 2);
}

//! System events: what agents ask of the network itself.

mod agents;
mod ask;
mod changes_of_mods;
mod channels;
mod info;
mod kick;
mod mods;
mod subscribe;

use crate::event::AgentEvent;
use crate::network::AgentNetwork;
use crate::roster::Caller;
use crate::wire::{EventRequest, Fields, RegisterRequest, Reply};
use ask::Ask;
use changes_of_mods as changes;
use hotbed_mods::EventName;
use serde_json::json;

/// The one event that needs no secret: whoever registers has none yet.
const REGISTER: &str = "system.register_agent";

/// Whether an event asks to join.
pub(crate) fn is_registration(name: &EventName) -> bool {
    name.as_str() == REGISTER
}

/// Lets an agent join that asks for it by an event.
pub(crate) fn register(network: &AgentNetwork, request: EventRequest) -> Reply {
    let source = request.source_id;
    let wanted = RegisterRequest::of(Fields::of(request.payload), Some(&source));
    let mut wanted = match wanted {
        Ok(wanted) => wanted,
        Err(malformed) => return Reply::refused(malformed.to_string()),
    };
    if wanted.agent_id != source {
        return Reply::refused("agent_id must be that of the sender");
    }
    if request.secret.expose().is_some() {
        wanted.secret = request.secret;
    }
    let agent_id = wanted.agent_id.clone();
    match network.register(wanted) {
        Ok(registered) => Reply::done(
            format!("Registered agent {agent_id} with network"),
            json!({
                "secret": registered.secret.expose(),
                "assigned_group": registered.group,
                "network_name": registered.network_name,
                "network_id": registered.network_id,
            }),
        ),
        Err(error) => Reply::refused(error.to_string()),
    }
}

/// Does a system event of an agent that proved who it is. One that is not known is an error.
pub(crate) async fn run(network: &AgentNetwork, caller: Caller, event: AgentEvent) -> Reply {
    let ask = &mut Ask::new(network, caller, event.payload);
    let done = match event.event_name.as_str() {
        "system.unregister_agent" => agents::unregister(ask),
        "system.list_agents" => agents::list(ask),
        "system.poll_messages" => agents::poll(ask),
        "system.health_check" => Ok(info::health_check(ask)),
        "system.heartbeat" | "system.ping_agent" => Ok(info::ping(ask)),
        "system.get_network_info" => info::network_info(ask),
        "system.verify_password" => info::verify_password(ask),
        "system.subscribe_events" => subscribe::subscribe(ask),
        "system.unsubscribe_events" => subscribe::unsubscribe(ask),
        "system.list_channels" => channels::list(ask),
        "system.get_channel_members" => channels::members(ask),
        "system.add_channel_member" => channels::add(ask),
        "system.remove_channel_member" => channels::remove(ask),
        "system.remove_channel" => channels::close(ask),
        "system.kick_agent" => kick::kick(ask),
        "system.list_mods" => mods::list(ask),
        "system.get_mod_manifest" => mods::manifest(ask),
        "system.mod.load" => changes::load(ask).await,
        "system.mod.unload" => changes::unload(ask).await,
        "system.mod.reload" => changes::reload(ask).await,
        "system.mod.enable" => changes::enable(ask).await,
        "system.mod.disable" => changes::disable(ask).await,
        unknown => Err(Reply::refused(format!("Unknown system event: {unknown}"))),
    };
    done.unwrap_or_else(|refused| refused)
}

#[cfg(test)]
mod tests;

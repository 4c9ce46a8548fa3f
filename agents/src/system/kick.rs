use super::ask::{Answer, Ask};
use crate::agent_id::AgentId;
use crate::own_events::system_event;
use crate::parcel::Parcel;
use crate::wire::Reply;
use chrono::Utc;
use serde_json::{Map, Value, json};

/// Takes an agent out and keeps it outside for a while; all others are told.
pub(super) fn kick(ask: &mut Ask<'_>) -> Answer {
    ask.only_for_itself()?;
    let command = "kick_agent";
    let Some(target) = ask.text("target_agent_id")? else {
        let message = "Missing target_agent_id parameter";
        return Err(Reply::refused_with(message, ask.data(command, &[])));
    };
    if !ask.has_authority() {
        let entries = [
            ("requesting_agent", json!(ask.id().as_str())),
            ("requesting_group", json!(&*ask.caller.group)),
        ];
        let message = "Unauthorized: Admin privileges required to kick agents";
        return Err(Reply::refused_with(message, ask.data(command, &entries)));
    }
    let about = [("target_agent_id", json!(target))];
    let refused = |message: String| Reply::refused_with(message, ask.data(command, &about));
    if target == ask.id().as_str() {
        return Err(refused("Cannot kick yourself".to_owned()));
    }
    let settings = ask.network.settings();
    let not_found = || refused(format!("Target agent '{target}' not found"));
    let id = AgentId::new(&target).map_err(|_| not_found())?;
    let kicked = ask.in_roster(|roster, now| {
        let kicked = ask.network.remove(roster, &id).ok_or_else(not_found)?;
        roster.keep_outside(id, now + settings.kicked_for, settings.max_agents);
        Ok(kicked)
    })?;
    let group = kicked.group.to_string();
    drop(kicked);
    let by = ask.id().as_str();
    tracing::info!(agent = target, by, "agent is kicked");
    let mut payload = Map::new();
    for (key, value) in [
        ("target_agent_id", json!(target)),
        ("kicked_by", json!(by)),
        ("target_group", json!(group)),
        ("reason", json!("Kicked by admin")),
        ("timestamp", json!(Utc::now().timestamp())),
    ] {
        payload.insert(key.to_owned(), value);
    }
    let mut told = system_event("system.agent_kicked", payload);
    told.text_representation = Some(format!("Agent {target} was kicked by admin {by}").into());
    ask.network.give_out(&Parcel::new(told), None);
    let entries: [(&str, Value); 3] = [
        ("target_agent_id", json!(target)),
        ("kicked_by", json!(by)),
        ("target_group", json!(group)),
    ];
    let message = format!("Successfully kicked agent '{target}'");
    Ok(Reply::done(message, ask.data(command, &entries)))
}

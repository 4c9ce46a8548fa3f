//! Channels: everybody may enter one; who is in it may bring others and close it; who has authority may do all.

use super::ask::{Answer, Ask};
use crate::agent_id::AgentId;
use crate::channels::is_name;
use crate::roster::Roster;
use crate::wire::Reply;
use serde_json::json;

pub(super) fn list(ask: &Ask<'_>) -> Answer {
    let channels: Vec<String> = ask.in_roster(|roster, _| {
        let names = roster.channels.names();
        Ok(names.map(str::to_owned).collect())
    })?;
    let data = ask.data("list_channels", &[("channels", json!(channels))]);
    let message = "Successfully retrieved list of channels";
    Ok(Reply::done(message, data))
}

pub(super) fn members(ask: &mut Ask<'_>) -> Answer {
    let channel = ask.required("channel_id")?;
    let members: Vec<AgentId> = ask.in_roster(|roster, _| {
        let members = roster.channels.members(&channel).into_iter().flatten();
        Ok(members.cloned().collect())
    })?;
    let members: Vec<&str> = members.iter().map(AgentId::as_str).collect();
    let message = format!("Successfully retrieved members of channel {channel}");
    let entries = [("channel_id", json!(channel)), ("members", json!(members))];
    Ok(Reply::done(
        message,
        ask.data("get_channel_members", &entries),
    ))
}

pub(super) fn add(ask: &mut Ask<'_>) -> Answer {
    let (channel, agent) = place(ask)?;
    let limit = ask.network.settings().max_channels;
    if !is_name(&channel) {
        let message = "channel_id must be a text of at most 128 bytes without control characters";
        return Err(Reply::refused(message));
    }
    ask.in_roster(|roster, _| {
        if agent != *ask.id() && !ask.may_act_in(roster, &channel) {
            return Err(Reply::refused(format!(
                "Unauthorized: only members of channel {channel} may add others"
            )));
        }
        if !roster.agents.contains_key(&agent) {
            return Err(Reply::refused(format!("Agent '{agent}' not found")));
        }
        let added = roster.channels.add(&channel, agent.clone(), limit);
        added.map_err(|error| Reply::refused(error.to_string()))
    })?;
    let message = format!("Successfully added {agent} to channel {channel}");
    Ok(changed(
        ask,
        "add_channel_member",
        message,
        &channel,
        &agent,
    ))
}

pub(super) fn remove(ask: &mut Ask<'_>) -> Answer {
    let (channel, agent) = place(ask)?;
    ask.in_roster(|roster, _| {
        if agent != *ask.id() && !ask.has_authority() {
            let message = "Unauthorized: Admin privileges required to remove others from channels";
            return Err(Reply::refused(message));
        }
        if roster.channels.remove(&channel, agent.as_str()) {
            Ok(())
        } else {
            let message = format!("Agent '{agent}' is not in channel {channel}");
            Err(Reply::refused(message))
        }
    })?;
    let message = format!("Successfully removed {agent} from channel {channel}");
    Ok(changed(
        ask,
        "remove_channel_member",
        message,
        &channel,
        &agent,
    ))
}

pub(super) fn close(ask: &mut Ask<'_>) -> Answer {
    let channel = ask.required("channel_id")?;
    ask.in_roster(|roster, _| {
        if roster.channels.members(&channel).is_none() {
            return Err(Reply::refused(format!("Channel '{channel}' not found")));
        }
        if !ask.may_act_in(roster, &channel) {
            return Err(Reply::refused(format!(
                "Unauthorized: only members of channel {channel} may remove it"
            )));
        }
        roster.channels.close(&channel);
        Ok(())
    })?;
    let message = format!("Successfully removed channel {channel}");
    let data = ask.data("remove_channel", &[("channel_id", json!(channel))]);
    Ok(Reply::done(message, data))
}

impl Ask<'_> {
    fn may_act_in(&self, roster: &Roster, channel: &str) -> bool {
        let members = roster.channels.members(channel);
        self.has_authority() || members.is_some_and(|members| members.contains(self.id()))
    }
}

/// A channel, and the agent that is meant: the sender, if no other is named.
fn place(ask: &mut Ask<'_>) -> Result<(String, AgentId), Reply> {
    let channel = ask.required("channel_id")?;
    let agent = match ask.text("agent_id")? {
        None => ask.id().clone(),
        Some(text) => AgentId::new(&text).map_err(|error| Reply::refused(error.to_string()))?,
    };
    Ok((channel, agent))
}

fn changed(ask: &Ask<'_>, command: &str, message: String, channel: &str, agent: &AgentId) -> Reply {
    let entries = [
        ("channel_id", json!(channel)),
        ("agent_id", json!(agent.as_str())),
    ];
    Reply::done(message, ask.data(command, &entries))
}

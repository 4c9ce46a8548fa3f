use super::ask::{Answer, Ask};
use crate::wire::Reply;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn unregister(ask: &mut Ask<'_>) -> Answer {
    ask.only_for_itself()?;
    let id = ask.id();
    drop(ask.in_roster(|roster, _| Ok(ask.network.remove(roster, id)))?);
    let message = format!("Unregistered agent {id} from network");
    Ok(Reply::done(message, Value::Null))
}

pub(super) fn list(ask: &mut Ask<'_>) -> Answer {
    ask.only_for_itself()?;
    let agents: Vec<_> = ask.in_roster(|roster, _| {
        let agents = roster.agents.iter();
        let shown = agents.map(|(id, agent)| {
            let (metadata, group) = (Arc::clone(&agent.metadata), Arc::clone(&agent.group));
            (id.clone(), metadata, group)
        });
        Ok(shown.collect())
    })?;
    let agents: Vec<Value> = agents
        .iter()
        .map(|(id, metadata, group)| {
            let name = metadata.get("name").and_then(Value::as_str);
            json!({
                "agent_id": id.as_str(),
                "name": name.unwrap_or(id.as_str()),
                "connected": true,
                "metadata": **metadata,
                "group": &**group,
            })
        })
        .collect();
    let data = ask.data("list_agents", &[("agents", json!(agents))]);
    Ok(Reply::done("Agent list retrieved successfully", data))
}

pub(super) fn poll(ask: &mut Ask<'_>) -> Answer {
    ask.only_for_itself()?;
    let drained = ask.in_member(|agent| Ok(agent.mailbox.drain()))?;
    let dropped = drained.dropped;
    let events = ask.network.with_gap(drained);
    let messages: Vec<Value> = events.iter().map(|event| json!(**event)).collect();
    let message = format!("Retrieved {} messages", messages.len());
    let mut entries = vec![("messages", json!(messages))];
    if dropped > 0 {
        entries.push(("dropped", json!(dropped)));
    }
    Ok(Reply::done(message, ask.data("poll_messages", &entries)))
}

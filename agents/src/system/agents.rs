use super::ask::{Answer, Ask};
use crate::wire::Reply;
use serde_json::{Value, json};

pub(super) fn unregister(ask: &mut Ask<'_>) -> Answer {
    ask.only_for_itself()?;
    let id = ask.id().clone();
    ask.network
        .with_roster(|roster, _| ask.network.remove(roster, &id));
    let message = format!("Unregistered agent {id} from network");
    Ok(Reply::done(message, Value::Null))
}

pub(super) fn list(ask: &mut Ask<'_>) -> Answer {
    ask.only_for_itself()?;
    let agents: Vec<Value> = ask.network.with_roster(|roster, _| {
        let agents = roster.agents.iter();
        agents
            .map(|(id, agent)| {
                let name = agent.metadata.get("name").and_then(Value::as_str);
                json!({
                    "agent_id": id.as_str(),
                    "name": name.unwrap_or(id.as_str()),
                    "connected": true,
                    "metadata": agent.metadata,
                    "group": &*agent.group,
                })
            })
            .collect()
    });
    let data = ask.data("list_agents", &[("agents", json!(agents))]);
    Ok(Reply::done("Agent list retrieved successfully", data))
}

pub(super) fn poll(ask: &mut Ask<'_>) -> Answer {
    ask.only_for_itself()?;
    let drained = ask.network.with_roster(|roster, _| {
        let agent = roster.agents.get_mut(ask.id());
        agent.map(|agent| agent.mailbox.drain())
    });
    let drained = drained.ok_or_else(|| Reply::refused("Agent not registered"))?;
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

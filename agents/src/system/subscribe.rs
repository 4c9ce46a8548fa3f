use super::ask::{Answer, Ask};
use crate::channels::is_name;
use crate::wire::Reply;
use hotbed_mods::EventPattern;
use serde_json::json;

pub(super) fn subscribe(ask: &mut Ask<'_>) -> Answer {
    ask.only_for_itself()?;
    let (texts, wanted) = wanted(ask)?;
    let channels = ask.texts("channels")?;
    if texts.is_empty() {
        return Err(Reply::refused("Missing event_patterns parameter"));
    }
    let limit = ask.network.settings().max_subscriptions;
    if channels.len() > limit {
        return Err(too_many(limit));
    }
    if let Some(odd) = channels.iter().find(|channel| !is_name(channel)) {
        let odd: String = odd.chars().take(64).collect();
        let message = format!("{odd:?} is not the name of a channel");
        return Err(Reply::refused(message));
    }
    let set = channels.iter().cloned().collect();
    let subscription_id = ask.in_member(|agent| {
        let added = agent.subscriptions.add(wanted, set, limit);
        added.map_err(|_| too_many(limit))
    })?;
    let message = format!("Successfully subscribed to {} event patterns", texts.len());
    let entries = [
        ("subscription_id", json!(subscription_id)),
        ("agent_id", json!(ask.id().as_str())),
        ("event_patterns", json!(texts)),
        ("channels", json!(channels)),
    ];
    Ok(Reply::done(message, ask.data("subscribe_events", &entries)))
}

/// Takes one subscription away, or all; or, with `event_patterns`, lets the agent not hear such events any more, whatever
/// it subscribes to otherwise.
pub(super) fn unsubscribe(ask: &mut Ask<'_>) -> Answer {
    ask.only_for_itself()?;
    let subscription_id = ask.text("subscription_id")?;
    let (texts, unwanted) = wanted(ask)?;
    let limit = ask.network.settings().max_subscriptions;
    ask.in_member(|agent| {
        if let Some(id) = &subscription_id {
            if !agent.subscriptions.remove(id) {
                return Err(Reply::refused(format!("Subscription {id} not found")));
            }
        } else if texts.is_empty() {
            agent.subscriptions.clear();
        } else {
            let muted = agent.subscriptions.mute(unwanted, limit);
            muted.map_err(|_| too_many(limit))?;
        }
        Ok(())
    })?;
    let mut entries = vec![("agent_id", json!(ask.id().as_str()))];
    let message = if let Some(id) = subscription_id {
        entries.push(("subscription_id", json!(id)));
        format!("Successfully unsubscribed from subscription {id}")
    } else if texts.is_empty() {
        "Successfully unsubscribed from all events".to_owned()
    } else {
        entries.push(("event_patterns", json!(texts)));
        format!(
            "Successfully unsubscribed from {} event patterns",
            texts.len()
        )
    };
    Ok(Reply::done(
        message,
        ask.data("unsubscribe_events", &entries),
    ))
}

fn wanted(ask: &mut Ask<'_>) -> Result<(Vec<String>, Vec<EventPattern>), Reply> {
    let texts = ask.texts("event_patterns")?;
    let pattern = |text: &String| EventPattern::new(text);
    let patterns: Result<Vec<_>, _> = texts.iter().map(pattern).collect();
    let patterns = patterns.map_err(|error| Reply::refused(error.to_string()))?;
    let limit = ask.network.settings().max_subscriptions;
    if patterns.len() > limit {
        return Err(too_many(limit));
    }
    Ok((texts, patterns))
}

fn too_many(limit: usize) -> Reply {
    Reply::refused(format!(
        "an agent may have {limit} subscriptions, {limit} patterns and {limit} channels in them, and no more"
    ))
}

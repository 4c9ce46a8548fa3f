use super::ask::{Answer, Ask};
use crate::admission::group_of;
use crate::mod_list::is_in_service;
use crate::network::Reader;
use crate::wire::Reply;
use chrono::Utc;
use serde_json::{Value, json};

/// The health document; who may change mods is told what went wrong in them, too.
pub(super) fn health_check(ask: &Ask<'_>) -> Reply {
    let reader = if ask.has_authority() {
        Reader::WithAuthority
    } else {
        Reader::Anybody
    };
    let stats = ask.network.network_stats(reader);
    Reply::done("Health check completed successfully", stats)
}

/// That the agent is there was noted when it proved who it is.
pub(super) fn ping(ask: &mut Ask<'_>) -> Reply {
    let timestamp = ask.value("timestamp").filter(Value::is_number);
    let timestamp = timestamp.unwrap_or_else(|| json!(Utc::now().timestamp()));
    let data = ask.data("ping_agent", &[("timestamp", timestamp)]);
    Reply::done("Ping successful", data)
}

pub(super) fn network_info(ask: &mut Ask<'_>) -> Answer {
    ask.only_for_itself()?;
    let settings = ask.network.settings();
    let statuses = ask.network.host().statuses();
    let mods: Vec<&str> = statuses
        .iter()
        .filter(|status| is_in_service(status))
        .map(|status| status.path.as_str())
        .collect();
    let agents = ask.in_roster(|roster, _| Ok(roster.agents.len()))?;
    let info = json!({
        "name": settings.network_name,
        "node_id": settings.network_id,
        "mode": "centralized",
        "mods": mods,
        "agent_count": agents,
    });
    let data = ask.data("get_network_info", &[("network_info", info)]);
    Ok(Reply::done("Network info retrieved successfully", data))
}

pub(super) fn verify_password(ask: &mut Ask<'_>) -> Answer {
    let command = "verify_password";
    let Some(hash) = ask.text("password_hash")? else {
        let data = ask.data(command, &[("valid", json!(false))]);
        let message = "Missing password_hash parameter";
        return Err(Reply::refused_with(message, data));
    };
    let settings = ask.network.settings();
    let default_group = ("default_group", json!(settings.default_group));
    let found = group_of(settings, &hash).and_then(|name| settings.groups.get_key_value(name));
    if let Some((name, group)) = found {
        let entries = [
            ("valid", json!(true)),
            ("group_name", json!(name)),
            ("group_description", json!(group.description)),
            ("group_metadata", json!(group.metadata)),
            default_group,
        ];
        let message = format!("Password verified: matches group '{name}'");
        return Ok(Reply::done(message, ask.data(command, &entries)));
    }
    let entries = [
        ("valid", json!(false)),
        default_group,
        ("requires_password", json!(settings.needs_password())),
    ];
    let would = if settings.needs_password() {
        "registration would be rejected".to_owned()
    } else {
        let group = &settings.default_group;
        format!("would assign to default group '{group}'")
    };
    let message = format!("Password verification failed: no matching group found ({would})");
    Ok(Reply::done(message, ask.data(command, &entries)))
}

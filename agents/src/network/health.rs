//! The health document: the shape of the guide to dynamic mods and the one that clients of OpenAgents read, in one.

use super::AgentNetwork;
use crate::mod_list::is_in_service;
use crate::transport::Transport;
use chrono::{DateTime, Utc};
use hotbed_mods::ModStatus;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Who reads what is said of mods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Anybody: that a mod failed, and its state.
    Anybody,
    /// Who may change mods: what went wrong, too.
    WithAuthority,
}

/// What is shown of an agent, as of one moment.
struct Shown {
    id: String,
    group: Arc<str>,
    metadata: Arc<Map<String, Value>>,
    transport: Transport,
    last_seen_at: DateTime<Utc>,
    waiting: usize,
}

impl AgentNetwork {
    /// How the network, its agents and its mods are: `GET /api/health`. It needs no secret and holds none. Of what agents say
    /// of themselves only the capabilities are in it, of mods neither the configuration nor what went wrong in them: who
    /// has authority asks for that by `system.health_check`.
    pub fn health(&self) -> Value {
        let statuses = self.host().statuses();
        let well = statuses
            .iter()
            .all(|status| !status.enabled || status.is_well());
        let uptime = self.inside.started.elapsed();
        json!({
            "success": true,
            "status": if well { "healthy" } else { "degraded" },
            "network_id": self.settings().network_id,
            "mods": mods(&statuses),
            "uptime": uptime.as_secs(),
            "data": self.stats(&statuses, uptime, Reader::Anybody),
        })
    }

    /// The part that clients of OpenAgents read.
    pub(crate) fn network_stats(&self, reader: Reader) -> Value {
        self.stats(
            &self.host().statuses(),
            self.inside.started.elapsed(),
            reader,
        )
    }

    fn stats(&self, statuses: &[ModStatus], uptime: Duration, reader: Reader) -> Value {
        let settings = self.settings();
        let transports = settings.transports.iter();
        let transports: Vec<Value> = transports
            // Without a host or a port: they would stand for those that the user typed.
            .map(|transport| json!({"type": transport.as_str(), "config": {}}))
            .collect();
        let recommended = settings.transports.first().copied().unwrap_or_default();
        let (shown, delivered) = self.shown();
        let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for agent in &shown {
            groups.entry(&agent.group).or_default().push(&agent.id);
        }
        let agents: Map<String, Value> = shown
            .iter()
            .map(|agent| (agent.id.clone(), agent_entry(agent)))
            .collect();
        let mods: Vec<Value> = statuses
            .iter()
            .map(|status| mod_entry(status, reader))
            .collect();
        json!({
            "network_id": settings.network_id,
            "network_uuid": settings.network_uuid.to_string(),
            "network_name": settings.network_name,
            "initialized": true,
            "created_by_version": env!("CARGO_PKG_VERSION"),
            "is_running": true,
            "uptime_seconds": uptime.as_secs_f64(),
            "agent_count": agents.len(),
            "agents": agents,
            "groups": groups,
            "group_config": self.group_config(|group| groups.get(group).map_or(0, Vec::len)),
            "default_agent_group": settings.default_group,
            "requires_password": settings.needs_password(),
            "mods": mods,
            "dynamic_mods": dynamic_mods(statuses),
            "topology_mode": "centralized",
            "transports": transports,
            // Where clients get the documents of a network: over HTTP, whatever else there is.
            "manifest_transport": Transport::Http.as_str(),
            "recommended_transport": recommended.as_str(),
            "max_connections": settings.max_agents,
            "readme": null,
            "delivered_events": delivered,
            "lost_notifications": self.lost_facts(),
        })
    }

    /// What is shown of all agents, and how many events were delivered: taken in a moment, written down afterwards.
    fn shown(&self) -> (Vec<Shown>, u64) {
        self.with_roster(|roster, _| {
            let agents = roster.agents.iter();
            let shown = agents.map(|(id, agent)| Shown {
                id: id.to_string(),
                group: Arc::clone(&agent.group),
                metadata: Arc::clone(&agent.metadata),
                transport: agent.transport,
                last_seen_at: agent.last_seen_at,
                waiting: agent.mailbox.len(),
            });
            (shown.collect(), roster.delivered)
        })
    }

    fn group_config(&self, count: impl Fn(&str) -> usize) -> Vec<Value> {
        let settings = self.settings();
        let groups = settings.groups.iter();
        let mut shown: Vec<Value> = groups
            .map(|(name, group)| {
                json!({
                    "name": name,
                    "description": group.description,
                    "agent_count": count(name),
                    "metadata": group.metadata,
                    "has_password": group.password_hash.as_deref().is_some_and(|hash| !hash.is_empty()),
                })
            })
            .collect();
        let name = &settings.default_group;
        if !settings.groups.contains_key(name) {
            shown.push(json!({
                "name": name,
                "description": "Default group for agents without specific credentials",
                "agent_count": count(name),
                "metadata": {},
                "has_password": false,
            }));
        }
        shown
    }
}

fn agent_entry(agent: &Shown) -> Value {
    let said = agent.metadata.get("capabilities").and_then(Value::as_array);
    let capabilities = said.into_iter().flatten().filter_map(Value::as_str);
    json!({
        "capabilities": capabilities.collect::<Vec<_>>(),
        "last_seen": seconds(agent.last_seen_at),
        "transport_type": agent.transport.as_str(),
        "address": null,
        "group": &*agent.group,
        "waiting": agent.waiting,
    })
}

fn loaded(statuses: &[ModStatus]) -> impl Iterator<Item = &ModStatus> {
    statuses.iter().filter(|status| is_in_service(status))
}

fn ids(statuses: &[ModStatus]) -> Vec<&str> {
    loaded(statuses).map(|status| status.id.as_str()).collect()
}

/// As the guide shows it; beside it every mod with its state, and the same of those that are not as desired.
fn mods(statuses: &[ModStatus]) -> Value {
    let details: Map<String, Value> = loaded(statuses)
        .map(|status| {
            let detail = json!({
                "mod_id": status.id.as_str(),
                "mod_path": status.path.as_str(),
                "loaded_at": status.loaded_at.map(|at| at.timestamp()),
                "state": status.state.as_str(),
                "generation": status.generation,
                "failed": status.error.is_some(),
            });
            (status.id.to_string(), detail)
        })
        .collect();
    let state = |status: &ModStatus| (status.id.to_string(), json!(status.state.as_str()));
    let states: Map<String, Value> = statuses.iter().map(state).collect();
    let failed = statuses.iter().filter(|status| status.error.is_some());
    let failed: Map<String, Value> = failed.map(state).collect();
    let ids = ids(statuses);
    json!({
        "count": ids.len(),
        "loaded": ids,
        "details": details,
        "states": states,
        "failed": failed,
    })
}

fn dynamic_mods(statuses: &[ModStatus]) -> Value {
    let details: Map<String, Value> = loaded(statuses)
        .map(|status| {
            let detail = json!({
                "mod_id": status.id.as_str(),
                "mod_path": status.path.as_str(),
                "loaded_at": status.loaded_at.map(seconds),
            });
            (status.id.to_string(), detail)
        })
        .collect();
    let ids = ids(statuses);
    json!({"count": ids.len(), "loaded": ids, "details": details})
}

fn mod_entry(status: &ModStatus, reader: Reader) -> Value {
    let health = status.health.as_ref();
    let mut entry = json!({
        "name": status.path.as_str(),
        "enabled": status.enabled,
        // Whoever may see it asks elsewhere: there may be secrets in it.
        "config": {},
        "id": status.id.as_str(),
        "state": status.state.as_str(),
        "generation": status.generation,
        "healthy": health.map(|health| health.healthy),
        "failed": status.error.is_some(),
    });
    if reader == Reader::WithAuthority {
        entry["error"] = json!(status.error);
    }
    entry
}

/// Seconds since 1970 with their fraction, as a float.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 fit for the next hundred thousand years"
)]
fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1_000.0
}

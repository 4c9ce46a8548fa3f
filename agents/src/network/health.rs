//! The health document: the shape of the guide to dynamic mods and the one that clients of OpenAgents read, in one.

use super::AgentNetwork;
use crate::transport::Transport;
use hotbed_mods::ModStatus;
use serde_json::{Map, Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;

impl AgentNetwork {
    /// How the network, its agents and its mods are: `GET /api/health`. It needs no secret and holds none; no
    /// configuration of a mod and no metadata of an agent is in it.
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
            "data": self.stats(&statuses, uptime),
        })
    }

    /// The part that clients of OpenAgents read.
    pub(crate) fn network_stats(&self) -> Value {
        self.stats(&self.host().statuses(), self.inside.started.elapsed())
    }

    fn stats(&self, statuses: &[ModStatus], uptime: Duration) -> Value {
        let settings = self.settings();
        let lost_facts = self.inside.lost_facts.load(Ordering::Relaxed);
        let transports = settings.transports.iter();
        let transports: Vec<Value> = transports
            // Without a host or a port: they would stand for those that the user typed.
            .map(|transport| json!({"type": transport.as_str(), "config": {}}))
            .collect();
        let recommended = settings.transports.first().copied().unwrap_or_default();
        self.with_roster(|roster, _| {
            let groups = roster.groups();
            let agents = roster.agents.iter();
            let agents: Map<String, Value> = agents
                .map(|(id, agent)| {
                    let shown = json!({
                        "capabilities": agent.capabilities(),
                        "last_seen": seconds(agent.last_seen_at.timestamp_millis()),
                        "transport_type": agent.transport.as_str(),
                        "address": null,
                        "group": &*agent.group,
                        "waiting": agent.mailbox.len(),
                    });
                    (id.to_string(), shown)
                })
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
                "requires_password": settings.requires_password,
                "mods": statuses.iter().map(mod_entry).collect::<Vec<_>>(),
                "dynamic_mods": dynamic_mods(statuses),
                "topology_mode": "centralized",
                "transports": transports,
                "manifest_transport": Transport::Http.as_str(),
                "recommended_transport": recommended.as_str(),
                "max_connections": settings.max_agents,
                "readme": null,
                "delivered_events": roster.delivered,
                "lost_notifications": lost_facts,
            })
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

fn loaded(statuses: &[ModStatus]) -> impl Iterator<Item = &ModStatus> {
    statuses.iter().filter(|status| status.generation.is_some())
}

fn ids(statuses: &[ModStatus]) -> Vec<&str> {
    loaded(statuses).map(|status| status.id.as_str()).collect()
}

/// As the guide shows it; beside it every mod with its state, and what went wrong.
fn mods(statuses: &[ModStatus]) -> Value {
    let details: Map<String, Value> = loaded(statuses)
        .map(|status| {
            let detail = json!({
                "mod_id": status.id.as_str(),
                "mod_path": status.path.as_str(),
                "loaded_at": status.loaded_at.map(|at| at.timestamp()),
                "state": status.state.as_str(),
                "generation": status.generation,
                "error": status.error,
            });
            (status.id.to_string(), detail)
        })
        .collect();
    let states: Map<String, Value> = statuses
        .iter()
        .map(|status| (status.id.to_string(), json!(status.state.as_str())))
        .collect();
    let failed: Map<String, Value> = statuses
        .iter()
        .filter_map(|status| Some((status.id.to_string(), json!(status.error.as_ref()?))))
        .collect();
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
            let at = status.loaded_at.map(|at| seconds(at.timestamp_millis()));
            let detail = json!({
                "mod_id": status.id.as_str(),
                "mod_path": status.path.as_str(),
                "loaded_at": at,
            });
            (status.id.to_string(), detail)
        })
        .collect();
    let ids = ids(statuses);
    json!({"count": ids.len(), "loaded": ids, "details": details})
}

fn mod_entry(status: &ModStatus) -> Value {
    let health = status.health.as_ref();
    json!({
        "name": status.path.as_str(),
        "enabled": status.enabled,
        // Whoever may see it asks elsewhere: there may be secrets in it.
        "config": {},
        "id": status.id.as_str(),
        "state": status.state.as_str(),
        "generation": status.generation,
        "healthy": health.map(|health| health.healthy),
        "error": status.error,
    })
}

/// Seconds with their fraction, as a float.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 fit for the next hundred thousand years"
)]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1_000.0
}

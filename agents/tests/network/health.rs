//! The health document: both shapes at once.

use crate::world::{World, eventually, next_event, settings};
use serde_json::{Value, json};
use std::time::Duration;

/// All of it, but for what differs each time.
fn expected(path: &str) -> Value {
    json!({
        "success": true,
        "status": "healthy",
        "network_id": "net-1",
        "uptime": 5,
        "mods": {
            "loaded": ["wiki"],
            "count": 1,
            "details": {
                "wiki": {
                    "mod_id": "wiki",
                    "mod_path": path,
                    "loaded_at": null,
                    "state": "running",
                    "generation": 1,
                    "failed": false,
                },
            },
            "states": {"wiki": "running"},
            "failed": {},
        },
        "data": {
            "network_id": "net-1",
            "network_uuid": "00000000-0000-4000-8000-000000000000",
            "network_name": "Test Network",
            "initialized": true,
            "created_by_version": env!("CARGO_PKG_VERSION"),
            "is_running": true,
            "uptime_seconds": 5.5,
            "agent_count": 1,
            "agents": {
                "root": {
                    "capabilities": ["chat"],
                    "last_seen": null,
                    "transport_type": "http",
                    "address": null,
                    "group": "admin",
                    "waiting": 2,
                },
            },
            "groups": {"admin": ["root"]},
            "group_config": [
                {"name": "admin", "description": "Those who may", "agent_count": 1, "metadata": {}, "has_password": true},
                {"name": "users", "description": "", "agent_count": 0, "metadata": {}, "has_password": true},
                {
                    "name": "guest",
                    "description": "Default group for agents without specific credentials",
                    "agent_count": 0,
                    "metadata": {},
                    "has_password": false,
                },
            ],
            "default_agent_group": "guest",
            "requires_password": false,
            "mods": [{
                "name": path,
                "enabled": true,
                "config": {},
                "id": "wiki",
                "state": "running",
                "generation": 1,
                "healthy": true,
                "failed": false,
            }],
            "dynamic_mods": {
                "loaded": ["wiki"],
                "count": 1,
                "details": {"wiki": {"mod_id": "wiki", "mod_path": path, "loaded_at": null}},
            },
            "topology_mode": "centralized",
            "transports": [{"type": "http", "config": {}}],
            "manifest_transport": "http",
            "recommended_transport": "http",
            "max_connections": 10_000,
            "readme": null,
            "delivered_events": 2,
            "lost_notifications": 0,
        },
    })
}

/// Caught: a wrong number of what waits, of what was delivered; a mod that is well shown as one that is not.
#[tokio::test(start_paused = true)]
async fn health_has_the_shape_of_the_guide_and_the_one_that_clients_read() {
    let mut settings = settings();
    settings.network_uuid = "00000000-0000-4000-8000-000000000000".parse().unwrap();
    let (before, began) = (chrono::Utc::now(), tokio::time::Instant::now());
    let world = World::with(settings);
    let root = world.join_with(&json!({
        "agent_id": "root",
        "password_hash": "aa11",
        "metadata": {"capabilities": ["chat", 5], "private": "x"},
    }));
    let path = "openagents.mods.core.wiki";
    world.load(&root, path).await;
    world.send(&root, "chat.said", "root", json!({})).await;
    let waiting = || world.network.health()["data"]["agents"]["root"]["waiting"] == 2;
    eventually("she is told of the mod, and of what she said", waiting).await;
    let then = began + Duration::from_millis(5_500);
    tokio::time::advance(then - tokio::time::Instant::now()).await;
    let mut health = world.network.health();

    let after = chrono::Utc::now();
    let since = before.timestamp()..=after.timestamp();
    let at = health["mods"]["details"]["wiki"]["loaded_at"].take();
    assert!(since.contains(&at.as_i64().unwrap()), "{at}");
    let since = seconds(before)..=seconds(after);
    let at = health["data"]["dynamic_mods"]["details"]["wiki"]["loaded_at"].take();
    assert!(since.contains(&at.as_f64().unwrap()), "{at}");
    let seen = health["data"]["agents"]["root"]["last_seen"].take();
    assert!(since.contains(&seen.as_f64().unwrap()), "{seen}");
    assert_eq!(health, expected(path));
    let checked = world.ask(&root, "system.health_check", json!({})).await;
    assert_eq!(checked["message"], "Health check completed successfully");
    assert_eq!(checked["data"]["network_id"], "net-1");
}

#[expect(clippy::cast_precision_loss, reason = "it is as it is shown")]
fn seconds(at: chrono::DateTime<chrono::Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1_000.0
}

/// The client refuses the whole network for one type that it does not know.
#[tokio::test]
async fn every_transport_in_it_is_one_that_the_client_knows() {
    let world = World::new();
    let known = [
        "websocket",
        "libp2p",
        "grpc",
        "webrtc",
        "http",
        "mcp",
        "a2a",
    ];
    for (n, transport) in known.iter().enumerate() {
        let body = json!({"agent_id": format!("agent_{n}"), "transport_type": transport});
        world.join_with(&body);
    }
    let health = world.network.health();
    let agents = health["data"]["agents"].as_object().unwrap();
    assert_eq!(agents.len(), known.len());
    for agent in agents.values() {
        assert!(known.contains(&agent["transport_type"].as_str().unwrap()));
    }
    for transport in health["data"]["transports"].as_array().unwrap() {
        assert!(known.contains(&transport["type"].as_str().unwrap()));
    }
    assert!(known.contains(&health["data"]["recommended_transport"].as_str().unwrap()));
}

#[tokio::test]
async fn health_follows_mods_as_they_come_and_go_and_names_what_failed() {
    let world = World::new();
    let root = world.admin();
    let loaded = || world.network.health()["mods"]["loaded"].clone();
    for (event, path, expected) in [
        (
            "system.mod.load",
            "openagents.mods.core.wiki",
            json!(["wiki"]),
        ),
        ("system.mod.load", "test.mods.echo", json!(["echo", "wiki"])),
        ("system.mod.unload", "wiki", json!(["echo"])),
        ("system.mod.disable", "echo", json!([])),
    ] {
        world.ask(&root, event, json!({"mod_path": path})).await;
        assert_eq!(loaded(), expected, "{event} {path}");
    }
    let health = world.network.health();
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["data"]["mods"][0]["enabled"], false);

    let desired = |id: &str, path: &str| {
        use hotbed_configs::{PortableConfig, ResolvedConfig};
        let config = PortableConfig::from_value(json!({})).unwrap();
        hotbed_mods::Desired::new(
            hotbed_mods::ModId::new(id).unwrap(),
            hotbed_mods::ModPath::new(path).unwrap(),
            ResolvedConfig::verbatim(&config),
        )
    };
    world
        .host
        .reconcile(vec![desired("broken", "no.broken")])
        .await;
    let health = world.network.health();
    assert_eq!(health["status"], "degraded");
    assert_eq!(health["success"], true);
    assert_eq!(health["mods"]["loaded"], json!([]));
    assert_eq!(health["mods"]["failed"], json!({"broken": "error"}));
    assert_eq!(health["data"]["mods"][0]["failed"], true);
    assert_eq!(health["data"]["mods"][0]["healthy"], Value::Null);
}

/// What a mod says when it fails may be anything, and everybody reads the health document.
///
/// Caught: the error in the document of everybody; the error in the event of everybody.
#[tokio::test]
async fn what_went_wrong_in_a_mod_is_told_to_those_with_authority_only() {
    let world = World::new();
    let (root, alice) = (world.admin(), world.join("alice"));
    let config = hotbed_configs::PortableConfig::from_value(json!({})).unwrap();
    let broken = hotbed_mods::Desired::new(
        hotbed_mods::ModId::new("broken").unwrap(),
        hotbed_mods::ModPath::new("test.mods.broken").unwrap(),
        hotbed_configs::ResolvedConfig::verbatim(&config),
    );
    let mut told = world.stream(&alice, "mod.failed");
    let mut observer = world
        .network
        .observe(hotbed_mods::EventPattern::new("*").unwrap())
        .unwrap();
    world.host.reconcile(vec![broken]).await;
    let why = "the key 5ecre7 is wrong";
    let check = async |by| {
        world
            .ask(by, "system.health_check", json!({}))
            .await
            .to_string()
    };
    for public in [
        world.network.health().to_string(),
        check(&alice).await,
        next_event(&mut told).await.to_string(),
        next_event(&mut observer).await.to_string(),
    ] {
        assert!(
            public.contains("broken") && !public.contains(why),
            "{public}"
        );
    }
    let told = check(&root).await;
    assert!(told.contains(why), "{told}");
}

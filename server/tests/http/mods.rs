//! Mods over HTTP.

use crate::harness::{Node, OK, with_header, with_json};
use axum::http::Method;
use serde_json::{Value, json};

const CACHE: &str = "openagents.mods.core.shared_cache";

fn load(path: &str) -> Value {
    json!({ "path": path })
}

/// Meant to catch: to answer before the mod runs, to keep one that does not come up, to give an id twice.
#[tokio::test]
async fn a_mod_is_loaded_once_and_runs_when_that_is_answered() {
    let node = Node::new().await;
    let loaded = node.post("/api/v1/mods", &load(CACHE)).await;
    assert_eq!(loaded.status, 201);
    assert_eq!(loaded.header("location"), Some("/api/v1/mods/shared_cache"));
    assert_eq!(loaded.header("etag"), Some("\"1\""));
    let it = loaded.json();
    for (key, value) in [
        ("id", json!("shared_cache")),
        ("path", json!(CACHE)),
        ("state", json!("running")),
        ("revision", json!(1)),
        ("serves", json!(1)),
        ("error", json!(null)),
    ] {
        assert_eq!(it[key], value, "{key}");
    }

    let again = node.post("/api/v1/mods", &load(CACHE)).await;
    assert_eq!(again.status, 409);
    assert_eq!(again.detail(), "Mod 'shared_cache' is already loaded");
    let other = json!({"path": "openagents.mods.core.wiki", "id": "shared_cache"});
    let clash = node.post("/api/v1/mods", &other).await;
    assert_eq!(clash.status, 409);
    assert_eq!(clash.detail(), "Mod 'shared_cache' is already registered");
    let second = json!({"path": CACHE, "id": "second"});
    assert_eq!(node.post("/api/v1/mods", &second).await.status, 201);

    for (bad, status, said) in [
        (
            json!({"path": "no.such"}),
            422,
            "no mod is at no.such: there are hotbed.mods.",
        ),
        (
            json!({"path": CACHE, "id": "x", "config": {"nope": 1}}),
            422,
            "its configuration does not fit: ",
        ),
        (
            json!({"path": CACHE, "id": "x", "priority": "first"}),
            422,
            "priority: expected ",
        ),
        (
            json!({"path": CACHE, "id": "x y"}),
            422,
            "\"x y\" is not the id of a mod",
        ),
        (json!({"id": "x"}), 422, "body: missing field `path`"),
    ] {
        let refused = node.post("/api/v1/mods", &bad).await;
        assert_eq!(refused.status, status, "{bad}");
        let detail = refused.detail();
        assert!(detail.contains(said), "{detail}");
    }
    let listed = node.get("/api/v1/mods").await.json();
    let ids: Vec<&str> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["second", "shared_cache"]);
}

/// Meant to catch: to find a mod by the end of its path, as the guide's server did.
#[tokio::test]
async fn a_mod_is_named_by_exactly_its_id_or_its_path() {
    let node = Node::new().await;
    node.post("/api/v1/mods", &load(CACHE)).await;
    for wrong in ["cache", "mods.core.shared_cache", "other.shared_cache"] {
        let answer = node.delete(&format!("/api/v1/mods/{wrong}")).await;
        assert_eq!(answer.status, 404, "{wrong}");
        assert_eq!(answer.detail(), format!("Mod '{wrong}' is not loaded"));
    }
    assert_eq!(
        node.get(&format!("/api/v1/mods/{CACHE}")).await.json()["id"],
        "shared_cache"
    );
    let gone = node.delete(&format!("/api/v1/mods/{CACHE}")).await;
    assert_eq!(
        (gone.status, gone.json()),
        (OK, json!({"unloaded": ["shared_cache"]}))
    );
    assert_eq!(node.get("/api/v1/mods").await.json()["items"], json!([]));
    assert_eq!(node.delete("/api/v1/mods/shared_cache").await.status, 404);
}

/// Meant to catch: a configuration that is stored before it is checked, or that waits for a restart.
#[tokio::test]
async fn a_configuration_is_checked_and_then_in_effect_at_once() {
    let node = Node::new().await;
    let wiki =
        json!({"path": "openagents.mods.core.wiki", "config": {"max_pages": 7, "max_versions": 3}});
    let first = node.post("/api/v1/mods", &wiki).await.json();
    let read = node.get("/api/v1/mods/wiki/config").await;
    assert_eq!(
        read.json(),
        json!({"config": {"max_pages": 7, "max_versions": 3}})
    );
    assert_eq!(read.header("etag"), Some("\"1\""));

    let merged = json!({"config": {"max_pages": 9, "max_versions": null}});
    let changed = node
        .put("/api/v1/mods/wiki/config?merge=true", &merged)
        .await;
    assert_eq!(changed.status, OK);
    let changed = changed.json();
    assert_eq!(changed["config"], json!({"max_pages": 9}));
    assert_eq!(
        (&changed["revision"], &changed["serves"]),
        (&json!(2), &json!(2))
    );
    assert!(changed["generation"].as_u64() > first["generation"].as_u64());

    let wrong = json!({"config": {"max_pages": "many"}});
    let refused = node.put("/api/v1/mods/wiki/config", &wrong).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.detail().contains("max_pages"),
        "{}",
        refused.detail()
    );
    assert_eq!(node.get("/api/v1/mods/wiki").await.json(), changed);

    let stale = with_json(Method::PUT, "/api/v1/mods/wiki/config", r#"{"config": {}}"#);
    let stale = node.send(with_header(stale, "if-match", "\"1\"")).await;
    assert_eq!(stale.status, 412);
    assert_eq!(stale.json()["revision"], 2);

    let schema = node.get("/api/v1/mods/wiki/schema").await.json();
    assert_eq!(
        schema["json_schema"]["properties"]["max_pages"]["type"],
        "integer"
    );
    assert_eq!(
        schema["form"]["sections"][0]["fields"][0]["key"],
        "max_pages"
    );
}

#[tokio::test]
async fn a_mod_is_switched_and_keeps_its_registration() {
    let node = Node::new().await;
    node.post("/api/v1/mods", &load("hotbed.mods.wiki")).await;
    let off = node.post_nothing("/api/v1/mods/wiki/disable").await.json();
    assert_eq!(
        (&off["enabled"], &off["state"]),
        (&json!(false), &json!("stopped"))
    );
    let health = node.get("/api/v1/mods/wiki/health").await.json();
    assert_eq!(health["healthy"], false);
    let refused = node.post_nothing("/api/v1/mods/wiki/reload").await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.detail(), "mod 'wiki' is disabled: enable it first");
    let on = node.post_nothing("/api/v1/mods/wiki/enable").await.json();
    assert_eq!(
        (&on["enabled"], &on["state"]),
        (&json!(true), &json!("running"))
    );
    assert_eq!(
        node.get("/api/v1/mods/wiki/health").await.json()["healthy"],
        true
    );
    let at = "/api/v1/mods/wiki/reload?by=alice";
    let anew = node.post_nothing(at).await.json();
    assert!(anew["generation"].as_u64() > on["generation"].as_u64());
    // It is written down, for the other nodes, and who asked for it.
    assert!(anew["revision"].as_u64() > on["revision"].as_u64());
    assert_eq!(anew["metadata"]["changed_by"], "alice");
}

#[tokio::test]
async fn a_registration_is_put_as_a_whole_under_conditions() {
    let node = Node::new().await;
    let put = |if_none_match: Option<&str>, body: Value| {
        let request = with_json(Method::PUT, "/api/v1/mods/w", &body.to_string());
        match if_none_match {
            Some(tag) => with_header(request, "if-none-match", tag),
            None => request,
        }
    };
    let body = json!({"path": "hotbed.mods.wiki", "scopes": ["ops"], "enabled": false});
    let created = node.send(put(Some("*"), body.clone())).await;
    assert_eq!(created.status, OK);
    assert_eq!(created.json()["scopes"], json!(["ops"]));
    assert_eq!(node.send(put(Some("*"), body)).await.status, 412);
    let replaced = node.send(put(None, load("hotbed.mods.wiki"))).await.json();
    assert_eq!(replaced["state"], "running");
    assert_eq!(replaced["scopes"], json!(["any"]), "as the manifest says");
    let named = json!({"id": "other", "path": "hotbed.mods.wiki"});
    assert_eq!(node.send(put(None, named)).await.status, 422);
}

/// Meant to catch: a dry run that does something, or that says nothing.
#[tokio::test]
async fn a_dry_run_says_what_a_reload_would_do_and_does_nothing() {
    let node = Node::new().await;
    node.post("/api/v1/mods", &load("hotbed.mods.wiki")).await;
    node.bot("a").await;
    node.chat("a").await.unwrap();
    let before = node.get("/api/v1/mods/wiki").await.json();
    let built = node.get("/api/v1/health").await.json()["cache"]["builds"].clone();
    let told = node
        .post_nothing("/api/v1/reload?dry_run=true")
        .await
        .json();
    assert_eq!(told["refreshed"], json!(["a"]));
    assert_eq!(
        told["mods"]["refreshed"],
        json!([]),
        "nothing changed of it"
    );
    assert_eq!(node.get("/api/v1/mods/wiki").await.json(), before);
    assert_eq!(
        node.get("/api/v1/health").await.json()["cache"]["builds"],
        built
    );

    let done = node.post_nothing("/api/v1/reload").await.json();
    assert_eq!(done["refreshed"], json!(["a"]));
    let text = "Module reload complete. refreshed=0 added=0 removed=0 failed=0";
    assert_eq!(done["mods"]["text"], text);
}

/// Meant to catch: a node that calls itself well although a mod that is to run does not.
#[tokio::test]
async fn a_mod_that_does_not_run_shows_in_the_health_of_the_node() {
    let node = Node::new().await;
    node.wiki("wiki").await;
    let health = node.get("/api/v1/health").await.json();
    assert_eq!(
        health["mods"],
        json!({"wanted": 1, "well": 1, "failing": []})
    );
    assert_eq!(health["status"], "ok");
    register_one_that_is_gone(&node).await;
    node.post_nothing("/api/v1/reload").await;
    let health = node.get("/api/v1/health").await.json();
    assert_eq!(health["mods"]["wanted"], 2);
    assert_eq!(health["mods"]["failing"][0]["id"], "gone");
    assert_eq!(health["status"], "degraded");
    node.post_nothing("/api/v1/mods/gone/disable").await;
    let health = node.get("/api/v1/health").await.json();
    assert_eq!(
        health["mods"],
        json!({"wanted": 1, "well": 1, "failing": []})
    );
}

/// Registers a mod that is not there, past the desk, as another node of another version might write it.
async fn register_one_that_is_gone(node: &Node) {
    let config = hotbed_configs::PortableConfig::from_value(json!({"path": "hotbed.mods.gone"}));
    let id = hotbed_registry::Id::new("gone").unwrap();
    let draft = hotbed_registry::Draft::active(config.unwrap());
    let any = hotbed_registry::Precondition::Any;
    node.mods_registry.put(&id, draft, any).await.unwrap();
}

/// Caught: mods renewed, which is written to their registry, by whoever may not change them.
#[tokio::test]
async fn a_reload_leaves_mods_out_where_nobody_may_change_them() {
    let mut node = Node::new().await;
    node.bot("a").await;
    node.chat("a").await.unwrap();
    register_one_that_is_gone(&node).await;
    let beyond = "0.0.0.0:8700".parse().unwrap();
    for (listen, failed) in [(node.state.access.listen, 1), (beyond, 0)] {
        node.state.authority = hotbed_server::Authority::new(listen, None);
        node.router = hotbed_server::router(node.state.clone());
        let told = node.post_nothing("/api/v1/reload").await;
        assert_eq!(told.status, OK, "{listen}");
        let told = told.json();
        assert_eq!(told["refreshed"], json!(["a"]), "{listen}");
        let mods = told["mods"]["failed"].as_array().unwrap();
        assert_eq!(mods.len(), failed, "{listen}: {mods:?}");
    }
}

/// Meant to catch: a password that is shown where its mod never came up, or is not to run.
#[tokio::test]
async fn a_password_is_shown_by_no_door() {
    let node = Node::new().await;
    let locked = |key: &str, enabled: bool| json!({"path": "test.mods.locked", "config": {"key": key}, "enabled": enabled});
    let open = node.post("/api/v1/mods", &locked("hunter2", true)).await;
    assert_eq!(open.status, 201);
    node.put("/api/v1/mods/off", &locked("hunter2", false))
        .await;
    // Past the desk, as another node would write it: here they never come up.
    for (id, registration) in [
        ("odd", locked("hunter2${NOT_SET}", true)),
        (
            "gone",
            json!({"path": "hotbed.mods.gone", "config": {"api_key": "hunter2", "host": "h"}}),
        ),
    ] {
        let config = hotbed_configs::PortableConfig::from_value(registration).unwrap();
        let draft = hotbed_registry::Draft::active(config);
        let id = hotbed_registry::Id::new(id).unwrap();
        let any = hotbed_registry::Precondition::Any;
        node.mods_registry.put(&id, draft, any).await.unwrap();
    }
    node.post_nothing("/api/v1/reload").await;
    let mut paths = vec!["/api/v1/mods".to_owned()];
    for id in ["locked", "off", "odd", "gone"] {
        for door in ["", "/config", "/schema", "/health"] {
            paths.push(format!("/api/v1/mods/{id}{door}"));
        }
        paths.push(format!("/api/v1/admin/plugins/{id}"));
        paths.push(format!("/api/admin/mods/{id}/config"));
    }
    paths.extend(
        [
            "/api/admin/mods",
            "/api/v1/admin/plugins",
            "/api/v1/health/detailed",
            "/api/v1/health",
            "/api/health",
        ]
        .map(str::to_owned),
    );
    for path in paths {
        let answer = node.get(&path).await;
        assert_eq!(answer.status, OK, "{path}");
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert!(!text.contains("hunter2"), "{path}: {text}");
    }
    let gone = node.get("/api/v1/mods/gone/config").await.json();
    assert_eq!(gone["config"]["host"], "h");
    // Sent back as it was shown, it stays.
    let shown = node.get("/api/v1/mods/off/config").await.json();
    assert_eq!(node.put("/api/v1/mods/off/config", &shown).await.status, OK);
    let id = hotbed_registry::Id::new("off").unwrap();
    let stored = node
        .mods_registry
        .reader()
        .peek(&id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.config.as_map()["config"]["key"], "hunter2");
}

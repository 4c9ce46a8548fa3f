//! Mods as clients of AICO and the Studio of OpenAgents see them.

use crate::harness::{Node, OK, request, with_json};
use axum::body::to_bytes;
use axum::http::{Method, Request};
use serde_json::{Value, json};

async fn node() -> Node {
    let node = Node::new().await;
    node.wiki("wiki").await;
    node
}

/// What is answered with `success` and `error` in place of a problem.
async fn studio(node: &Node, request: Request<axum::body::Body>) -> (u16, Value) {
    let response = node.open(request).await;
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

/// A1: health was always degraded, and what was stopped was not. A5: disabled ones were started.
#[tokio::test]
async fn plugins_are_told_of_as_they_are_and_switched() {
    let node = node().await;
    let detailed = node.get("/api/v1/health/detailed").await.json();
    assert_eq!(detailed["container"], "healthy");
    assert_eq!(
        detailed["summary"],
        json!({"total": 1, "healthy": 1, "unhealthy": 0})
    );
    let wiki = &detailed["services"]["wiki"];
    for (key, value) in [
        ("name", json!("wiki")),
        ("status", json!("healthy")),
        ("state", json!("running")),
        ("healthy", json!(true)),
        ("enabled", json!(true)),
    ] {
        assert_eq!(wiki[key], value, "{key}");
    }
    assert_eq!(wiki["metadata"]["priority"], 40);
    assert_eq!(
        wiki["configuration"],
        json!({"has_config": false, "config_keys": []})
    );

    let stopped = node
        .post_nothing("/api/v1/admin/plugins/wiki/stop")
        .await
        .json();
    assert_eq!(stopped["success"], true);
    assert_eq!(stopped["message"], "Plugin 'wiki' stopped");
    assert_eq!(stopped["details"]["status"], "disabled");
    let detailed = node.get("/api/v1/health/detailed").await.json();
    assert_eq!(detailed["summary"]["total"], 0, "it is not to run");
    let all = node.get("/api/v1/admin/plugins").await.json();
    assert_eq!(
        (&all["total"], &all["plugins"]["wiki"]["enabled"]),
        (&json!(1), &json!(false))
    );

    node.post_nothing("/api/v1/admin/plugins/wiki/enable").await;
    let config = json!({"config": {"max_pages": 5}});
    let changed = node
        .put("/api/v1/admin/plugins/wiki/config", &config)
        .await
        .json();
    assert_eq!(
        changed["details"]["configuration"]["config_keys"],
        json!(["max_pages"])
    );
    let asked = node.get("/api/v1/admin/plugins/wiki/health").await.json();
    assert_eq!(asked["healthy"], true);
    assert_eq!(
        node.post_nothing("/api/v1/admin/plugins/wiki/explode")
            .await
            .status,
        404
    );
    assert_eq!(node.get("/api/v1/admin/plugins/none").await.status, 404);
}

#[tokio::test]
async fn settings_are_read_and_changed_without_a_restart() {
    let node = node().await;
    let listed = node.get("/api/admin/mods").await.json();
    let wiki = &listed["mods"][0];
    assert_eq!(
        (&listed["success"], &wiki["id"], &wiki["hasConfig"]),
        (&json!(true), &json!("wiki"), &json!(true))
    );
    assert_eq!(wiki["displayName"], "Wiki");
    let schema = node.get("/api/admin/mods/wiki/schema").await.json();
    assert_eq!(
        schema["schema"]["sections"][0]["fields"][0]["type"],
        "number"
    );

    let put = |id: &str, body: &str| {
        with_json(Method::PUT, &format!("/api/admin/mods/{id}/config"), body)
    };
    let (status, answer) = studio(&node, put("wiki", r#"{"config": {"max_pages": 5}}"#)).await;
    assert_eq!(status, OK);
    assert_eq!(
        (&answer["success"], &answer["requiresRestart"]),
        (&json!(true), &json!(false))
    );
    let config = node.get("/api/admin/mods/wiki/config").await.json();
    assert_eq!(config, json!({"success": true, "config": {"max_pages": 5}}));

    let (status, answer) = studio(&node, put("wiki", r#"{"config": {"max_pages": 0}}"#)).await;
    assert_eq!((status, &answer["success"]), (400, &json!(false)));
    let missing = json!({"success": false, "error": "Mod none not found"});
    assert_eq!(
        studio(&node, put("none", r#"{"config": {}}"#)).await,
        (404, missing.clone())
    );
    let read = request(Method::GET, "/api/admin/mods/none/config");
    assert_eq!(studio(&node, read).await, (404, missing));
    assert_eq!(
        node.put("/api/admin/mods/wiki/config", &json!({"config": 1}))
            .await
            .status,
        422
    );
    let restarted = node.post_nothing("/api/admin/network/restart").await.json();
    assert_eq!(restarted["requires_manual_restart"], false);
}

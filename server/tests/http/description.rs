use crate::harness::{Node, request};
use axum::http::Method;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

async fn api() -> Value {
    Node::new().await.get("/api/v1/openapi.json").await.json()
}

/// A path that leads to something.
fn filled(path: &str) -> String {
    path.replace("{id}", "a")
        .replace("{scope}", "ops")
        .replace("{action}", "reload")
}

fn operations(api: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((path.clone(), method.to_uppercase(), operation.clone()));
        }
    }
    operations
}

/// What a route answers to a bare request. Its body is not read: some never end.
async fn status(node: &Node, method: Method, path: &str) -> u16 {
    let request = request(method, &filled(path));
    node.open(request).await.status().as_u16()
}

#[tokio::test]
async fn the_description_names_every_route() {
    let api = api().await;
    assert_eq!(api["openapi"], "3.1.0");
    let found: BTreeSet<_> = operations(&api)
        .into_iter()
        .map(|(path, method, _)| format!("{method} {path}"))
        .collect();
    let mut expected = BTreeSet::new();
    for collection in ["/api/v1/bots", "/api/v1/configs"] {
        for route in [
            "GET C",
            "POST C",
            "GET C/{id}",
            "PUT C/{id}",
            "DELETE C/{id}",
            "POST C/{id}/deactivate",
            "POST C/{id}/activate",
            "GET C/{id}/history",
            "POST C/{id}/rollback",
        ] {
            expected.insert(route.replace('C', collection));
        }
    }
    for route in [
        "GET /api/admin/mods",
        "GET /api/admin/mods/{id}/config",
        "PUT /api/admin/mods/{id}/config",
        "GET /api/admin/mods/{id}/schema",
        "POST /api/admin/network/restart",
        "GET /api/v1/admin/plugins",
        "GET /api/v1/admin/plugins/{id}",
        "PUT /api/v1/admin/plugins/{id}/config",
        "GET /api/v1/admin/plugins/{id}/health",
        "POST /api/v1/admin/plugins/{id}/{action}",
        "GET /api/v1/commands",
        "POST /api/v1/commands",
        "POST /api/v1/commands/import",
        "DELETE /api/v1/commands/{id}/scopes/{scope}",
        "PUT /api/v1/commands/{id}/scopes/{scope}",
        "GET /api/v1/health/detailed",
        "GET /api/v1/mods",
        "POST /api/v1/mods",
        "DELETE /api/v1/mods/{id}",
        "GET /api/v1/mods/{id}",
        "PUT /api/v1/mods/{id}",
        "GET /api/v1/mods/{id}/config",
        "PUT /api/v1/mods/{id}/config",
        "POST /api/v1/mods/{id}/disable",
        "POST /api/v1/mods/{id}/enable",
        "GET /api/v1/mods/{id}/health",
        "POST /api/v1/mods/{id}/reload",
        "GET /api/v1/mods/{id}/schema",
        "GET /api/v1/bots/{id}/instance",
        "POST /api/v1/bots/{id}/chat",
        "POST /api/v1/bots/{id}/reload",
        "POST /api/v1/reload",
        "GET /api/v1/changes",
        "GET /api/v1/count",
        "GET /api/v1/fleet",
        "GET /api/v1/heads",
        "GET /api/v1/instances",
        "POST /api/v1/accesses",
        "GET /api/v1/health",
        "POST /api/register",
        "POST /api/unregister",
        "GET /api/poll",
        "POST /api/send_event",
        "GET /api/health",
        "GET /api/v1/events/stream",
        "GET /ws",
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
    ] {
        expected.insert(route.to_owned());
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn every_described_operation_is_there() {
    let node = Node::new().await;
    node.bot("a").await;
    node.wiki("a").await;
    for (path, method, _) in operations(&api().await) {
        let method: Method = method.parse().unwrap();
        let status = status(&node, method.clone(), &path).await;
        assert!(![404, 405].contains(&status), "{method} {path}: {status}");
        node.bot("a").await;
        node.wiki("a").await;
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() {
    let api = api().await;
    let text = api.to_string();
    for reference in text
        .split("\"$ref\":\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
    {
        let target = api.pointer(reference.trim_start_matches('#'));
        assert!(target.is_some(), "{reference}");
    }
    let mut names = BTreeMap::new();
    for (path, method, operation) in operations(&api) {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        assert!(!operation["summary"].as_str().unwrap().is_empty());
        assert!(!operation["tags"].as_array().unwrap().is_empty());
        if let Some(other) = names.insert(name, format!("{method} {path}")) {
            panic!("{method} {path} is named as {other}");
        }
    }
}

/// What any address, method or header may be answered, wherever it goes.
#[tokio::test]
async fn every_operation_tells_what_any_request_may_be_answered() {
    for (path, method, operation) in operations(&api().await) {
        for status in ["405", "414", "421", "431", "500"] {
            let described = &operation["responses"][status];
            assert!(described.is_object(), "{method} {path}: {status}");
            let has_body = described.get("content").is_some();
            assert_eq!(has_body, !["414", "431"].contains(&status), "{status}");
        }
    }
}

#[tokio::test]
async fn every_answer_is_described() {
    let node = Node::new().await;
    node.bot("a").await;
    node.wiki("a").await;
    for (path, method, operation) in operations(&api().await) {
        let status = status(&node, method.parse().unwrap(), &path).await;
        let described = operation["responses"].get(status.to_string());
        assert!(described.is_some(), "{method} {path}: {status}");
        node.bot("a").await;
        node.wiki("a").await;
    }
}

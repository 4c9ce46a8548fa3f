use crate::harness::{Node, OK, Order, request, with_header};
use axum::http::Method;
use hotbed_api::Readiness;
use hotbed_registry::{Admission, Id, Registration, Revision, Snapshot};
use hotbed_server::Limits;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[tokio::test]
async fn health_tells_how_everything_is() {
    let node = Node::new().await;
    node.bot("a").await;
    node.bot("b").await;
    node.post_nothing("/api/v1/bots/b/deactivate").await;
    node.post("/api/v1/bots/a/chat", &json!({"message": "hello"}))
        .await;
    node.state.hot_reload.sync().await.unwrap();
    let health = node.get("/api/v1/health").await;
    assert_eq!(health.status, OK);
    let mut health = health.json();
    assert!(health["uptime_ms"].take().is_u64());
    assert!(health["uptime_seconds"].take().is_f64());
    assert!(health["timestamp"].take().is_string());
    assert!(health["freshness"]["confirmed_ago_ms"].take().is_u64());
    let cache = health["cache"].take();
    assert_eq!(
        (&cache["builds"], &cache["instances"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        health,
        json!({
            "status": "ok", "readiness": "ready", "version": "1.2.3", "service": "hotbed", "timestamp": null,
            "uptime_ms": null, "uptime_seconds": null, "environment": "test",
            "registry": {
                "state": "reachable", "location": "memory:", "admission": "permissive", "head": 3, "registrations": 2,
                "active": 1
            },
            "node": "node-1",
            "bus": {"location": "memory:", "mode": "hybrid"},
            "freshness": {
                "revision": 3, "head": 3, "behind_by": 0, "behind_for_ms": 0, "confirmed_ago_ms": null, "stale": false
            },
            "cache": null,
            "failures": {"total": 0, "items": []},
            "mods": {"wanted": 0, "well": 0, "failing": []},
            "warnings": ["a warning"]
        })
    );
}

#[tokio::test]
async fn a_registry_that_is_down_is_told_and_nothing_inside_leaks() {
    let node = Node::new().await;
    node.bot("a").await;
    node.post("/api/v1/bots/a/chat", &json!({"message": "hello"}))
        .await;
    node.backend.turn(Order::Fails);
    for answer in [
        node.get("/api/v1/bots/a").await,
        node.get("/api/v1/bots").await,
        node.put("/api/v1/bots/a", &json!({"config": {}})).await,
        node.delete("/api/v1/bots/a").await,
        node.get("/api/v1/changes?after=0").await,
        node.post_nothing("/api/v1/reload").await,
    ] {
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (503, Some("1"))
        );
        assert!(!answer.detail().contains("secret"), "{}", answer.detail());
    }
    let chat = node
        .post("/api/v1/bots/a/chat", &json!({"message": "hello"}))
        .await;
    assert_eq!(chat.status, OK, "what works goes on working");
    let health = node.get("/api/v1/health").await;
    assert_eq!(health.status, OK);
    assert_eq!(health.json()["registry"]["state"], "unreachable");
    assert_ne!(health.json()["status"], "ok");
    assert_eq!(node.get("/readyz").await.status, OK);
}

#[tokio::test]
async fn a_node_that_can_serve_nothing_is_down_and_not_ready() {
    let node = Node::new().await;
    node.backend.turn(Order::Fails);
    let health = node.get("/api/v1/health").await;
    assert_eq!(
        (health.status, &health.json()["status"]),
        (503, &json!("down"))
    );
    assert_eq!(node.get("/readyz").await.status, 503);
    assert_eq!(node.get("/healthz").await.status, OK, "the process is up");
}

/// A snapshot of so many registrations, none of which is ever asked for.
#[derive(Debug, Default)]
struct Sized(AtomicUsize);

impl Snapshot for Sized {
    fn load(&self, _: &Id) -> Option<Registration> {
        None
    }

    fn save(&self, _: &Registration) {}

    fn len(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn forget(&self, _: &Id) {}

    fn revisions(&self) -> Vec<(Id, Revision)> {
        Vec::new()
    }
}

#[tokio::test]
async fn what_a_node_could_serve_is_asked_when_it_matters() {
    let snapshot = Arc::new(Sized::default());
    let node = Node::over(
        Arc::default(),
        Some(Arc::clone(&snapshot) as _),
        Limits::default(),
        Admission::Permissive,
    )
    .await;
    node.backend.turn(Order::Fails);
    assert_eq!(node.get("/readyz").await.status, 503);
    assert_eq!(node.get("/api/v1/health").await.json()["status"], "down");

    snapshot.0.store(3, Ordering::SeqCst);
    assert_eq!(node.get("/readyz").await.status, OK);
    let health = node.get("/api/v1/health").await.json();
    assert_eq!(health["status"], "degraded");
    let warnings = health["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let warning = warnings[1].as_str().unwrap();
    assert!(
        warning.contains("memory: cannot be reached") && warning.contains("3 registrations"),
        "{warning}"
    );

    node.backend.turn(Order::Works);
    let health = node.get("/api/v1/health").await.json();
    assert_eq!(health["warnings"], json!(["a warning"]), "and no longer");
}

#[tokio::test]
async fn warnings_are_those_of_now() {
    let node = Node::new().await;
    node.warnings.send_replace(Vec::new());
    assert_eq!(
        node.get("/api/v1/health").await.json()["warnings"],
        json!([])
    );
    node.warnings.send_replace(vec!["another".into()]);
    let health = node.get("/api/v1/health").await.json();
    assert_eq!(
        (&health["warnings"], &health["status"]),
        (&json!(["another"]), &json!("ok"))
    );
}

#[tokio::test]
async fn a_node_is_ready_between_its_start_and_its_end() {
    let node = Node::new().await;
    for (readiness, status) in [
        (Readiness::Starting, 503),
        (Readiness::Ready, OK),
        (Readiness::Draining, 503),
    ] {
        node.readiness.send_replace(readiness);
        assert_eq!(node.get("/readyz").await.status, status, "{readiness:?}");
        assert_eq!(node.get("/healthz").await.json(), json!({"status": "ok"}));
    }
}

#[tokio::test]
async fn metrics_count_requests_by_route_and_tell_revisions() {
    let node = Node::new().await;
    node.bot("a").await;
    node.post("/api/v1/bots/a/chat", &json!({"message": "hello"}))
        .await;
    node.get("/api/v1/bots/nobody").await;
    node.state.hot_reload.sync().await.unwrap();
    let metrics = node.get("/metrics").await;
    assert!(
        metrics
            .header("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let text = String::from_utf8(metrics.bytes).unwrap();
    for line in [
        "hotbed_http_requests_total{method=\"PUT\",route=\"/api/v1/bots/{id}\",status=\"2xx\"} 1",
        "hotbed_http_requests_total{method=\"GET\",route=\"/api/v1/bots/{id}\",status=\"4xx\"} 1",
        "hotbed_http_request_duration_seconds_count{route=\"/api/v1/bots/{id}/chat\"} 1",
        "hotbed_cache_builds_total 1",
        "hotbed_cache_misses_total 1",
        "hotbed_registry_up 1",
        "hotbed_registry_head_revision 1",
        "hotbed_node_revision 1",
        "hotbed_node_stale 0",
        "# EOF",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    node.backend.turn(Order::Fails);
    let text = String::from_utf8(node.get("/metrics").await.bytes).unwrap();
    assert!(
        text.contains("hotbed_registry_up 0") && !text.contains("head_revision"),
        "{text}"
    );
}

#[tokio::test]
async fn a_request_keeps_the_name_that_its_client_gave_it() {
    let node = Node::new().await;
    let answer = node
        .send(with_header(
            request(Method::GET, "/api/v1/bots/x"),
            "x-request-id",
            "mine-7",
        ))
        .await;
    assert_eq!(answer.json()["request_id"], "mine-7");
    for unfit in ["a b", "", &"x".repeat(200)] {
        let answer = node
            .send(with_header(
                request(Method::GET, "/healthz"),
                "x-request-id",
                unfit,
            ))
            .await;
        assert_ne!(answer.header("x-request-id"), Some(unfit));
    }
}

#[tokio::test]
async fn what_is_too_much_is_refused_and_health_still_answers() {
    let limits = Limits {
        requests: 0,
        streams: 0,
        ..Limits::default()
    };
    let node = Node::with(limits, Admission::Permissive).await;
    for path in ["/api/v1/bots", "/api/v1/changes"] {
        let refused = node.get(path).await;
        assert_eq!(
            (refused.status, &refused.json()["type"]),
            (503, &json!("urn:hotbed:problem:overloaded")),
            "{path}"
        );
    }
    for path in ["/api/v1/health", "/healthz", "/readyz", "/metrics"] {
        assert_eq!(node.get(path).await.status, OK, "{path}");
    }
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let node = Node::new().await;
    let root = node.get("/").await;
    assert_eq!(
        (root.status, root.header("location")),
        (307, Some("/docs/"))
    );
    let folder = node.get("/docs").await;
    assert_eq!(
        (folder.status, folder.header("location")),
        (308, Some("/docs/"))
    );
    let page = node.get("/docs/").await;
    assert_eq!(page.status, OK);
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'self'")
    );
    let text = String::from_utf8(page.bytes).unwrap();
    let mut files: Vec<_> = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        files.extend(
            text.split(attribute)
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap()),
        );
    }
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert!(!file.contains("//"), "{file}");
        let path = format!("/docs/{}", file.trim_start_matches("./"));
        assert_eq!(node.get(&path).await.status, OK, "{path}");
    }
    let start = String::from_utf8(node.get("/docs/swagger-initializer.js").await.bytes).unwrap();
    assert!(
        start.contains("/api/v1/openapi.json") && start.contains("\"validatorUrl\": \"none\""),
        "{start}"
    );
}

#[tokio::test]
async fn a_page_that_only_reads_is_never_a_change() {
    let node = Node::new().await;
    node.bot("a").await;
    for path in [
        "/api/v1/bots",
        "/api/v1/bots/a",
        "/api/v1/health",
        "/metrics",
        "/docs/",
        "/api/v1/openapi.json",
    ] {
        assert_eq!(
            node.send(request(Method::HEAD, path)).await.status,
            OK,
            "{path}"
        );
    }
    assert_eq!(node.head().await.0, 1);
    let _: Value = node.get("/api/v1/openapi.json").await.json();
}

#[tokio::test(start_paused = true)]
async fn what_hangs_below_is_answered_in_time() {
    let limits = Limits {
        request: Duration::from_secs(7),
        ..Limits::default()
    };
    let node = Node::with(limits, Admission::Permissive).await;
    node.backend.turn(Order::Hangs);
    for answer in [
        node.get("/api/v1/bots").await,
        node.put("/api/v1/bots/a", &json!({"config": {}})).await,
    ] {
        assert_eq!(answer.status, 503);
        assert!(
            answer.detail().contains("did not finish within 7 s"),
            "{}",
            answer.detail()
        );
    }
    let health = node.get("/api/v1/health").await;
    assert_eq!(
        (health.status, &health.json()["registry"]["state"]),
        (503, &json!("unreachable"))
    );
}

#[tokio::test]
async fn a_panic_below_is_an_answer_that_tells_nothing() {
    let node = Node::new().await;
    node.backend.turn(Order::Panics);
    let answer = node.get("/api/v1/bots").await;
    assert_eq!(
        (answer.status, &answer.json()["type"]),
        (500, &json!("urn:hotbed:problem:internal"))
    );
    assert!(!answer.detail().contains("secret"), "{}", answer.detail());
    node.backend.turn(Order::Works);
    assert_eq!(
        node.get("/api/v1/bots").await.status,
        OK,
        "the server serves on"
    );
}

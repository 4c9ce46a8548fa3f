use crate::harness::{Launch, POLL, RegistryLock, eventually};
use reqwest::Method;
use std::time::Duration;
use tokio::time::Instant;

/// Caught: an answer without its revision; a wait for a revision that ends without it.
#[tokio::test]
async fn freshness_is_visible() {
    let node = Launch::new().start().await;
    let revision = node.put_bot("b", "p").await;
    node.put_bot("other", "p").await;
    let head = node.head().await;
    assert!(head > revision);

    let tag = format!("\"{revision}\"");
    let read = node.get("/api/v1/bots/b").await.expect(200);
    assert_eq!(read.header("etag"), Some(tag.as_str()));
    assert_eq!(
        read.header("x-hotbed-revision"),
        Some(revision.to_string().as_str())
    );
    let chat = node.chat("b", "hi").await.expect(200);
    assert_eq!(
        chat.header("x-hotbed-revision"),
        Some(revision.to_string().as_str())
    );
    let list = node.get("/api/v1/bots").await.expect(200);
    assert_eq!(list.header("etag"), Some(format!("\"{head}\"").as_str()));
    for path in [
        "/api/v1/bots",
        "/api/v1/changes",
        "/api/v1/bots/b/instance",
        "/api/v1/health",
    ] {
        let answer = node.get(path).await.expect(200);
        assert_eq!(
            answer.header("x-hotbed-revision"),
            Some(head.to_string().as_str()),
            "{path}"
        );
    }
    for path in ["/api/v1/bots/b", "/api/v1/bots"] {
        let tag = node.get(path).await.header("etag").unwrap().to_owned();
        let again = node.request(Method::GET, path).header("if-none-match", tag);
        let again = node.send(again).await.expect(304);
        assert!(again.header("x-hotbed-revision").is_some() && again.text.is_empty());
    }

    for path in ["/api/v1/bots/b", "/api/v1/bots", "/api/v1/bots/b/instance"] {
        node.get(&format!("{path}?min_revision={head}"))
            .await
            .expect(200);
    }
    let begun = Instant::now();
    let demand = format!("/api/v1/bots/b?min_revision={}", head + 1);
    let behind = node.get(&demand).await;
    behind.problem(503);
    assert_eq!(behind.revision(), head, "it says where it is");
    assert!(begun.elapsed() < Duration::from_secs(20));
    node.terminate().await;
}

/// Caught: a node that waits for its poll when a client demands a revision.
#[tokio::test]
async fn a_client_that_saw_its_write_elsewhere_can_demand_it_here() {
    let launch = Launch::new().polling(Duration::from_mins(1));
    let (a, b) = (launch.start().await, launch.named("b").start().await);
    a.put_bot("b", "zero").await;
    for version in 0..20 {
        let revision = a.put_bot("b", &format!("version {version}")).await;
        let demand = format!("/api/v1/bots/b/chat?min_revision={revision}");
        let body = serde_json::json!({"message": "hi"});
        let chat = b.request(Method::POST, &demand).json(&body);
        let answer = b.send(chat).await.expect(200);
        assert_eq!(answer.revision(), revision);
    }
    let revision = a.put_bot("b", "by header").await;
    let chat = b
        .chat_request("b", "hi")
        .header("x-hotbed-min-revision", revision);
    assert_eq!(b.send(chat).await.expect(200).revision(), revision);
    b.terminate().await;
    a.terminate().await;
}

/// Caught: a node that takes its last success for its present state.
#[tokio::test]
async fn a_node_that_is_cut_off_says_so_within_two_polls() {
    let launch = Launch::new().polling(POLL);
    let node = launch.start().await;
    node.put_bot("b", "p").await;
    node.served("b").await;
    assert_eq!(node.health().await["freshness"]["stale"], false);

    let lock = RegistryLock::take(&launch.registry()).await;
    // Health asks the registry itself, which takes it up to 2 s; its word on freshness is of after that.
    let health = eventually("stale", 2 * POLL + Duration::from_secs(5), async || {
        let health = node.health().await;
        if health["freshness"]["stale"] == true {
            Ok(health)
        } else {
            Err(health.to_string())
        }
    })
    .await;
    assert_eq!(health["status"], "stale", "{health}");
    assert_eq!(node.chat("b", "hi").await.status, 200);

    drop(lock);
    eventually("fresh again", Duration::from_secs(20), async || {
        let health = node.health().await;
        if health["status"] == "ok" {
            Ok(())
        } else {
            Err(health.to_string())
        }
    })
    .await;
    node.terminate().await;
}

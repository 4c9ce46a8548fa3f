use crate::harness::{Launch, Node, POLL, RegistryLock, echo, eventually};
use serde_json::json;
use std::fs;
use std::time::Duration;

async fn healthy_again(node: &Node) {
    eventually("health is ok", Duration::from_secs(20), async || {
        let health = node.health().await;
        if health["status"] == "ok" {
            Ok(())
        } else {
            Err(health.to_string())
        }
    })
    .await;
}

/// Caught: a failed build that takes the instance away; one that is not told of.
#[tokio::test]
async fn last_known_good() {
    let node = Launch::new().start().await;
    let good = node.put_bot("b", "good").await;
    assert_eq!(node.served("b").await, good);

    let mut unbuildable = echo("bad");
    unbuildable["config"]["llm"]["provider"] = json!("no such provider");
    let written = node.put("/api/v1/bots/b", &unbuildable).await.expect(200);
    let bad = written.revision();
    let warnings = written.json()["warnings"].to_string();
    assert!(warnings.contains("llm.provider"), "{warnings}");

    for _ in 0..10 {
        assert_eq!(node.served("b").await, good);
    }
    let instance = node.instance("b").await;
    assert_eq!(instance["state"], "degraded", "{instance}");
    assert_eq!(
        (&instance["revision"], &instance["observed"]),
        (&json!(good), &json!(bad))
    );
    assert_eq!(instance["error"]["revision"], bad);
    let message = instance["error"]["message"].as_str().unwrap();
    assert!(message.contains("provider"), "{message}");
    let health = node.health().await;
    assert_eq!(health["status"], "degraded");
    assert_eq!(health["failures"]["items"][0]["id"], "b");

    let mended = node.put_bot("b", "mended").await;
    assert_eq!(node.served("b").await, mended);
    assert_eq!(node.instance("b").await["state"], "ready");
    assert_eq!(node.health().await["status"], "ok");
    node.terminate().await;
}

/// Caught: a cache that drops what it cannot confirm.
#[tokio::test]
async fn a_registry_that_breaks_takes_no_bot_away() {
    let launch = Launch::new().polling(POLL).arg("--cache-ttl", "300ms");
    let node = launch.start().await;
    let revision = node.put_bot("b", "p").await;
    node.put_bot("unused", "p").await;
    assert_eq!(node.served("b").await, revision);

    let lock = RegistryLock::take(&launch.registry()).await;
    let cut_off = async || {
        let health = node.health().await;
        let is_known = health["status"] == "stale" && health["registry"]["state"] == "unreachable";
        if is_known {
            Ok(())
        } else {
            Err(health.to_string())
        }
    };
    eventually("health says so", Duration::from_secs(10), cut_off).await;
    // Its time to be confirmed is long over by now.
    for _ in 0..10 {
        assert_eq!(node.served("b").await, revision);
    }
    node.get("/readyz").await.expect(200);
    let next = echo("q");
    // Side by side: each waits for the lock, for seconds.
    let (read, write, other) = tokio::join!(
        node.get("/api/v1/bots/b"),
        node.put("/api/v1/bots/b", &next),
        node.chat("unused", "hi"),
    );
    for refused in [read, write, other] {
        refused.problem(503);
    }
    assert_eq!(node.served("b").await, revision);

    drop(lock);
    // Who could not be built at all is built again when somebody asks.
    eventually("the other is built", Duration::from_secs(20), async || {
        let answer = node.chat("unused", "hi").await;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.text)
        }
    })
    .await;
    healthy_again(&node).await;
    let next = node.put_bot("b", "q").await;
    assert_eq!(next, revision + 2, "what was refused was not written");
    assert_eq!(node.served("b").await, next);
    node.terminate().await;
}

/// Caught: a node without its snapshot.
#[tokio::test]
async fn a_node_that_starts_without_its_registry_serves_what_it_served() {
    restart_without_the_registry(|launch| {
        fs::create_dir(launch.registry()).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_node_that_starts_on_a_broken_registry_serves_what_it_served() {
    restart_without_the_registry(|launch| {
        fs::write(launch.registry(), "no database ".repeat(1_000)).unwrap();
    })
    .await;
}

async fn restart_without_the_registry(put_in_its_place: impl Fn(&Launch)) {
    let launch = Launch::new().polling(POLL);
    let node = launch.start().await;
    let mut revisions = Vec::new();
    for n in 0..5 {
        let id = format!("bot-{n}");
        revisions.push((id.clone(), node.put_bot(&id, "p").await));
        node.served(&id).await;
    }
    for id in ["deleted", "deactivated"] {
        node.put_bot(id, "p").await;
        node.served(id).await;
    }
    node.delete("/api/v1/bots/deleted").await.expect(204);
    node.post("/api/v1/bots/deactivated/deactivate")
        .await
        .expect(200);
    node.terminate().await;

    let away = launch.home().join("away.db");
    fs::rename(launch.registry(), &away).unwrap();
    put_in_its_place(&launch);
    let node = launch.start().await;
    for (id, revision) in &revisions {
        assert_eq!(node.served(id).await, *revision);
    }
    assert_ne!(node.chat("deleted", "hi").await.status, 200);
    assert_ne!(node.chat("deactivated", "hi").await.status, 200);
    let health = node.health().await;
    assert_eq!(health["status"], "stale", "{health}");
    assert_eq!(health["registry"]["state"], "unreachable");
    node.put("/api/v1/bots/bot-0", &echo("q"))
        .await
        .problem(503);

    if launch.registry().is_dir() {
        fs::remove_dir(launch.registry()).unwrap();
    }
    fs::rename(&away, launch.registry()).unwrap();
    healthy_again(&node).await;
    for (id, revision) in &revisions {
        assert_eq!(node.served(id).await, *revision);
    }
    let next = node.put_bot("bot-0", "q").await;
    assert_eq!(node.served("bot-0").await, next);
    node.chat("deleted", "hi").await.problem(404);
    node.chat("deactivated", "hi").await.problem(409);
    node.terminate().await;
}

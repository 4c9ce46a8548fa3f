use crate::harness::{Node, OK};
use serde_json::{Value, json};

#[tokio::test]
async fn an_instance_is_shown_without_being_built() {
    let node = Node::new().await;
    assert_eq!(node.get("/api/v1/bots/a/instance").await.status, 404);
    node.bot("a").await;
    let unloaded = json!({
        "id": "a", "state": "unloaded", "revision": null, "observed": 1, "built_ago_ms": null, "retry_in_ms": null,
        "error": null
    });
    assert_eq!(node.get("/api/v1/bots/a/instance").await.json(), unloaded);
    assert_eq!(
        node.get("/api/v1/bots/a/instance").await.json(),
        unloaded,
        "looking builds nothing"
    );

    node.post("/api/v1/bots/a/chat", &json!({"message": "hello"}))
        .await;
    let mut ready = node.get("/api/v1/bots/a/instance").await.json();
    assert!(ready["built_ago_ms"].take().is_u64());
    assert_eq!(
        (&ready["state"], &ready["revision"], &ready["observed"]),
        (&json!("ready"), &json!(1), &json!(1))
    );
    assert_eq!(
        (&ready["retry_in_ms"], &ready["error"]),
        (&Value::Null, &Value::Null)
    );

    node.post_nothing("/api/v1/bots/a/deactivate").await;
    assert_eq!(
        node.get("/api/v1/bots/a/instance").await.json()["state"],
        "inactive"
    );
}

#[tokio::test]
async fn a_bot_that_cannot_be_built_says_why_and_when_it_is_tried_again() {
    let node = Node::new().await;
    node.put(
        "/api/v1/bots/broken",
        &json!({"config": {"llm": {"provider": "no such thing"}}}),
    )
    .await;
    let failed = node
        .post("/api/v1/bots/broken/chat", &json!({"message": "hello"}))
        .await;
    assert_eq!(failed.status, 503);
    assert_eq!(failed.json()["type"], "urn:hotbed:problem:bot-failed");
    assert!(
        failed.detail().contains("no such thing"),
        "{}",
        failed.detail()
    );
    assert!(
        failed
            .header("retry-after")
            .unwrap()
            .parse::<u64>()
            .unwrap()
            > 1
    );

    let instance = node.get("/api/v1/bots/broken/instance").await.json();
    assert_eq!(
        (&instance["state"], &instance["revision"]),
        (&json!("failed"), &Value::Null)
    );
    assert_eq!(
        (&instance["error"]["kind"], &instance["error"]["revision"]),
        (&json!("factory"), &json!(1))
    );
    assert!(instance["retry_in_ms"].is_u64());

    let health = node.get("/api/v1/health").await.json();
    assert_eq!(
        (&health["status"], &health["failures"]["total"]),
        (&json!("ok"), &json!(1)),
        "what never was a bot here may be another program's"
    );
    let told = &health["failures"]["items"][0];
    assert_eq!(
        (&told["id"], &told["state"]),
        (&json!("broken"), &json!("failed"))
    );
}

#[tokio::test]
async fn a_broken_change_leaves_the_last_good_bot_in_service() {
    let node = Node::new().await;
    node.bot("a").await;
    node.post("/api/v1/bots/a/chat", &json!({"message": "hello"}))
        .await;
    node.put(
        "/api/v1/bots/a",
        &json!({"config": {"llm": {"provider": "no such thing"}}}),
    )
    .await;
    let answer = node
        .post("/api/v1/bots/a/chat", &json!({"message": "hello"}))
        .await;
    assert_eq!((answer.status, &answer.json()["revision"]), (OK, &json!(1)));
    assert_eq!(answer.header("x-hotbed-degraded"), Some("true"));
    let instance = node.get("/api/v1/bots/a/instance").await.json();
    assert_eq!(
        (&instance["state"], &instance["observed"]),
        (&json!("degraded"), &json!(2))
    );

    node.put(
        "/api/v1/bots/0",
        &json!({"config": {"of": "another program"}}),
    )
    .await;
    assert_eq!(node.chat("0").await, Err(503));
    let health = node.get("/api/v1/health").await.json();
    assert_eq!(health["status"], "degraded");
    let told: Vec<_> = health["failures"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|held| {
            (
                held["id"].as_str().unwrap(),
                held["state"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [("a", "degraded"), ("0", "failed")],
        "what somebody misses comes first"
    );
}

#[tokio::test]
async fn a_reload_by_hand_tells_what_it_did() {
    let node = Node::new().await;
    node.bot("a").await;
    let reloaded = async |id| {
        node.post_nothing(&format!("/api/v1/bots/{id}/reload"))
            .await
    };
    assert_eq!(
        reloaded("a").await.json(),
        json!({"id": "a", "outcome": "added", "revision": 1, "error": null})
    );
    assert_eq!(reloaded("a").await.json()["outcome"], "refreshed");
    assert_eq!(reloaded("nobody").await.status, 404);

    node.put("/api/v1/bots/a", &json!({"config": {}})).await;
    let failed = reloaded("a").await.json();
    assert_eq!(
        (&failed["outcome"], &failed["revision"]),
        (&json!("failed"), &json!(1)),
        "the last good one serves"
    );
    assert!(failed["error"].is_string());

    node.post_nothing("/api/v1/bots/a/deactivate").await;
    assert_eq!(
        reloaded("a").await.json(),
        json!({"id": "a", "outcome": "removed", "revision": null, "error": null})
    );
}

#[tokio::test]
async fn a_reload_of_everything_reports_each_id() {
    let node = Node::new().await;
    for id in ["a", "b"] {
        node.bot(id).await;
        node.post(
            &format!("/api/v1/bots/{id}/chat"),
            &json!({"message": "hello"}),
        )
        .await;
    }
    node.put("/api/v1/bots/b", &json!({"config": {}})).await;
    let report = node.post_nothing("/api/v1/reload").await;
    assert_eq!(report.status, OK);
    let mut report = report.json();
    assert!(report["failed"][0]["error"].take().is_string());
    let mods = report["mods"].take();
    assert_eq!(
        report,
        json!({"added": [], "refreshed": ["a"], "removed": [], "failed": [{"id": "b", "error": null}], "mods": null})
    );
    assert_eq!(mods["failed"], json!([]));
}

/// Meant to catch: an order that is none, a page too many, one that begins again, ids that are nowhere registered.
#[tokio::test]
async fn what_is_held_is_listed_page_by_page() {
    let node = Node::new().await;
    for id in ["c", "a", "b", "idle"] {
        node.bot(id).await;
    }
    for id in ["c", "a", "b", "nobody"] {
        node.post(
            &format!("/api/v1/bots/{id}/chat"),
            &json!({"message": "hello"}),
        )
        .await;
    }
    let page = async |query: &str| {
        let list = node.get(&format!("/api/v1/instances{query}")).await.json();
        let items = list["items"].as_array().unwrap().iter();
        let ids: Vec<_> = items
            .map(|it| it["id"].as_str().unwrap().to_owned())
            .collect();
        (ids.concat(), list["next"].as_str().map(str::to_owned))
    };
    assert_eq!(page("").await, ("abc".to_owned(), None));
    assert_eq!(page("?limit=3").await, ("abc".to_owned(), None));
    assert_eq!(
        page("?limit=2").await,
        ("ab".to_owned(), Some("b".to_owned()))
    );
    assert_eq!(page("?limit=2&after=b").await, ("c".to_owned(), None));
    let list = node.get("/api/v1/instances?limit=1").await.json();
    assert_eq!(
        (&list["items"][0]["state"], &list["items"][0]["revision"]),
        (&json!("ready"), &json!(2))
    );
    assert_eq!(node.get("/api/v1/instances?limit=x").await.status, 422);
}

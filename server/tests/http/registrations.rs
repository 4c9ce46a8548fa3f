use crate::harness::{Node, OK};
use serde_json::{Value, json};

/// The registration without what differs from run to run, which is checked here.
fn steady(mut registration: Value) -> Value {
    let object = registration.as_object_mut().unwrap();
    for name in ["created_at", "updated_at", "last_accessed_at"] {
        let time = object.remove(name).unwrap();
        let time = time.as_str().unwrap();
        // 2026-01-02T03:04:05.123456+00:00
        assert_eq!(
            (time.len(), &time[19..20], &time[26..]),
            (32, ".", "+00:00"),
            "{time}"
        );
    }
    registration
}

#[tokio::test]
async fn a_registration_is_created_read_replaced_and_deleted() {
    let node = Node::new().await;
    let config = json!({"llm": {"provider": "echo"}});

    let created = node
        .put(
            "/api/v1/bots/a%20b",
            &json!({"config": config, "metadata": {"k": 1}}),
        )
        .await;
    assert_eq!(created.status, 201);
    assert_eq!(created.header("etag"), Some("\"1\""));
    assert_eq!(created.header("x-hotbed-revision"), Some("1"));
    assert_eq!(created.header("location"), Some("/api/v1/bots/a%20b"));
    assert_eq!(created.header("content-type"), Some("application/json"));
    let written = json!({
        "bot_id": "a b", "id": "a b", "config": config, "status": "active", "metadata": {"k": 1}, "revision": 1,
        "version": 1, "warnings": []
    });
    assert_eq!(steady(created.json()), written);

    let read = node.get("/api/v1/bots/a%20b").await;
    assert_eq!((read.status, read.header("etag")), (OK, Some("\"1\"")));
    let mut expected = written.clone();
    expected.as_object_mut().unwrap().remove("warnings");
    assert_eq!(steady(read.json()), expected);

    let replaced = node
        .put(
            "/api/v1/bots/a%20b",
            &json!({"config": {}, "status": "inactive"}),
        )
        .await;
    assert_eq!(
        (
            replaced.status,
            replaced.header("etag"),
            replaced.header("location")
        ),
        (OK, Some("\"2\""), None)
    );
    let replaced = replaced.json();
    assert_eq!(
        replaced["metadata"],
        json!({"k": 1}),
        "absent metadata keeps the old"
    );
    assert_eq!(
        (&replaced["version"], &replaced["status"]),
        (&json!(2), &json!("inactive"))
    );
    assert!(replaced["updated_at"].as_str() > read.json()["updated_at"].as_str());
    assert_eq!(replaced["created_at"], read.json()["created_at"]);

    let deleted = node.delete("/api/v1/bots/a%20b").await;
    assert_eq!(
        (
            deleted.status,
            deleted.bytes.len(),
            deleted.header("x-hotbed-revision")
        ),
        (204, 0, Some("3"))
    );
    assert_eq!(
        node.get("/api/v1/bots/a%20b").await.detail(),
        "no registration \"a b\""
    );
    assert_eq!(node.delete("/api/v1/bots/a%20b").await.status, 404);
}

#[tokio::test]
async fn post_creates_and_replaces_under_either_name_of_the_id() {
    let node = Node::new().await;
    let created = node
        .post(
            "/api/v1/configs",
            &json!({"bot_id": "a", "config": {}, "status": "active"}),
        )
        .await;
    assert_eq!(
        (created.status, created.header("location")),
        (201, Some("/api/v1/bots/a"))
    );
    let replaced = node
        .post("/api/v1/bots", &json!({"id": "a", "config": {"x": 1}}))
        .await;
    assert_eq!(
        (replaced.status, &replaced.json()["config"]),
        (OK, &json!({"x": 1}))
    );
}

#[tokio::test]
async fn what_was_read_can_be_written_back() {
    let node = Node::new().await;
    node.bot("a").await;
    let mut read = node.get("/api/v1/bots/a").await.json();
    read["warnings"] = json!([]);
    assert_eq!(node.put("/api/v1/bots/a", &read).await.status, OK);
    assert_eq!(node.post("/api/v1/bots", &read).await.status, OK);
}

#[tokio::test]
async fn what_no_bot_can_be_built_from_is_stored_with_warnings() {
    let node = Node::new().await;
    let written = node
        .put(
            "/api/v1/bots/foreign",
            &json!({"config": {"anything": ["at", "all"]}}),
        )
        .await;
    assert_eq!(written.status, 201);
    let warnings = written.json()["warnings"].clone();
    assert!(!warnings.as_array().unwrap().is_empty(), "{warnings}");
}

#[tokio::test]
async fn what_no_bot_can_be_built_from_is_refused_where_the_collection_is_strict() {
    let node = Node::with(
        hotbed_server::Limits::default(),
        hotbed_registry::Admission::Strict,
    )
    .await;
    let refused = node
        .put("/api/v1/bots/foreign", &json!({"config": {"anything": 1}}))
        .await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json()["type"], "urn:hotbed:problem:refused");
    assert!(!refused.json()["problems"].as_array().unwrap().is_empty());
    assert_eq!(node.head().await.0, 0);
}

#[tokio::test]
async fn a_registration_leaves_service_and_comes_back_with_an_empty_post() {
    let node = Node::new().await;
    node.put(
        "/api/v1/configs/a",
        &json!({"config": {"x": 1}, "metadata": {"k": 1}}),
    )
    .await;
    let out = node.post_nothing("/api/v1/configs/a/deactivate").await;
    assert_eq!((out.status, out.header("etag")), (OK, Some("\"2\"")));
    assert_eq!(out.json()["status"], "inactive");
    assert_eq!(
        (&out.json()["config"], &out.json()["metadata"]),
        (&json!({"x": 1}), &json!({"k": 1}))
    );
    assert_eq!(
        node.post_nothing("/api/v1/bots/a/deactivate")
            .await
            .header("etag"),
        Some("\"2\""),
        "no change"
    );
    assert_eq!(
        node.post_nothing("/api/v1/bots/a/activate").await.json()["status"],
        "active"
    );
    assert_eq!(
        node.post_nothing("/api/v1/bots/nobody/deactivate")
            .await
            .status,
        404
    );
    assert_eq!(
        node.post_nothing("/api/v1/bots/nobody/activate")
            .await
            .status,
        404
    );
}

async fn listed(node: &Node, query: &str) -> Vec<String> {
    let list = node.get(&format!("/api/v1/configs?{query}")).await;
    assert_eq!(list.status, OK, "{query}");
    let list = list.json();
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["bot_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_list_is_filtered_sorted_and_cut_as_the_python_client_asks_for_it() {
    let node = Node::new().await;
    for (id, env, tier) in [
        ("a", "prod", 2),
        ("b", "prod", 1),
        ("c", "dev", 1),
        ("d", "prod", 1),
    ] {
        node.put(
            &format!("/api/v1/bots/{id}"),
            &json!({"config": {}, "metadata": {"env": env, "tier": tier}}),
        )
        .await;
    }
    node.post_nothing("/api/v1/bots/d/deactivate").await;
    assert_eq!(listed(&node, "").await, ["a", "b", "c", "d"]);
    assert_eq!(
        listed(
            &node,
            "filter_metadata=%7B%22env%22:+%22prod%22%7D&status=active"
        )
        .await,
        ["a", "b"]
    );
    assert_eq!(
        listed(&node, "sort=metadata.tier:asc&sort=bot_id:desc").await,
        ["d", "c", "b", "a"]
    );
    assert_eq!(
        listed(&node, "sort=bot_id&limit=2&offset=1").await,
        ["b", "c"]
    );
    assert_eq!(listed(&node, "limit=0").await, [""; 0]);
}

#[tokio::test]
async fn pages_follow_each_other_by_their_cursor() {
    let node = Node::new().await;
    for id in ["a", "b", "c"] {
        node.bot(id).await;
    }
    let first = node.get("/api/v1/bots?limit=2").await.json();
    assert_eq!(
        (first["items"].as_array().unwrap().len(), &first["next"]),
        (2, &json!("b"))
    );
    let second = node.get("/api/v1/bots?limit=2&after=b").await.json();
    assert_eq!(
        (second["items"].as_array().unwrap().len(), &second["next"]),
        (1, &Value::Null)
    );
}

#[tokio::test]
async fn a_read_moves_no_time_but_that_of_the_last_access() {
    let node = Node::new().await;
    node.bot("a").await;
    let before = node.get("/api/v1/bots/a").await.json();
    node.state.registry.reader().flush_accesses().await.unwrap();
    let after = node.get("/api/v1/bots/a").await.json();
    assert_eq!(before["updated_at"], after["updated_at"]);
    assert_eq!(before["revision"], after["revision"]);
    assert!(after["last_accessed_at"].as_str() > before["last_accessed_at"].as_str());
}

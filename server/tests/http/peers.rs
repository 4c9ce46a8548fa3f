//! What a node needs that keeps its registrations in this one.

use crate::harness::{Node, OK, request, with_header, with_json};
use axum::http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn heads_say_where_registrations_stand_page_by_page() {
    let node = Node::new().await;
    for id in ["b", "a", "c", "b"] {
        node.bot(id).await;
    }
    let first = node.get("/api/v1/heads?collection=bots&limit=2").await;
    assert_eq!(
        first.json(),
        json!({"items": [{"id": "a", "revision": 2}, {"id": "b", "revision": 4}], "next": "b", "head": 4})
    );
    let rest = node.get("/api/v1/heads?after=b&limit=2").await.json();
    assert_eq!(
        rest,
        json!({"items": [{"id": "c", "revision": 3}], "next": null, "head": 4})
    );
    let head_only = node.get("/api/v1/heads?limit=0").await.json();
    assert_eq!(head_only, json!({"items": [], "next": null, "head": 4}));
    assert_eq!(node.get("/api/v1/heads?collection=mods").await.status, 404);
}

#[tokio::test]
async fn a_count_takes_the_filters_of_a_list() {
    let node = Node::new().await;
    for (id, team) in [("a", "x"), ("b", "x"), ("c", "y")] {
        let body = json!({"config": {}, "metadata": {"team": team}});
        node.put(&format!("/api/v1/bots/{id}"), &body).await;
    }
    node.post_nothing("/api/v1/bots/b/deactivate").await;
    let count = async |query: &str| {
        let counted = node.get(&format!("/api/v1/count{query}")).await;
        counted.json()["count"].as_u64().unwrap()
    };
    assert_eq!(count("").await, 3);
    assert_eq!(count("?status=inactive").await, 1);
    assert_eq!(count("?filter_metadata=%7B%22team%22:%22x%22%7D").await, 2);
    assert_eq!(count("?after=a&collection=bots").await, 2);
    assert_eq!(node.get("/api/v1/count?limit=1").await.status, 422);
}

#[tokio::test]
async fn accesses_that_another_node_noted_are_noted_and_a_look_is_none() {
    let node = Node::new().await;
    node.bot("a").await;
    let at = "2126-01-02T03:04:05.123456+00:00";
    let body = json!({"items": [{"id": "a", "at": at}, {"id": "unknown", "at": at}]});
    assert_eq!(node.post("/api/v1/accesses", &body).await.status, 204);
    let read = node.get("/api/v1/bots/a?touch=false").await.json();
    assert_eq!(
        (&read["last_accessed_at"], &read["revision"]),
        (&json!(at), &json!(1))
    );
    node.state.registry.reader().flush_accesses().await.unwrap();
    assert_eq!(node.get("/api/v1/bots/a").await.json(), read);
    assert_eq!(node.get("/api/v1/bots/a?touch=no").await.status, 422);
    let many = vec![json!({"id": "a", "at": at}); 10_001];
    let refused = node.post("/api/v1/accesses", &json!({"items": many})).await;
    assert_eq!(refused.status, 422);
    let odd = json!({"items": [{"id": "a/b", "at": at}]});
    assert_eq!(node.post("/api/v1/accesses", &odd).await.status, 422);
}

#[tokio::test]
async fn what_is_moved_here_keeps_the_time_of_its_creation() {
    let node = Node::new().await;
    let path = "/api/v1/bots/a?created_at=2020-01-02T03:04:05.123456Z";
    let created = node.put(path, &json!({"config": {}})).await;
    assert_eq!(
        created.json()["created_at"],
        "2020-01-02T03:04:05.123456+00:00"
    );
    let again = "/api/v1/bots/a?created_at=2021-01-02T03:04:05Z";
    let replaced = node.put(again, &json!({"config": {}})).await.json();
    assert_eq!(replaced["created_at"], "2020-01-02T03:04:05.123456+00:00");
    let odd = "/api/v1/bots/b?created_at=yesterday";
    assert_eq!(node.put(odd, &json!({"config": {}})).await.status, 422);
}

/// Sends a write under a name.
async fn named(node: &Node, method: Method, key: &str, body: &Value) -> crate::harness::Answer {
    let request = if method == Method::DELETE {
        request(method, "/api/v1/bots/a")
    } else {
        with_json(method, "/api/v1/bots/a", &body.to_string())
    };
    node.send(with_header(request, "idempotency-key", key))
        .await
}

#[tokio::test]
async fn a_write_that_is_sent_again_under_its_name_is_not_done_twice() {
    let node = Node::new().await;
    let body = json!({"config": {"n": 1}});
    let first = named(&node, Method::PUT, "k1", &body).await;
    let again = named(&node, Method::PUT, "k1", &body).await;
    assert_eq!((first.status, again.status), (201, 201));
    let mut told = first.json();
    // Its writer was told of these already.
    told["warnings"] = json!([]);
    assert_eq!(again.json(), told);
    assert_eq!(again.header("etag"), Some("\"1\""));

    assert_eq!(named(&node, Method::PUT, "k2", &body).await.status, OK);
    let over = named(&node, Method::PUT, "k1", &body).await;
    assert_eq!(
        (over.status, over.json()["revision"].as_u64()),
        (409, Some(1))
    );

    for _ in 0..2 {
        let gone = named(&node, Method::DELETE, "k3", &Value::Null).await;
        assert_eq!(
            (gone.status, gone.header("x-hotbed-revision")),
            (204, Some("3"))
        );
    }
    let missing = named(&node, Method::DELETE, "k4", &Value::Null).await;
    assert_eq!(missing.status, 404);
    assert_eq!(
        named(&node, Method::DELETE, &"k".repeat(129), &Value::Null)
            .await
            .status,
        400
    );
    assert_eq!(node.head().await.0, 3);
}

#[tokio::test]
async fn a_nul_is_a_character_like_any_other() {
    let node = Node::new().await;
    let body = json!({"config": {"a": [{"b\0": "x\0"}]}, "metadata": {"k": "a\0b"}});
    assert_eq!(node.put("/api/v1/bots/a", &body).await.status, 201);
    let read = node.get("/api/v1/bots/a").await.json();
    assert_eq!(
        (&read["config"], &read["metadata"]),
        (&body["config"], &body["metadata"])
    );
    let filter = "/api/v1/count?filter_metadata=%7B%22k%22:%22a%5Cu0000b%22%7D";
    assert_eq!(node.get(filter).await.json()["count"], 1);
}

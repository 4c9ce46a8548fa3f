use crate::harness::{Node, OK, request, with_bytes, with_header, with_json};
use axum::body::Body;
use axum::http::{Method, Request};
use hotbed_registry::Admission;
use hotbed_server::Limits;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_hostile_id_is_refused_wherever_it_stands_and_changes_nothing() {
    let node = Node::new().await;
    node.bot("a").await;
    let long = "x".repeat(10_000);
    // The id as it stands in a path, and the status of whoever asks for it.
    let hostile = [
        ("", 404),
        (".", 422),
        ("..", 422),
        ("%2E%2E", 422),
        ("/", 404),
        ("%2F", 422),
        ("a%2Fb", 422),
        ("%5C", 422),
        ("?x", 404),
        ("%3Fx", 422),
        ("%23f", 422),
        ("%00", 422),
        ("a%00", 422),
        ("%25", 422),
        ("%zz", 422),
        ("%FF", 400),
        ("%20a", 422),
        ("a%0A", 422),
        (&long, 422),
    ];
    for (id, status) in hostile {
        for collection in ["bots", "configs"] {
            let path = format!("/api/v1/{collection}/{id}");
            let read = node.get(&path).await;
            assert_eq!(read.status, status, "GET {path}: {}", read.detail());
            assert!(
                read.detail().len() < 500,
                "a long id is not sent back whole"
            );
            let put = node.put(&path, &json!({"config": {}})).await;
            assert!(
                (400..500).contains(&put.status),
                "PUT {path}: {}",
                put.status
            );
            let deleted = node.delete(&path).await;
            assert!(
                (400..500).contains(&deleted.status),
                "DELETE {path}: {}",
                deleted.status
            );
            let out = node.post_nothing(&format!("{path}/deactivate")).await;
            assert!(
                (400..500).contains(&out.status),
                "POST {path}/deactivate: {}",
                out.status
            );
        }
    }
    for id in [
        "", ".", "..", "/", "a/b", "?x", "#f", "%00", "\0", " a", &long,
    ] {
        let posted = node
            .post("/api/v1/bots", &json!({"bot_id": id, "config": {}}))
            .await;
        assert_eq!(posted.status, 422, "{id:?}");
    }
    assert_eq!(node.head().await.0, 1, "nothing was written");
}

#[tokio::test]
async fn a_collection_is_never_cleared() {
    let node = Node::new().await;
    node.bot("a").await;
    for path in [
        "/api/v1/bots",
        "/api/v1/configs",
        "/api/v1/bots/",
        "/api/v1/configs/",
        "/api/v1/configs/?x",
        "/api/v1/bots?x=1",
    ] {
        let refused = node.delete(path).await;
        assert_eq!(refused.status, 405, "{path}");
        let allowed = refused.header("allow").unwrap();
        assert!(
            allowed.contains("GET") && !allowed.contains("DELETE"),
            "{path}: {allowed}"
        );
        assert!(refused.header("location").is_none());
    }
    assert_eq!(node.get("/api/v1/bots/a").await.status, OK);
}

/// The bodies that are refused, with the place and a part of the message.
fn bad_bodies() -> Vec<(&'static str, String, u16, &'static str)> {
    vec![
        ("empty", String::new(), 400, "line 1 column 0"),
        ("no JSON", "config".into(), 400, "line 1 column 1"),
        ("cut off", r#"{"config": {"#.into(), 400, "EOF"),
        (
            "two documents",
            r#"{"config": {}} {}"#.into(),
            400,
            "trailing characters",
        ),
        ("not an object", "[]".into(), 422, "invalid"),
        ("no config", "{}".into(), 422, "missing field `config`"),
        (
            "unknown field",
            r#"{"config": {}, "statsu": "active"}"#.into(),
            422,
            "unknown field `statsu`, expected one of",
        ),
        (
            "field twice",
            r#"{"config": {}, "config": {}}"#.into(),
            422,
            "duplicate field `config`",
        ),
        (
            "config is text",
            r#"{"config": "x"}"#.into(),
            422,
            "config: invalid type: string \"x\", expected a map at line 1 column",
        ),
        (
            "config is a list",
            r#"{"config": []}"#.into(),
            422,
            "config: ",
        ),
        (
            "config is null",
            r#"{"config": null}"#.into(),
            422,
            "config: ",
        ),
        (
            "status is unknown",
            r#"{"config": {}, "status": "on"}"#.into(),
            422,
            "status: unknown variant `on`",
        ),
        (
            "status is a number",
            r#"{"config": {}, "status": 1}"#.into(),
            400,
            "status: ",
        ),
    ]
}

/// More of them: the values rather than the fields.
fn bad_values() -> Vec<(&'static str, String, u16, &'static str)> {
    let deep = |levels: usize| {
        format!(
            r#"{{"config": {{"a": {}{}}}}}"#,
            "[".repeat(levels),
            "]".repeat(levels)
        )
    };
    vec![
        (
            "metadata is a list",
            r#"{"config": {}, "metadata": []}"#.into(),
            422,
            "metadata: ",
        ),
        (
            "id is a number",
            r#"{"config": {}, "bot_id": 1}"#.into(),
            422,
            "bot_id: ",
        ),
        (
            "another id",
            r#"{"config": {}, "bot_id": "b"}"#.into(),
            422,
            "two ids",
        ),
        (
            "another short id",
            r#"{"config": {}, "id": "b"}"#.into(),
            422,
            "two ids",
        ),
        ("400 deep", deep(400), 400, "recursion limit"),
        (
            "too deep to be listed",
            deep(122),
            422,
            "nested deeper than 120",
        ),
        (
            "raw NUL",
            "{\"config\": {\"a\": \"\0\"}}".into(),
            400,
            "control character",
        ),
        (
            "lone surrogate",
            r#"{"config": {"a": "\ud800"}}"#.into(),
            400,
            "line 1 column",
        ),
    ]
}

#[tokio::test]
async fn a_bad_body_is_refused_with_its_place_and_changes_nothing() {
    let node = Node::new().await;
    node.bot("a").await;
    for (name, body, status, part) in bad_bodies().into_iter().chain(bad_values()) {
        let refused = node
            .send(with_json(Method::PUT, "/api/v1/bots/a", &body))
            .await;
        assert_eq!(refused.status, status, "{name}: {}", refused.detail());
        assert!(
            refused.detail().contains(part),
            "{name}: {}",
            refused.detail()
        );
    }
    let invalid_utf8 = with_bytes(
        Method::PUT,
        "/api/v1/bots/a",
        b"{\"config\": {\"a\": \"\xff\"}}".to_vec(),
    );
    let refused = node.send(invalid_utf8).await;
    assert_eq!(refused.status, 400);
    assert!(refused.detail().contains("unicode"), "{}", refused.detail());
    assert_eq!(refused.json()["place"]["line"], 1);
    assert_eq!(node.head().await.0, 1, "nothing was written");
    assert_eq!(node.get("/api/v1/bots/a").await.json()["version"], 1);
}

#[tokio::test]
async fn the_place_of_a_wrong_value_is_told_to_programs_too() {
    let node = Node::new().await;
    let refused = node
        .send(with_json(
            Method::PUT,
            "/api/v1/bots/a",
            "{\n  \"config\": 7\n}",
        ))
        .await;
    assert_eq!(
        refused.json()["place"],
        json!({"path": "config", "line": 2, "column": 13})
    );
}

#[tokio::test]
async fn a_config_as_deep_as_allowed_is_kept_and_listed() {
    let node = Node::new().await;
    let deep = format!(
        r#"{{"config": {{"a": {}{}}}}}"#,
        "[".repeat(119),
        "]".repeat(119)
    );
    assert_eq!(
        node.send(with_json(Method::PUT, "/api/v1/bots/a", &deep))
            .await
            .status,
        201
    );
    let list = node.get("/api/v1/bots").await;
    assert!(
        serde_json::from_slice::<Value>(&list.bytes).is_ok(),
        "a reader with the usual limit can read it"
    );
}

#[tokio::test]
async fn post_needs_an_id() {
    let node = Node::new().await;
    let refused = node.post("/api/v1/bots", &json!({"config": {}})).await;
    assert_eq!(
        (refused.status, refused.detail().as_str()),
        (422, "bot_id is missing: name the registration")
    );
    let refused = node
        .post(
            "/api/v1/bots",
            &json!({"config": {}, "bot_id": "a", "id": "b"}),
        )
        .await;
    assert_eq!(refused.status, 422);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_it_says_so_or_not() {
    let node = Node::with(
        Limits {
            body_bytes: 1_000,
            ..Limits::default()
        },
        Admission::Permissive,
    )
    .await;
    let body = format!(r#"{{"config": {{"a": "{}"}}}}"#, "x".repeat(1_000));
    let told = with_header(
        with_json(Method::PUT, "/api/v1/bots/a", &body),
        "content-length",
        &body.len().to_string(),
    );
    let waiting = with_header(
        with_header(
            with_json(Method::PUT, "/api/v1/bots/a", &body),
            "content-length",
            &body.len().to_string(),
        ),
        "expect",
        "100-continue",
    );
    for request in [
        told,
        waiting,
        with_json(Method::PUT, "/api/v1/bots/a", &body),
    ] {
        let refused = node.send(request).await;
        assert_eq!(refused.status, 413);
        assert!(
            refused.detail().contains("1000 bytes"),
            "{}",
            refused.detail()
        );
    }
    assert_eq!(node.head().await.0, 0);
}

#[tokio::test]
async fn a_body_of_megabytes_is_taken_by_default() {
    let node = Node::new().await;
    let body = json!({"config": {"a": "x".repeat(7 << 20)}});
    assert_eq!(node.put("/api/v1/bots/a", &body).await.status, 201);
    let body = json!({"config": {"a": "x".repeat(8 << 20)}});
    assert_eq!(node.put("/api/v1/bots/a", &body).await.status, 413);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let node = Node::with(
        Limits {
            body_read: Duration::from_secs(3),
            ..Limits::default()
        },
        Admission::Permissive,
    )
    .await;
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = Request::put("/api/v1/bots/a")
        .header("content-type", "application/json")
        .body(never)
        .unwrap();
    let refused = node.send(request).await;
    assert_eq!(
        (refused.status, refused.detail().as_str()),
        (408, "the body did not arrive within 3 s")
    );
}

#[tokio::test]
async fn a_body_that_is_not_sent_as_json_is_refused() {
    let node = Node::new().await;
    for (sent_as, status) in [
        ("application/json", 201),
        ("application/json; charset=utf-8", OK),
        ("application/merge-patch+json", OK),
        ("application/x-www-form-urlencoded", 415),
        ("text/plain", 415),
        ("json", 415),
    ] {
        let request = Request::put("/api/v1/bots/a").header("content-type", sent_as);
        let answer = node
            .send(request.body(Body::from(r#"{"config": {}}"#)).unwrap())
            .await;
        assert_eq!(answer.status, status, "{sent_as}");
    }
    for (encoding, status) in [
        ("gzip", 415),
        ("GZIP, identity", 415),
        ("identity, br", 415),
        ("identity", OK),
        ("Identity", OK),
    ] {
        let plain = with_json(Method::PUT, "/api/v1/bots/a", r#"{"config": {}}"#);
        let answer = node
            .send(with_header(plain, "content-encoding", encoding))
            .await;
        assert_eq!(answer.status, status, "{encoding}");
    }
    let untyped = Request::put("/api/v1/bots/a")
        .body(Body::from(r#"{"config": {}}"#))
        .unwrap();
    assert_eq!(node.send(untyped).await.status, 415);
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_refused_by_name() {
    let node = Node::new().await;
    for (query, part) in [
        (
            "statsu=active",
            "unknown query parameter \"statsu\": did you mean \"status\"?",
        ),
        ("status=on", "unknown status \"on\""),
        ("filter_metadata=x", "filter_metadata"),
        ("filter_metadata=[]", "not a JSON object"),
        ("sort=name", "cannot sort by \"name\""),
        ("sort=", "cannot sort by"),
        ("sort=bot_id:up", "neither"),
        ("limit=-1", "\"limit\" is \"-1\""),
        ("offset=many", "\"offset\" is \"many\""),
        ("limit=1&limit=2", "more than once"),
        ("after=", "id \"\" is empty"),
        ("min_revision=x", "min_revision"),
    ] {
        let refused = node.get(&format!("/api/v1/bots?{query}")).await;
        assert_eq!(refused.status, 422, "{query}");
        assert!(
            refused.detail().contains(part),
            "{query}: {}",
            refused.detail()
        );
    }
    node.bot("a").await;
    for path in [
        "/api/v1/bots/a?dry_run=1",
        "/api/v1/bots/a/instance?x",
        "/api/v1/changes?afer=1",
    ] {
        assert_eq!(node.get(path).await.status, 422, "{path}");
    }
    assert_eq!(node.delete("/api/v1/bots/a?if_match=7").await.status, 422);
    assert_eq!(node.get("/api/v1/bots/a").await.status, OK);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let node = Node::new().await;
    for path in [
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/mod",
        "/api/v1/mods/",
        "/api/v2/bots",
        "/api/v1/bots/a/b",
        "//",
        "/docs/x.js",
    ] {
        assert_eq!(node.get(path).await.status, 404, "{path}");
    }
    let wrong = node.send(request(Method::PATCH, "/api/v1/bots/a")).await;
    assert_eq!(wrong.status, 405);
    let mut allowed: Vec<_> = wrong.header("allow").unwrap().split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["DELETE", "GET", "HEAD", "PUT"]);
}

use crate::harness::{Node, OK, request, with_header, with_json};
use axum::http::Method;

/// A write of a certain kind to an id under one condition: its status.
async fn written(
    node: &Node,
    method: Method,
    path: &str,
    name: &'static str,
    value: &str,
) -> (u16, Option<u64>) {
    let bare = if method == Method::PUT {
        with_json(method, path, r#"{"config": {}}"#)
    } else {
        request(method, path)
    };
    let answer = node.send(with_header(bare, name, value)).await;
    let problem = if answer.status == 412 {
        answer.json()["revision"].as_u64()
    } else {
        None
    };
    (answer.status, problem)
}

#[tokio::test]
async fn a_write_happens_only_if_its_condition_holds() {
    // What is asked for, of what exists at revision 2 and of what does not exist, and how it ends.
    let table = [
        ("if-match", "\"2\"", OK, 412),
        ("if-match", "\"1\"", 412, 412),
        ("if-match", "\"1\", \"2\"", OK, 412),
        ("if-match", "\"1\",\"7\"", 412, 412),
        ("if-match", "*", OK, 412),
        ("if-none-match", "*", 412, 201),
        ("if-none-match", "\"2\"", 400, 400),
        ("if-match", "W/\"2\"", 400, 400),
        ("if-match", "2", 400, 400),
        ("if-match", "\"two\"", 400, 400),
        ("if-match", "", 400, 400),
        ("if-match", "*, \"2\"", 400, 400),
    ];
    for (name, value, existing, missing) in table {
        let node = Node::new().await;
        node.bot("other").await;
        node.bot("a").await;
        let (status, revision) = written(&node, Method::PUT, "/api/v1/bots/a", name, value).await;
        assert_eq!(status, existing, "{name}: {value}, existing");
        assert_eq!(
            revision,
            (existing == 412).then_some(2),
            "the problem says where it stands"
        );
        let (status, revision) =
            written(&node, Method::PUT, "/api/v1/configs/b", name, value).await;
        assert_eq!(
            (status, revision),
            (missing, None),
            "{name}: {value}, missing"
        );
        let changed = u64::from(existing == OK) + u64::from(missing == 201);
        assert_eq!(
            node.head().await.0,
            2 + changed,
            "{name}: {value} changes nothing else"
        );
    }
}

#[tokio::test]
async fn every_kind_of_write_can_be_conditional() {
    for (method, path) in [
        (Method::POST, "/api/v1/bots/a/deactivate"),
        (Method::POST, "/api/v1/configs/a/activate"),
        (Method::DELETE, "/api/v1/bots/a"),
    ] {
        let node = Node::new().await;
        node.bot("a").await;
        assert_eq!(
            written(&node, method.clone(), path, "if-match", "\"7\"").await,
            (412, Some(1)),
            "{path}"
        );
        assert_eq!(
            written(&node, method.clone(), path, "if-none-match", "*").await,
            (412, Some(1)),
            "{path}"
        );
        assert_eq!(node.head().await.0, 1);
        assert!(
            written(&node, method, path, "if-match", "\"1\"").await.0 < 300,
            "{path}"
        );
    }
}

#[tokio::test]
async fn contradicting_conditions_are_refused() {
    let node = Node::new().await;
    let put = with_json(Method::PUT, "/api/v1/bots/a", r#"{"config": {}}"#);
    let put = with_header(with_header(put, "if-match", "*"), "if-none-match", "*");
    assert_eq!(node.send(put).await.status, 400);
}

#[tokio::test]
async fn of_two_writers_with_the_same_etag_one_loses() {
    let node = Node::new().await;
    node.bot("a").await;
    let first = written(&node, Method::PUT, "/api/v1/bots/a", "if-match", "\"1\"").await;
    let second = written(&node, Method::PUT, "/api/v1/bots/a", "if-match", "\"1\"").await;
    assert_eq!((first, second), ((OK, None), (412, Some(2))));
}

#[tokio::test]
async fn what_the_client_has_already_is_not_sent_again() {
    let node = Node::new().await;
    node.bot("a").await;
    for path in [
        "/api/v1/bots/a",
        "/api/v1/bots",
        "/api/v1/configs?status=active",
    ] {
        for (known, status) in [
            ("\"1\"", 304),
            ("W/\"1\"", 304),
            ("\"0\", \"1\"", 304),
            ("*", 304),
            ("\"0\"", OK),
            ("x", 400),
        ] {
            let answer = node
                .send(with_header(
                    request(Method::GET, path),
                    "if-none-match",
                    known,
                ))
                .await;
            assert_eq!(answer.status, status, "{path} {known}");
            if status < 400 {
                assert_eq!(answer.header("etag"), Some("\"1\""));
                assert_eq!(answer.bytes.is_empty(), status == 304);
            }
        }
    }
    node.bot("b").await;
    let list = node
        .send(with_header(
            request(Method::GET, "/api/v1/bots"),
            "if-none-match",
            "\"1\"",
        ))
        .await;
    assert_eq!(
        (list.status, list.header("etag")),
        (OK, Some("\"2\"")),
        "any change of the collection is news"
    );
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_this_node_does_not_know_in_time_is_a_problem_with_its_own() {
    let node = Node::new().await;
    node.bot("a").await;
    for path in [
        "/api/v1/bots/a?min_revision=",
        "/api/v1/bots?min_revision=",
        "/api/v1/bots/a/instance?min_revision=",
    ] {
        assert_eq!(node.get(&format!("{path}1")).await.status, OK);
        let behind = node.get(&format!("{path}9")).await;
        assert_eq!(
            (behind.status, &behind.json()["revision"]),
            (503, &serde_json::json!(1)),
            "{path}"
        );
        assert_eq!(behind.json()["type"], "urn:hotbed:problem:behind");
        assert!(behind.header("retry-after").is_some());
    }
    let in_header = with_header(
        request(Method::GET, "/api/v1/bots/a"),
        "x-hotbed-min-revision",
        "9",
    );
    assert_eq!(node.send(in_header).await.status, 503);
    let garbage = with_header(
        request(Method::GET, "/api/v1/bots/a"),
        "x-hotbed-min-revision",
        "soon",
    );
    assert_eq!(node.send(garbage).await.status, 400);
}

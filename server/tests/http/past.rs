//! The past of registrations, and the way back to it.

use crate::harness::{Node, OK, Order, request, with_header, with_json};
use axum::http::Method;
use hotbed_registry::{
    Admission, Draft, HistoryRetention, Id, PortableConfig, Precondition, RegistryBackend,
    Retention, Revision,
};
use hotbed_server::Limits;
use serde_json::{Value, json};

fn config(prompt: &str) -> Value {
    json!({"config": {"llm": {"provider": "echo"}, "system_prompt": prompt}})
}

/// Writes a bot anew; its revision.
async fn write(node: &Node, path: &str, prompt: &str) -> u64 {
    let answer = node.put(path, &config(prompt)).await;
    assert!(answer.status < 300, "{answer:?}");
    answer.json()["revision"].as_u64().unwrap()
}

fn column(history: &Value, name: &str) -> Vec<Value> {
    let items = history["items"].as_array().unwrap();
    items.iter().map(|item| item[name].clone()).collect()
}

async fn roll_back(node: &Node, path: &str, body: &Value) -> (u16, Value) {
    let answer = node.post(&format!("{path}/rollback"), body).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn the_history_says_when_by_whom_and_why() {
    for collection in ["bots", "configs"] {
        let node = Node::new().await;
        let path = format!("/api/v1/{collection}/a");
        write(&node, &path, "Be kind.").await;
        let noted = format!("{path}?by=Ada%20L.&reason=a+ruder+tone");
        write(&node, &noted, "Be rude.").await;
        node.post_nothing(&format!("{path}/deactivate?by=bob"))
            .await;
        write(&node, &path, "Be kind.").await;
        node.delete(&path).await;
        write(&node, &path, "Be kind again.").await;
        let answer = node.get(&format!("{path}/history")).await;
        assert_eq!(answer.status, OK);
        assert_eq!(answer.header("x-hotbed-revision"), Some("6"));
        let history = answer.json();
        assert_eq!(history["next"], Value::Null);
        assert_eq!(column(&history, "revision"), [6, 5, 4, 3, 2, 1]);
        let kinds = [
            "created",
            "deleted",
            "activated",
            "deactivated",
            "updated",
            "created",
        ];
        assert_eq!(column(&history, "kind"), kinds);
        let null = Value::Null;
        let (ada, bob) = (json!("Ada L."), json!("bob"));
        let by = [&null, &null, &null, &bob, &ada, &null].map(Clone::clone);
        assert_eq!(column(&history, "changed_by"), by);
        assert_eq!(history["items"][4]["change_reason"], "a ruder tone");
        assert_eq!(
            column(&history, "version"),
            [json!(1), null, json!(4), json!(3), json!(2), json!(1)]
        );
        assert_eq!(history["items"][3]["status"], "inactive");
        assert!(history["items"][0].get("config").is_none());
        let log = node.get("/api/v1/changes?after=0").await.json();
        let mut told: Vec<_> = log["changes"].as_array().unwrap().iter().collect();
        told.reverse();
        for (item, change) in history["items"].as_array().unwrap().iter().zip(told) {
            assert_eq!(
                (&item["kind"], &item["at"]),
                (&change["kind"], &change["at"])
            );
        }
    }
}

#[tokio::test]
async fn the_history_comes_in_pages() {
    let node = Node::new().await;
    let path = "/api/v1/bots/a";
    for n in 1..=30 {
        let status = ["active", "inactive"][n % 2];
        let mut body = config("Be kind.");
        body["status"] = status.into();
        node.put(path, &body).await;
    }
    let mut revisions = Vec::new();
    let mut page = format!("{path}/history?limit=7");
    loop {
        let history = node.get(&page).await.json();
        let kinds = column(&history, "kind");
        let expected = column(&history, "revision").into_iter().map(|revision| {
            match (revision.as_u64().unwrap(), revision.as_u64().unwrap() % 2) {
                (1, _) => "created",
                (_, 0) => "activated",
                _ => "deactivated",
            }
        });
        assert_eq!(
            kinds,
            expected.collect::<Vec<_>>(),
            "each page knows what came before it"
        );
        revisions.extend(column(&history, "revision"));
        let Some(next) = history["next"].as_u64() else {
            break;
        };
        page = format!("{path}/history?limit=7&before={next}");
    }
    assert_eq!(revisions, (1..=30).rev().collect::<Vec<u64>>());
    let whole = node.get(&format!("{path}/history?limit=30")).await.json();
    assert_eq!(
        (column(&whole, "kind").len(), &whole["next"]),
        (30, &Value::Null)
    );
    let beyond = node.get(&format!("{path}/history?before=1")).await;
    assert_eq!(
        (beyond.status, beyond.json()["items"].clone()),
        (OK, json!([]))
    );
}

#[tokio::test]
async fn a_page_of_history_is_bounded() {
    let node = Node::new().await;
    node.bot("a").await;
    for limit in ["0", "201", "18446744073709551615", "-1", "x"] {
        let answer = node
            .get(&format!("/api/v1/bots/a/history?limit={limit}"))
            .await;
        assert_eq!(answer.status, 422, "{limit}");
    }
    for (query, status) in [
        ("before=x", 422),
        ("bfore=1", 422),
        ("limit=200&before=18446744073709551615", OK),
    ] {
        let answer = node.get(&format!("/api/v1/bots/a/history?{query}")).await;
        assert_eq!(answer.status, status, "{query}");
    }
}

#[tokio::test]
async fn a_version_is_read_by_its_revision() {
    let node = Node::new().await;
    let path = "/api/v1/bots/a";
    write(&node, path, "one").await;
    write(&node, path, "two").await;
    let first = node.get(&format!("{path}?revision=1")).await;
    assert_eq!((first.status, first.header("etag")), (OK, Some("\"1\"")));
    let first = first.json();
    assert_eq!(first["config"]["system_prompt"], "one");
    assert_eq!(
        (&first["revision"], &first["version"]),
        (&json!(1), &json!(1))
    );
    let known = request(Method::GET, &format!("{path}?revision=1"));
    let known = node
        .send(with_header(known, "if-none-match", "\"1\""))
        .await;
    assert_eq!((known.status, known.bytes.len()), (304, 0));
    let second = node.get("/api/v1/configs/a?revision=2").await;
    assert_eq!(second.json()["config"]["system_prompt"], "two");
}

#[tokio::test]
async fn a_version_that_is_not_there_says_why() {
    let node = Node::new().await;
    write(&node, "/api/v1/bots/a", "one").await;
    write(&node, "/api/v1/bots/b", "one").await;
    write(&node, "/api/v1/bots/a", "two").await;
    node.delete("/api/v1/bots/a").await;
    let forget = Retention {
        history: HistoryRetention {
            versions: 2,
            ..HistoryRetention::default()
        },
        ..Retention::default()
    };
    node.backend.compact(forget).await.unwrap();
    for (revision, why) in [
        (1, "it is forgotten, if it ever was"),
        (2, "no write of it made that revision"),
        (4, "it was deleted at that revision"),
        (5, "no write of it made that revision"),
    ] {
        let expected = format!("registration \"a\" has no version {revision}: {why}");
        let read = node
            .get(&format!("/api/v1/bots/a?revision={revision}"))
            .await;
        let (status, problem) =
            roll_back(&node, "/api/v1/bots/a", &json!({"revision": revision})).await;
        assert_eq!((read.status, read.detail()), (404, expected.clone()));
        assert_eq!((status, &problem["detail"]), (404, &json!(expected)));
        assert_eq!(problem["type"], "urn:hotbed:problem:no-version");
    }
    assert_eq!(node.head().await, Revision(4));
    assert_eq!(node.get("/api/v1/bots/c/history").await.status, 404);
    assert_eq!(
        node.get("/api/v1/bots/a/history").await.status,
        OK,
        "it was deleted"
    );
}

/// Caught: a tag that is the newest revision, which stays when something is forgotten.
#[tokio::test]
async fn a_history_that_is_known_is_not_sent_again_until_it_is_another() {
    let node = Node::new().await;
    for prompt in ["one", "two", "three"] {
        write(&node, "/api/v1/bots/a", prompt).await;
    }
    let path = "/api/v1/bots/a/history?limit=2";
    let tag = async |path: &str| {
        let told = node.get(path).await;
        assert_eq!(told.status, OK);
        told.header("etag").expect("it has a tag").to_owned()
    };
    let asked = async |tag: &str| {
        let bare = request(Method::GET, path);
        let told = node.send(with_header(bare, "if-none-match", tag)).await;
        assert_eq!(told.status == OK, !told.bytes.is_empty());
        told.status
    };
    let first = tag(path).await;
    assert_eq!(first, tag(path).await);
    assert_eq!(first, tag("/api/v1/configs/a/history?limit=2").await);
    assert_ne!(first, tag("/api/v1/bots/a/history").await);
    for known in [&*first, &format!("\"9\", W/{first}"), "*"] {
        assert_eq!(asked(known).await, 304, "{known}");
    }
    assert_eq!(asked("\"3\"").await, OK);
    write(&node, "/api/v1/bots/b", "another").await;
    assert_eq!(asked(&first).await, 304);
    let forget = Retention {
        history: HistoryRetention {
            versions: 1,
            ..HistoryRetention::default()
        },
        ..Retention::default()
    };
    node.backend.compact(forget).await.unwrap();
    assert_eq!(asked(&first).await, OK, "there is no next page any more");
    let second = tag(path).await;
    assert_eq!(asked(&second).await, 304);
    write(&node, "/api/v1/bots/a", "four").await;
    assert_eq!(asked(&second).await, OK);
}

/// Caught: a DELETE that takes no note, or drops it on the way to the registry.
#[tokio::test]
async fn a_deletion_says_who_and_why_like_any_other_write() {
    let node = Node::new().await;
    let path = "/api/v1/bots/a";
    for deletion in [
        "/api/v1/bots/a?by=ada&reason=nobody%20asked%20%26%20nobody%20will",
        "/api/v1/configs/a?by=bob",
        path,
    ] {
        write(&node, path, "one").await;
        assert_eq!(node.delete(deletion).await.status, 204);
    }
    let told = node.get(&format!("{path}/history")).await.json();
    let told: Vec<_> = told["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["kind"] == "deleted")
        .map(|it| (it["changed_by"].clone(), it["change_reason"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            (Value::Null, Value::Null),
            (json!("bob"), Value::Null),
            (json!("ada"), json!("nobody asked & nobody will")),
        ]
    );
    write(&node, path, "one").await;
    for unfit in ["by=", "reason=%20", "by=a&by=b"] {
        let refused = node.delete(&format!("{path}?{unfit}")).await;
        assert_eq!(refused.status, 422, "{unfit}: {}", refused.detail());
    }
    assert_eq!(node.get(path).await.status, OK);
}

#[tokio::test]
async fn a_rollback_is_answered_and_served_like_a_write() {
    let node = Node::new().await;
    let path = "/api/v1/bots/a";
    write(&node, path, "one").await;
    write(&node, path, "two").await;
    assert_eq!(node.chat("a").await, Ok(2));
    let back = node
        .post(
            &format!("{path}/rollback"),
            &json!({"revision": 1, "by": "ada", "reason": "two was worse"}),
        )
        .await;
    assert_eq!((back.status, back.header("etag")), (OK, Some("\"3\"")));
    let back = back.json();
    assert_eq!(back["config"]["system_prompt"], "one");
    assert_eq!(back["warnings"], json!([]));
    let said = json!({"changed_by": "ada", "change_reason": "two was worse"});
    assert_eq!(back["metadata"], said);
    assert_eq!(node.chat("a").await, Ok(3), "it serves at once");
    let plain = node.put(path, &config("three")).await.json();
    assert_eq!(plain["metadata"], json!({}), "a note is about one write");

    node.delete(path).await;
    let again = node
        .post(&format!("{path}/rollback"), &json!({"revision": 2}))
        .await;
    assert_eq!(
        (again.status, again.header("location")),
        (201, Some("/api/v1/bots/a"))
    );
    assert_eq!(
        again.json()["metadata"]["change_reason"],
        "rollback to revision 2"
    );
    assert_eq!(node.chat("a").await, Ok(6));
}

#[tokio::test]
async fn a_rollback_happens_only_if_its_condition_holds() {
    // What is asked for, of what stands at revision 2 and of what was deleted at revision 2, and how it ends.
    let table = [
        ("if-match", "\"2\"", OK, 412),
        ("if-match", "\"1\"", 412, 412),
        ("if-match", "*", OK, 412),
        ("if-none-match", "*", 412, 201),
        ("if-match", "2", 400, 400),
    ];
    for (name, value, standing, deleted) in table {
        for (expected, is_deleted) in [(standing, false), (deleted, true)] {
            let node = Node::new().await;
            write(&node, "/api/v1/bots/a", "one").await;
            if is_deleted {
                node.delete("/api/v1/bots/a").await;
            } else {
                write(&node, "/api/v1/bots/a", "two").await;
            }
            let bare = with_json(
                Method::POST,
                "/api/v1/configs/a/rollback",
                r#"{"revision": 1}"#,
            );
            let answer = node.send(with_header(bare, name, value)).await;
            assert_eq!(answer.status, expected, "{name}: {value}, {is_deleted}");
            let head = if expected < 300 { 3 } else { 2 };
            assert_eq!(node.head().await, Revision(head));
        }
    }
}

#[tokio::test]
async fn a_rollback_is_refused_like_a_write() {
    let node = Node::with(Limits::default(), Admission::Strict).await;
    let odd = PortableConfig::from_value(json!({"llm": 7})).unwrap();
    let id = Id::new("a").unwrap();
    let stored = node.backend.put(&id, Draft::active(odd), Precondition::Any);
    stored.await.unwrap();
    write(&node, "/api/v1/bots/a", "two").await;
    let (status, problem) = roll_back(&node, "/api/v1/bots/a", &json!({"revision": 1})).await;
    assert_eq!(
        (status, &problem["type"]),
        (422, &json!("urn:hotbed:problem:refused"))
    );

    for body in [
        json!({}),
        json!({"revision": "1"}),
        json!({"revision": -1}),
        json!({"revision": 1, "to": 2}),
        json!({"revision": 1, "by": ""}),
        json!({"revision": 1, "reason": "x".repeat(2_001)}),
    ] {
        let (status, _) = roll_back(&node, "/api/v1/bots/a", &body).await;
        assert_eq!(status, 422, "{body}");
    }
    let stranger = with_json(
        Method::POST,
        "/api/v1/bots/a/rollback",
        r#"{"revision": 1}"#,
    );
    let stranger = with_header(stranger, "origin", "http://evil.example");
    assert_eq!(node.send(stranger).await.status, 403);
    assert_eq!(node.head().await, Revision(2));
}

#[tokio::test]
async fn a_registry_that_keeps_no_history_says_so() {
    let node = Node::new().await;
    node.bot("a").await;
    node.backend.turn(Order::Forgets);
    let told = [
        node.get("/api/v1/bots/a/history").await,
        node.get("/api/v1/configs/a?revision=1").await,
        node.post("/api/v1/bots/a/rollback", &json!({"revision": 1}))
            .await,
    ];
    for answer in told {
        assert_eq!(answer.status, 501);
        assert_eq!(
            answer.detail(),
            "registry cannot remember: it keeps nothing"
        );
    }
    assert_eq!(node.get("/api/v1/bots/a").await.status, OK);
}

#[tokio::test]
async fn a_history_that_cannot_be_read_is_unavailable() {
    let node = Node::new().await;
    node.bot("a").await;
    node.backend.turn(Order::Fails);
    let answer = node.get("/api/v1/bots/a/history").await;
    assert_eq!(answer.status, 503);
    assert!(!answer.detail().contains("secret"));
}

#[tokio::test]
async fn an_answer_about_the_past_is_never_followed_by_an_older_one() {
    let node = Node::new().await;
    node.bot("a").await;
    let other = node.beside().await;
    for told in ["history", "?revision=2"] {
        let revision = node.bot("a").await;
        assert_eq!(revision, if told == "history" { 2 } else { 3 });
        let path = match told {
            "history" => "/api/v1/bots/a/history".to_owned(),
            _ => format!("/api/v1/bots/a?revision={revision}"),
        };
        assert_eq!(other.get(&path).await.status, OK);
        assert_eq!(other.chat("a").await, Ok(revision));
    }
}

#[tokio::test]
async fn every_write_with_a_note_keeps_the_rest_of_the_metadata() {
    let node = Node::new().await;
    let path = "/api/v1/bots/a";
    let mut body = config("one");
    body["metadata"] = json!({"team": "x"});
    body["bot_id"] = "a".into();
    let made = node.post("/api/v1/bots?by=ada", &body).await;
    assert_eq!(
        made.json()["metadata"],
        json!({"team": "x", "changed_by": "ada"})
    );
    let put = node
        .put(&format!("{path}?reason=why+not"), &config("two"))
        .await;
    assert_eq!(
        put.json()["metadata"],
        json!({"team": "x", "change_reason": "why not"})
    );
    let off = node
        .post_nothing(&format!("{path}/deactivate?by=bob"))
        .await;
    assert_eq!(
        off.json()["metadata"],
        json!({"team": "x", "changed_by": "bob"})
    );
    let on = node.post_nothing(&format!("{path}/activate")).await;
    assert_eq!(on.json()["metadata"], json!({"team": "x"}));
    for unfit in ["by=", "reason=%20", "by=a&by=b"] {
        let answer = node.put(&format!("{path}?{unfit}"), &config("three")).await;
        assert_eq!(answer.status, 422, "{unfit}");
    }
    assert_eq!(node.head().await, Revision(4));
}

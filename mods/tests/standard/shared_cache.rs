use crate::table::Table;
use serde_json::{Value, json};
use std::time::Duration;

async fn cache(config: Value) -> Table {
    Table::with("openagents.mods.core.shared_cache", config).await
}

#[tokio::test(start_paused = true)]
async fn a_value_is_created_read_updated_and_deleted_by_its_id() {
    let mut table = cache(json!({})).await;
    let created = table
        .done(
            "alice",
            "shared_cache.create",
            json!({"value": "v1", "mime_type": "text/x"}),
        )
        .await;
    let id = created["cache_id"].as_str().unwrap().to_owned();
    let read = table
        .done("bob", "shared_cache.get", json!({"cache_id": id}))
        .await;
    assert_eq!(
        (&read["value"], &read["mime_type"], &read["created_by"]),
        (&json!("v1"), &json!("text/x"), &json!("alice"))
    );
    assert_eq!(read["is_file"], false);
    table
        .done(
            "bob",
            "shared_cache.update",
            json!({"cache_id": id, "value": {"n": 2}}),
        )
        .await;
    let read = table
        .done("bob", "shared_cache.get", json!({"cache_id": id}))
        .await;
    assert_eq!(
        read["value"], r#"{"n":2}"#,
        "what is no text is kept as JSON"
    );
    table
        .done("bob", "shared_cache.delete", json!({"cache_id": id}))
        .await;
    let gone = table
        .refused("bob", "shared_cache.get", json!({"cache_id": id}))
        .await;
    assert_eq!(gone, "there is no such entry");
    assert_eq!(
        table.told().await,
        ["created", "updated", "deleted"]
            .map(|what| format!("shared_cache.notification.{what} to agent:broadcast"))
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_or_odd_is_refused_by_saying_so() {
    let table = cache(json!({})).await;
    for (name, payload, said) in [
        ("create", json!({}), "value is required"),
        ("create", json!({"value": null}), "value is required"),
        (
            "create",
            json!({"value": "v", "ttl_seconds": -1}),
            "ttl_seconds must be a whole number that is not negative",
        ),
        (
            "create",
            json!({"value": "v", "allowed_agent_groups": "admin"}),
            "allowed_agent_groups must be a list of texts",
        ),
        ("get", json!({}), "cache_id is required, or a key"),
        (
            "get",
            json!({"cache_id": 7}),
            "cache_id is required, or a key",
        ),
        ("set", json!({"value": "v"}), "key is required"),
        ("update", json!({"cache_id": "x"}), "value is required"),
        (
            "file.upload",
            json!({"file_data": "!", "filename": "f"}),
            "file_data is not Base64",
        ),
        (
            "file.download",
            json!({"cache_id": "x"}),
            "there is no such entry",
        ),
    ] {
        assert_eq!(
            table
                .refused("alice", &format!("shared_cache.{name}"), payload)
                .await,
            said,
            "{name}"
        );
    }
}

/// Caught: the key alone looked for.
#[tokio::test(start_paused = true)]
async fn a_value_has_a_key_in_a_namespace() {
    let table = cache(json!({})).await;
    let set =
        |namespace: &str, value: &str| json!({"namespace": namespace, "key": "k", "value": value});
    table
        .done("alice", "shared_cache.set", set("one", "1"))
        .await;
    table
        .done("alice", "shared_cache.set", set("two", "2"))
        .await;
    table
        .done("alice", "shared_cache.set", set("one", "3"))
        .await;
    for (namespace, value) in [("one", "3"), ("two", "2")] {
        let read = table
            .done(
                "bob",
                "shared_cache.get",
                json!({"namespace": namespace, "key": "k"}),
            )
            .await;
        assert_eq!(read["value"], value);
    }
    let listed = table
        .done("bob", "shared_cache.list", json!({"namespace": "one"}))
        .await;
    assert_eq!(listed["entries"].as_array().unwrap().len(), 1);
    let taken = table
        .refused("bob", "shared_cache.create", set("one", "4"))
        .await;
    assert_eq!(taken, r#""k" is in namespace "one" already"#);
    table
        .done(
            "bob",
            "shared_cache.delete",
            json!({"namespace": "one", "key": "k"}),
        )
        .await;
    table
        .done("bob", "shared_cache.create", set("one", "5"))
        .await;
}

/// Caught: an expired value that is found; one that lasts for ever because it was updated.
#[tokio::test(start_paused = true)]
async fn a_value_lasts_as_long_as_it_was_told_to() {
    let table = cache(json!({"default_ttl_seconds": 60})).await;
    let put = |key: &str, ttl: Option<u64>| {
        let mut payload = json!({"key": key, "value": "v"});
        if let Some(ttl) = ttl {
            payload["ttl_seconds"] = json!(ttl);
        }
        payload
    };
    for (key, ttl) in [("usual", None), ("short", Some(10)), ("ever", Some(0))] {
        table.done("alice", "shared_cache.set", put(key, ttl)).await;
    }
    let there = async |key: &str| {
        table
            .ask("bob", "shared_cache.get", json!({"key": key}))
            .await
            .success
    };
    tokio::time::advance(Duration::from_secs(9)).await;
    table
        .done("alice", "shared_cache.update", put("short", Some(20)))
        .await;
    tokio::time::advance(Duration::from_secs(19)).await;
    assert!(there("short").await);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(!there("short").await);
    tokio::time::advance(Duration::from_secs(31)).await;
    assert!(!there("usual").await);
    tokio::time::advance(Duration::from_secs(1_000_000)).await;
    assert!(there("ever").await);
    table.host.check_health().await;
    let health = table.host.status("shared_cache").unwrap().health.unwrap();
    assert_eq!(
        (&health.details["entries"], &health.details["bytes"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_for_some_groups_is_seen_by_their_members_only_and_told_to_them_only() {
    let mut table = cache(json!({})).await;
    let secret = json!({"key": "k", "value": "v", "allowed_agent_groups": ["admin", "devs"]});
    table.done("alice", "shared_cache.set", secret).await;
    assert_eq!(
        table.told().await,
        [
            "shared_cache.notification.created to group:admin",
            "shared_cache.notification.created to group:devs"
        ]
    );
    let key = json!({"key": "k", "value": "w"});
    for name in ["get", "update", "set", "delete"] {
        for group in [None, Some("guests")] {
            let refused = table
                .ask_from("eve", group, &format!("shared_cache.{name}"), key.clone())
                .await;
            assert_eq!(
                refused.message, "you are in none of the groups that may see this entry",
                "{name}"
            );
        }
        let listed = table.done("eve", "shared_cache.list", json!({})).await;
        assert_eq!(listed["entries"], json!([]));
    }
    assert!(
        table
            .ask_from("dan", Some("devs"), "shared_cache.get", key)
            .await
            .success
    );
}

/// Caught: no bound on what all entries have together.
#[tokio::test(start_paused = true)]
async fn a_cache_has_bounds_and_makes_room_when_something_goes() {
    let table =
        cache(json!({"max_entries": 2, "max_value_bytes": 10, "max_total_bytes": 15})).await;
    let create = |value: &str| json!({"value": value});
    let large = table
        .refused("a1", "shared_cache.create", create("12345678901"))
        .await;
    assert_eq!(large, "the content is of 11 bytes, and 10 are allowed");
    let first = table
        .done("a1", "shared_cache.create", create("1234567890"))
        .await;
    let much = table
        .refused("a1", "shared_cache.create", create("123456"))
        .await;
    assert_eq!(much, "all entries together may have 15 bytes: delete some");
    table
        .done("a1", "shared_cache.create", create("12345"))
        .await;
    let many = table.refused("a1", "shared_cache.create", create("")).await;
    assert_eq!(
        many,
        "there are 2 entries, and no more are allowed: delete some"
    );
    table
        .done(
            "a1",
            "shared_cache.update",
            json!({"cache_id": first["cache_id"], "value": "1"}),
        )
        .await;
    table
        .done(
            "a1",
            "shared_cache.delete",
            json!({"cache_id": first["cache_id"]}),
        )
        .await;
    table
        .done("a1", "shared_cache.create", create("1234567890"))
        .await;
}

#[tokio::test(start_paused = true)]
async fn files_go_in_and_come_out_as_they_were() {
    let table = cache(json!({})).await;
    let file = json!({"file_data": "aGVsbG8=", "filename": "../../etc/hello.txt", "mime_type": "text/plain"});
    let put = table.done("alice", "shared_cache.file.upload", file).await;
    assert_eq!(
        (&put["filename"], &put["file_size"]),
        (&json!("hello.txt"), &json!(5))
    );
    let id = json!({"cache_id": put["cache_id"]});
    let got = table
        .done("bob", "shared_cache.file.download", id.clone())
        .await;
    assert_eq!(
        (&got["file_data"], &got["mime_type"]),
        (&json!("aGVsbG8="), &json!("text/plain"))
    );
    assert_eq!(
        table.done("bob", "shared_cache.get", id).await["is_file"],
        true
    );
    let text = table
        .done("alice", "shared_cache.create", json!({"value": "v"}))
        .await;
    let no_file = json!({"cache_id": text["cache_id"]});
    assert_eq!(
        table
            .refused("bob", "shared_cache.file.download", no_file)
            .await,
        "the entry is not a file"
    );
}

/// Caught: a stock that each generation makes for itself.
#[tokio::test(start_paused = true)]
async fn what_is_in_the_cache_survives_a_reload_and_a_change_of_its_configuration() {
    let table = cache(json!({})).await;
    table
        .done(
            "alice",
            "shared_cache.set",
            json!({"key": "k", "value": "v"}),
        )
        .await;
    table.host.reload("shared_cache").await.unwrap();
    table.configure(json!({"max_entries": 1})).await;
    assert_eq!(
        table
            .done("bob", "shared_cache.get", json!({"key": "k"}))
            .await["value"],
        "v"
    );
    let full = table
        .refused("bob", "shared_cache.create", json!({"value": "w"}))
        .await;
    assert_eq!(
        full,
        "there are 1 entries, and no more are allowed: delete some"
    );
}

/// A value for a few that was put over one for all could be read by all.
///
/// Caught: the groups of a value that is put over another not looked at.
#[tokio::test(start_paused = true)]
async fn a_value_that_is_put_over_another_is_for_those_that_it_names() {
    let mut table = cache(json!({})).await;
    let open = json!({"key": "k", "value": "hello"});
    table.done("eve", "shared_cache.set", open).await;
    table.told().await;
    let secret = json!({"key": "k", "value": "secret", "mime_type": "text/x", "allowed_agent_groups": ["admin"]});
    table.done("alice", "shared_cache.set", secret).await;
    assert_eq!(
        table.told().await,
        ["shared_cache.notification.updated to group:admin"]
    );
    let key = json!({"key": "k"});
    table.refused("eve", "shared_cache.get", key.clone()).await;
    let read = table
        .ask_from("ann", Some("admin"), "shared_cache.get", key.clone())
        .await;
    assert_eq!(
        (&read.data["value"], &read.data["mime_type"]),
        (&json!("secret"), &json!("text/x"))
    );
    let again = json!({"key": "k", "value": "more"});
    let again = table
        .ask_from("ann", Some("admin"), "shared_cache.update", again)
        .await;
    assert!(again.success);
    table.refused("eve", "shared_cache.get", key).await;
}

/// Names had no bound, and were not counted: ten thousand entries of one byte could hold any amount.
///
/// Caught: a name of any length; a list of any length, each of which is told.
#[tokio::test(start_paused = true)]
async fn what_things_are_called_has_bounds_as_well() {
    let mut table = cache(json!({})).await;
    let long = "x".repeat(513);
    for key in ["key", "namespace", "mime_type"] {
        let mut new = json!({"value": "v", "key": "k"});
        new[key] = json!(long);
        for name in ["create", "set"] {
            let refused = table
                .refused("eve", &format!("shared_cache.{name}"), new.clone())
                .await;
            assert_eq!(
                refused,
                format!("{key} is of 513 bytes, and 512 are allowed")
            );
        }
    }
    let file = json!({"file_data": "aGVsbG8=", "filename": long});
    table.refused("eve", "shared_cache.file.upload", file).await;
    let of = |groups: Vec<String>| json!({"value": "v", "allowed_agent_groups": groups});
    let many = of((0..101).map(|n| n.to_string()).collect());
    let refused = table.refused("eve", "shared_cache.create", many).await;
    assert_eq!(
        refused,
        "allowed_agent_groups has 101 entries, and 100 are allowed"
    );
    table
        .refused("eve", "shared_cache.create", of(vec![long]))
        .await;
    assert_eq!(table.told().await, [""; 0]);
    let twice = of(vec!["devs".into(), "devs".into()]);
    table.done("eve", "shared_cache.create", twice).await;
    assert_eq!(table.told().await.len(), 1, "each group once");
}

/// Caught: a file taken for a text when it gets another value.
#[tokio::test(start_paused = true)]
async fn a_file_stays_one_when_it_gets_another_value() {
    let table = cache(json!({})).await;
    let file = json!({"file_data": "aGVsbG8=", "filename": "f"});
    let put = table.done("alice", "shared_cache.file.upload", file).await;
    let update = |value: &str| json!({"cache_id": put["cache_id"], "value": value});
    let refused = table
        .refused("alice", "shared_cache.update", update("hello"))
        .await;
    assert_eq!(refused, "value is not Base64, and the entry is a file");
    table
        .done("alice", "shared_cache.update", update("aGk="))
        .await;
    let got = table
        .done("bob", "shared_cache.file.download", update(""))
        .await;
    assert_eq!(
        (&got["file_data"], &got["file_size"]),
        (&json!("aGk="), &json!(2))
    );
}

/// Caught: a refusal that changes something all the same.
#[tokio::test(start_paused = true)]
async fn what_is_refused_changes_nothing() {
    let table = cache(json!({"max_value_bytes": 5})).await;
    let open = json!({"key": "k", "value": "hello"});
    table.done("alice", "shared_cache.set", open).await;
    let large = json!({"key": "k", "value": "too large", "mime_type": "text/x", "allowed_agent_groups": ["admin"]});
    table.refused("alice", "shared_cache.set", large).await;
    let read = table
        .done("bob", "shared_cache.get", json!({"key": "k"}))
        .await;
    assert_eq!(
        (&read["value"], &read["mime_type"]),
        (&json!("hello"), &json!("text/plain"))
    );
}

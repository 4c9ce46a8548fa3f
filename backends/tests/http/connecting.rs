//! How a service is found, and what is told of one that cannot be used.

use crate::hostile_server::{HostileServer, Reply};
use crate::hotbed::{Hotbed, bots_of, store_at};
use hotbed_registry::{
    Admission, ChangeNote, CollectionName, Draft, Error, Id, PortableConfig, Precondition,
};
use hotbed_testkit::ConfigService;
use serde_json::json;

async fn refusal(port: u16, options: &str) -> Error {
    let store = store_at(port, "/api/v1", options).await;
    store.collection(&CollectionName::bots()).await.unwrap_err()
}

fn draft() -> Draft {
    Draft::active(PortableConfig::from_value(json!({})).unwrap())
}

#[tokio::test]
async fn each_kind_of_service_is_recognised() {
    let hotbed = Hotbed::start().await;
    assert!(format!("{:?}", hotbed.bots().await).starts_with("HotbedCollection"));
    let service = ConfigService::shared();
    let store = store_at(service.port(), &service.registry(), "").await;
    assert!(format!("{:?}", bots_of(&store).await).starts_with("ServiceCollection"));
    // The list of a service that knows it under the other name.
    let list = HostileServer::start(|asked| {
        if asked.head.starts_with("GET /api/v1/bots ") {
            Reply::json("[]")
        } else {
            Reply::whole("404 Not Found", "text/html", "")
        }
    });
    let list = list.await;
    let it = bots_of(&store_at(list.port, "/api/v1", "").await).await;
    it.head().await.unwrap();
}

#[tokio::test]
async fn a_hotbed_without_the_collection_is_not_taken_for_a_service() {
    let hotbed = Hotbed::start().await;
    let store = hotbed.store("").await;
    let mods = CollectionName::new("mods").unwrap();
    let refused = store.collection(&mods).await.unwrap_err();
    assert!(matches!(refused, Error::Unsupported { .. }), "{refused}");
    let service = ConfigService::shared();
    let refused = refusal(service.port(), "peer=hotbed").await;
    assert!(matches!(refused, Error::Unsupported { .. }), "{refused}");
}

#[tokio::test]
async fn what_cannot_be_used_says_why() {
    for (reply, reason) in [
        (
            Reply::whole(
                "401 Unauthorized",
                "application/json",
                r#"{"detail": "who?"}"#,
            ),
            "lets nobody in with this token (401): mend the token: it says \"who?\"",
        ),
        (
            Reply::whole("404 Not Found", "text/html", ""),
            "has nothing there (404)",
        ),
        (
            Reply::whole("200 OK", "text/html", "<html>"),
            "answers text/html where JSON is due",
        ),
        (
            Reply::json(r#"{"status": "ok"}"#),
            "answers no list at \"configs\"",
        ),
        (
            Reply::whole("503 Service Unavailable", "text/plain", ""),
            "fails (503)",
        ),
    ] {
        let server = HostileServer::start(move |_| reply.clone()).await;
        let refused = refusal(server.port, "").await.to_string();
        assert!(refused.contains(reason), "{refused}");
    }
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let refused = refusal(nobody, "").await.to_string();
    assert!(
        refused.contains("is not reached: see whether the service runs"),
        "{refused}"
    );
}

#[tokio::test]
async fn the_token_is_sent_in_the_header_of_choice_and_shown_nowhere() {
    let server = HostileServer::start(|asked| {
        let has = |line: &str| asked.head.lines().any(|it| it.eq_ignore_ascii_case(line));
        if has("x-api-key: Bearer s3cret")
            && !asked.head.to_ascii_lowercase().contains("authorization")
        {
            Reply::json("[]")
        } else {
            Reply::whole("403 Forbidden", "application/json", "{}")
        }
    });
    let server = server.await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "s3cret\n").unwrap();
    let options = format!("header=X-Api-Key&token_file={}", file.display());
    let store = store_at(server.port, "/api/v1", &options).await;
    let it = bots_of(&store).await;
    it.head().await.unwrap();
    assert!(!format!("{store:?} {it:?}").contains("s3cret"));
    std::fs::write(&file, "another").unwrap();
    let refused = refusal(server.port, &options).await;
    assert!(
        !format!("{refused} {refused:?}").contains("another"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_read_only_registry_reads_and_refuses_to_write() {
    let hotbed = Hotbed::start().await;
    let id = Id::new("a").unwrap();
    hotbed
        .bots()
        .await
        .put(&id, draft(), Precondition::Any)
        .await
        .unwrap();
    for options in ["read_only=true", "read_only=true&peer=service"] {
        let it = bots_of(&hotbed.store(options).await).await;
        assert!(it.get(&id).await.unwrap().is_some());
        let refused = it.put(&id, draft(), Precondition::Any).await.unwrap_err();
        assert!(matches!(refused, Error::Unsupported { .. }), "{refused}");
        let refused = it
            .delete(&id, Precondition::Any, &ChangeNote::NONE)
            .await
            .unwrap_err();
        assert!(matches!(refused, Error::Unsupported { .. }), "{refused}");
        it.touch(&[]).await.unwrap();
    }
    assert_eq!(hotbed.behind.head().await.unwrap().0, 1);
}

#[tokio::test]
async fn a_strict_hotbed_says_everything_that_is_wrong() {
    let hotbed = Hotbed::with(Admission::Strict).await;
    let id = Id::new("a").unwrap();
    let refused = hotbed
        .bots()
        .await
        .put(&id, draft(), Precondition::Any)
        .await;
    let Err(Error::Refused { problems, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert!(!problems.is_empty());
}

#[tokio::test]
async fn a_closed_store_answers_nobody() {
    let hotbed = Hotbed::start().await;
    for options in ["", "peer=service"] {
        let store = hotbed.store(options).await;
        let it = bots_of(&store).await;
        it.head().await.unwrap();
        store.close().await;
        let refused = it.head().await.unwrap_err().to_string();
        assert!(refused.ends_with(": it is closed"), "{refused}");
        assert!(
            it.put(&Id::new("a").unwrap(), draft(), Precondition::Any)
                .await
                .is_err()
        );
    }
}

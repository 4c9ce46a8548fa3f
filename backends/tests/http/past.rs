//! The past of a registration at another hotbed, told by a server that says what a hotbed does.

use crate::hostile_server::{HostileServer, Reply};
use crate::hotbed::{bots_of, store_at};
use hotbed_registry::{Error, Id, Past, RegistryBackend, Revision};
use std::sync::Arc;

const MISSING: &str = r#"{"type": "urn:hotbed:problem:not-found", "title": "", "status": 404, "detail": "no registration"}"#;

fn write(revision: u64, version: &str) -> String {
    format!(
        r#"{{"revision": {revision}, "kind": "updated", "at": "2026-01-02T03:04:05.123456+00:00", "status": null, "version": {version}, "changed_by": null, "change_reason": null}}"#
    )
}

fn version(revision: u64) -> String {
    let at = "2026-01-02T03:04:05.123456+00:00";
    format!(
        r#"{{"bot_id": "a", "id": "a", "config": {{"n": {revision}}}, "status": "active", "metadata": {{}}, "revision": {revision},
        "version": 1, "created_at": "{at}", "updated_at": "{at}", "last_accessed_at": "{at}"}}"#
    )
}

async fn told(
    rule: impl Fn(&str) -> Reply + Send + Sync + 'static,
) -> (HostileServer, Arc<dyn RegistryBackend>) {
    let server = HostileServer::start(move |asked| {
        let path = asked.head.split(' ').nth(1).unwrap();
        if path.starts_with("/api/heads") {
            Reply::json(r#"{"items": [], "next": null, "head": 9}"#)
        } else {
            rule(path.strip_prefix("/api/bots/a").unwrap())
        }
    })
    .await;
    let it = bots_of(&store_at(server.port, "/api", "").await).await;
    (server, it)
}

fn a() -> Id {
    Id::new("a").unwrap()
}

#[tokio::test]
async fn each_write_that_is_remembered_is_told_whole_page_by_page() {
    let (_server, it) = told(|path| match path {
        "/history?limit=200" => Reply::json(&format!(
            r#"{{"items": [{}, {}], "next": 7}}"#,
            write(9, "2"),
            write(7, "null")
        )),
        "/history?limit=200&before=7" => Reply::json(&format!(
            r#"{{"items": [{}, {}], "next": null}}"#,
            write(4, "1"),
            write(2, "1")
        )),
        "/history?limit=1&before=8" | "/history?limit=1&before=9" => Reply::json(&format!(
            r#"{{"items": [{}], "next": 7}}"#,
            write(7, "null")
        )),
        "/history?limit=1&before=10" => {
            Reply::json(&format!(r#"{{"items": [{}], "next": 9}}"#, write(9, "2")))
        }
        "?revision=9" => Reply::json(&version(9)),
        "?revision=4" => Reply::json(&version(4)),
        // Forgotten in between.
        _ => Reply::whole("404 Not Found", "application/problem+json", MISSING),
    })
    .await;
    let past = it.history(&a(), None, usize::MAX).await.unwrap();
    let revisions: Vec<_> = past.iter().map(|write| write.revision().0).collect();
    assert_eq!(revisions, [9, 7, 4]);
    assert!(matches!(past[1], Past::Deleted { .. }));
    assert_eq!(
        it.past(&a(), Revision(9)).await.unwrap(),
        Some(past[0].clone())
    );
    assert_eq!(
        it.past(&a(), Revision(7)).await.unwrap(),
        Some(past[1].clone())
    );
    assert_eq!(it.past(&a(), Revision(8)).await.unwrap(), None);
}

#[tokio::test]
async fn nothing_known_and_nothing_kept_are_two_things() {
    let (server, it) =
        told(|_| Reply::whole("404 Not Found", "application/problem+json", MISSING)).await;
    assert_eq!(it.history(&a(), None, 5).await.unwrap(), []);
    assert_eq!(it.past(&a(), Revision(5)).await.unwrap(), None);
    server.answer(|_| {
        let kept = r#"{"type": "urn:hotbed:problem:unsupported", "title": "", "status": 501, "detail": "this kind of registry keeps none"}"#;
        Reply::whole("501 Not Implemented", "application/problem+json", kept)
    });
    let refused = it.history(&a(), None, 5).await.unwrap_err();
    assert!(
        matches!(&refused, Error::Unsupported { reason, .. } if reason.ends_with("keeps none")),
        "{refused}"
    );
    server.answer(|_| Reply::whole("404 Not Found", "text/html", ""));
    assert!(matches!(
        it.history(&a(), None, 5).await,
        Err(Error::Unavailable { .. })
    ));
}

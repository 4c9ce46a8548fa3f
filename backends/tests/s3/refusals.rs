//! What is not opened or not understood, and what is said of it.

use crate::place::{Place, bots, id, parse, put, read};
use hotbed_backends::{S3Options, S3Store, StoreAt};
use hotbed_registry::{ChangeNote, CollectionName, Error, Precondition, Query};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::net::TcpListener;

/// An error as all that anybody may print of it.
fn said(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |it| it.source());
    let causes: Vec<_> = causes.map(|it| format!("{it} {it:?}")).collect();
    format!("{error} {error:?} {}", causes.join(" "))
}

async fn open(url: &str) -> Result<S3Store, Error> {
    S3Store::open(&parse(url), S3Options::default()).await
}

#[tokio::test]
async fn no_error_shows_the_secret() {
    let place = Place::new();
    let right = place.url();
    let (_, secret) = place.bucket.keys();
    let wrong = place
        .bucket
        .url_with("open-sesame", place.bucket.port(), "x");
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let urls = [
        (wrong, "lets nobody in with these keys"),
        (
            right.replace(place.bucket.name(), "nonesuch"),
            "has no such bucket: make it",
        ),
        (
            place.bucket.url_through(nobody.port(), "x"),
            "is not reached",
        ),
        (
            right.replace("127.0.0.1", "no.such.host.invalid"),
            "is not reached",
        ),
        (right.replace("http://", "https://"), "is not reached"),
    ];
    for (url, reason) in urls {
        let refused = open(&url).await.expect_err("a refusal");
        assert!(matches!(refused, Error::Unavailable { .. }), "{refused:?}");
        let said = said(&refused);
        assert!(said.contains(reason), "{url}: {said}");
        for secret in [secret, "open-sesame"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
    let store = open(&right).await.expect("a store");
    let backend = store.collection(&CollectionName::bots());
    let at = StoreAt::new(right.parse().expect("a URL"));
    let shown = format!("{store:?} {backend:?} {at:?} {}", at.url());
    assert!(!shown.contains(secret), "{shown}");
    assert!(!shown.contains("horse"), "{shown}");
}

#[tokio::test]
async fn a_store_that_wants_bare_etags_is_told_so_or_finds_out() {
    let place = Place::new();
    for style in ["", "&etag_style=auto", "&etag_style=bare"] {
        let node = bots(&format!("{}{style}", place.url()), S3Options::default()).await;
        for n in 0..2 {
            put(&node, "a", n).await.expect("a write");
        }
        assert_eq!(read(&node, "a").await, Some(1));
    }
    let refused = open(&format!("{}&etag_style=quoted", place.url())).await;
    let refused = refused.expect_err("a refusal").to_string();
    assert!(
        refused.ends_with(
            "refuses a write whose condition holds (If-Match): try it without etag_style in the URL"
        ),
        "{refused}"
    );
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let store = open(&Place::new().url()).await.expect("a store");
    let node = store.collection(&CollectionName::bots());
    put(&node, "a", 1).await.expect("a write");
    store.close().await;
    let (written, found) = (put(&node, "a", 2).await, node.get(&id("a")).await);
    for refused in [written.err(), found.err(), node.head().await.err()] {
        let refused = refused.expect("a refusal").to_string();
        assert!(refused.ends_with("it is closed"), "{refused}");
    }
    let late = store.collection(&CollectionName::new("late").unwrap());
    assert!(late.head().await.is_err());
}

#[tokio::test]
async fn what_somebody_else_wrote_is_corrupt_for_who_needs_it() {
    let place = Place::new();
    let node = place.bots().await;
    for name in ["a", "b"] {
        put(&node, name, 1).await.expect("a write");
    }
    let raw = place.raw();
    let versions = Path::from(format!("{}/bots/versions/a", place.prefix));
    let listed = raw
        .list_with_delimiter(Some(&versions))
        .await
        .expect("a listing");
    let version = &listed.objects[0].location;
    raw.put(version, "{}".into()).await.expect("a write");
    let fresh = place.bots().await;
    for refused in [
        fresh.get(&id("a")).await.expect_err("a refusal"),
        fresh.list(&Query::default()).await.expect_err("a refusal"),
    ] {
        assert!(
            matches!(&refused, Error::Corrupt { place, .. } if place.contains("versions/a/")),
            "{refused}"
        );
    }
    assert_eq!(read(&fresh, "b").await, Some(1));
    put(&fresh, "b", 2).await.expect("a write");
    fresh
        .delete(&id("a"), Precondition::Any, &ChangeNote::NONE)
        .await
        .expect("a deletion");
    assert_eq!(
        fresh
            .list(&Query::default())
            .await
            .expect("a listing")
            .items
            .len(),
        1
    );

    let index = Path::from(format!("{}/bots/index", place.prefix));
    let good = raw
        .get(&index)
        .await
        .expect("an index")
        .bytes()
        .await
        .expect("its bytes");
    for bad in ["", "{", "[]", "{\"format\":2}", "{\"format\":1}"] {
        raw.put(&index, bad.into()).await.expect("a write");
        for node in [&fresh, &place.bots().await] {
            let refused = node.head().await.expect_err("a refusal");
            assert!(matches!(&refused, Error::Corrupt { .. }), "{refused}");
            assert_eq!(
                refused.to_string().contains("a newer version wrote"),
                bad.contains('2')
            );
            assert!(put(node, "b", 3).await.is_err());
        }
    }
    raw.delete(&index).await.expect("a deletion");
    let refused = fresh.head().await.expect_err("a refusal").to_string();
    assert!(
        refused.contains("is missing, although it was there before"),
        "{refused}"
    );
    raw.put(&index, good.into()).await.expect("a write");
    assert_eq!(read(&fresh, "b").await, Some(2));
    put(&fresh, "b", 3).await.expect("a write");
}

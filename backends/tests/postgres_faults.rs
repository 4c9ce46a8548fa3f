//! What the PostgreSQL backend says and keeps when the server or the way to it is in trouble.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use hotbed_backends::{PostgresOptions, PostgresStore, PostgresUrl, RegistryUrl, StoreAt};
use hotbed_registry::{
    Changes, CollectionName, ConnectingBackend, Draft, Error, Id, PortableConfig, Precondition,
    Query, RegistryBackend, Revision,
};
use hotbed_testkit::{Database, FaultProxy, NetworkFault, PostgresServer, sized};
use serde_json::json;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

const SHORT: PostgresOptions = PostgresOptions {
    patience: Duration::from_secs(2),
};
/// What is promised to take [`SHORT`] time at most, on a busy machine.
const SOON: Duration = Duration::from_secs(10);

fn postgres(url: &str) -> PostgresUrl {
    match url.parse() {
        Ok(RegistryUrl::Postgres(url)) => url,
        other => panic!("{other:?} is no URL of PostgreSQL"),
    }
}

async fn open(url: &str) -> Result<PostgresStore, Error> {
    PostgresStore::open(&postgres(url), PostgresOptions::default()).await
}

async fn bots(url: &str) -> Arc<dyn RegistryBackend> {
    let store = open(url).await.expect("the server is there");
    store.collection(&CollectionName::bots())
}

async fn impatient_bots(url: &str) -> Arc<dyn RegistryBackend> {
    let store = PostgresStore::open(&postgres(url), SHORT).await;
    let store = store.expect("the server is there");
    store.collection(&CollectionName::bots())
}

fn id(name: &str) -> Id {
    Id::new(name).expect("a good id")
}

async fn put(backend: &Arc<dyn RegistryBackend>, name: &str, n: u64) -> Result<Revision, Error> {
    let config = PortableConfig::from_value(json!({ "n": n })).expect("an object");
    let written = backend
        .put(&id(name), Draft::active(config), Precondition::Any)
        .await?;
    Ok(written.revision)
}

async fn read(backend: &Arc<dyn RegistryBackend>, name: &str) -> Option<u64> {
    let found = backend.get(&id(name)).await.expect("a read is answered")?;
    found.config.as_map()["n"].as_u64()
}

/// An error as all that anybody may print of it.
fn said(error: &Error) -> String {
    let mut said = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        said = format!("{said} {cause} {cause:?}");
        source = cause.source();
    }
    said
}

#[tokio::test]
async fn no_error_shows_the_password() {
    let server = PostgresServer::shared();
    let database = server.database();
    let right = database.tcp_url();
    let wrong = database.tcp_url_with("open sesame");
    let password = right.split([':', '@']).nth(2).unwrap().to_owned();
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let urls = [
        wrong.clone(),
        right.replace(database.name(), "nonesuch"),
        right.replace(&database.port().to_string(), &nobody.port().to_string()),
        right.replace("127.0.0.1", "no.such.host.invalid"),
        format!("{right}?sslmode=require"),
    ];
    let reasons = [
        "lets nobody in with this user and password",
        "has no such database",
        "is not reached",
        "is not reached",
        "does not do TLS",
    ];
    for (url, reason) in urls.iter().zip(reasons) {
        let refused = open(url).await.unwrap_err();
        assert!(matches!(refused, Error::Unavailable { .. }), "{refused:?}");
        let said = said(&refused);
        assert!(said.contains(reason), "{url}: {said}");
        for secret in [&*password, "correct horse", "open%20sesame", "open sesame"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
    let store = open(&right).await.unwrap();
    let backend = store.collection(&CollectionName::bots());
    let at = StoreAt::new(right.parse().unwrap());
    let shown = format!("{store:?} {backend:?} {at:?} {}", at.url());
    assert!(!shown.contains("horse"), "{shown}");
}

#[tokio::test]
async fn a_server_that_was_down_is_used_once_it_is_up() {
    let server = PostgresServer::start(&[]);
    let database = server.database();
    server.stop();
    let store = StoreAt::new(database.tcp_url().parse().unwrap());
    let failure = store.store().await.unwrap_err();
    assert!(failure.to_string().contains("is not reached"), "{failure}");
    let backend = ConnectingBackend::new(store.connect(CollectionName::bots()), &failure);
    assert!(backend.head().await.is_err());
    server.resume();
    timeout(
        Duration::from_secs(20),
        backend.run(CancellationToken::new()),
    )
    .await
    .unwrap();
    let backend: Arc<dyn RegistryBackend> = Arc::new(backend);
    assert_eq!(put(&backend, "a", 1).await.unwrap(), Revision(1));
    store.close().await;
    assert!(backend.head().await.is_err());
}

#[tokio::test]
async fn a_server_that_restarts_is_used_again_at_once() {
    let server = PostgresServer::start(&[]);
    let backend = bots(&server.database().url()).await;
    put(&backend, "a", 1).await.unwrap();
    // Several connections that will be dead.
    tokio::join!(
        read(&backend, "a"),
        read(&backend, "a"),
        read(&backend, "a")
    );
    for n in 2..4 {
        server.stop();
        let (written, found) = (put(&backend, "a", 9).await, backend.get(&id("a")).await);
        assert!(
            matches!(written, Err(Error::Unavailable { .. })),
            "{written:?}"
        );
        assert!(matches!(found, Err(Error::Unavailable { .. })), "{found:?}");
        server.resume();
        assert_eq!(read(&backend, "a").await, Some(n - 1));
        put(&backend, "a", n).await.unwrap();
        server.stop();
        server.resume();
        // Nobody noticed.
        put(&backend, "a", n).await.unwrap();
        assert_eq!(read(&backend, "a").await, Some(n));
    }
}

/// Writes rising numbers to one id until the first failure; answers the last that was acknowledged.
async fn write_until_failure(backend: Arc<dyn RegistryBackend>, name: String, from: u64) -> u64 {
    let mut acknowledged = from;
    while put(&backend, &name, acknowledged + 1).await.is_ok() {
        acknowledged += 1;
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_has_all_that_was_acknowledged_and_a_log_without_gaps() {
    const WRITERS: usize = 8;
    let server = PostgresServer::start(&[]);
    let database = server.database();
    let nodes = [bots(&database.url()).await, bots(&database.url()).await];
    let mut floors = [0; WRITERS];
    for round in 0..sized(5, 200) {
        let mut writers = JoinSet::new();
        for (n, floor) in floors.iter().enumerate() {
            let node = Arc::clone(&nodes[n % nodes.len()]);
            let write = write_until_failure(node, format!("bot-{n}"), *floor);
            writers.spawn(async move { (n, write.await) });
        }
        let target = Revision(nodes[0].head().await.unwrap().0 + 100 + 37 * (round % 10));
        while nodes[0].head().await.unwrap() < target {
            tokio::task::yield_now().await;
        }
        server.kill();
        for (n, acknowledged) in writers.join_all().await {
            floors[n] = acknowledged;
        }
        server.resume();
        for (n, floor) in floors.iter_mut().enumerate() {
            let stored = read(&nodes[0], &format!("bot-{n}")).await.unwrap_or(0);
            // The one that failed may have been done.
            assert!(
                (*floor..=*floor + 1).contains(&stored),
                "{stored} for {floor}"
            );
            *floor = stored;
        }
        tells_one_story(&nodes[1]).await;
    }
}

/// Demands that the log has every revision once, and that it and the registrations tell the same.
async fn tells_one_story(backend: &Arc<dyn RegistryBackend>) {
    let told = backend.changes(Revision::ZERO, usize::MAX).await.unwrap();
    let Changes::Log { changes, head } = told else {
        panic!("nothing was compacted")
    };
    let revisions: Vec<u64> = changes.iter().map(|change| change.revision.0).collect();
    assert_eq!(revisions, (1..=head.0).collect::<Vec<_>>());
    let last: BTreeMap<Id, Revision> = changes
        .into_iter()
        .map(|change| (change.id, change.revision))
        .collect();
    let heads = backend.heads(None, usize::MAX).await.unwrap();
    assert_eq!(heads, last.into_iter().collect::<Vec<_>>());
}

fn through(proxy: &FaultProxy, database: &Database) -> String {
    let there = format!(":{}/", database.port());
    let url = database.tcp_url();
    assert!(url.contains(&there));
    format!(
        "{}?sslmode=disable",
        url.replace(&there, &format!(":{}/", proxy.port()))
    )
}

#[tokio::test]
async fn what_broke_during_the_commit_is_said_to_be_unknown_and_what_broke_before_is_not_done() {
    // With its end: READ COMMITTED, with which a transaction begins, is none.
    const COMMIT: &[u8] = b"COMMIT\0";
    let database = PostgresServer::shared().database();
    let proxy = FaultProxy::to(database.port());
    let backend = bots(&through(&proxy, &database)).await;
    let direct = bots(&database.url()).await;
    put(&backend, "a", 1).await.unwrap();
    let unknown = "whether it was done is not known, for it went wrong during the commit";
    for (fault, stored, known) in [
        (NetworkFault::CutBefore(COMMIT.into()), 1, false),
        (NetworkFault::ResetBefore(COMMIT.into()), 1, false),
        (NetworkFault::CutInsteadOfAnswer(COMMIT.into()), 3, false),
        (NetworkFault::CutBefore(b"collection".into()), 3, true),
        (NetworkFault::ResetBefore(b"collection".into()), 3, true),
        (NetworkFault::ResetInsteadOfAnswer(COMMIT.into()), 3, false),
    ] {
        proxy.set(fault.clone());
        let refused = tokio::join!(put(&backend, "a", 2), put(&backend, "a", 3));
        for refused in [refused.0, refused.1] {
            let refused = refused.unwrap_err().to_string();
            assert_eq!(!refused.contains(unknown), known, "{fault:?}: {refused}");
        }
        assert_eq!(read(&direct, "a").await, Some(stored), "{fault:?}");
        proxy.set(NetworkFault::None);
        assert_eq!(read(&backend, "a").await, Some(stored));
    }
    assert_eq!(put(&backend, "a", 4).await.unwrap(), Revision(6));
    tells_one_story(&direct).await;
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_in_time() {
    let database = PostgresServer::shared().database();
    let proxy = FaultProxy::to(database.port());
    let url = through(&proxy, &database);
    let backend = impatient_bots(&url).await;
    put(&backend, "a", 1).await.unwrap();
    read(&backend, "a").await;
    proxy.set(NetworkFault::Silence);
    let (there, a, all) = (postgres(&url), id("a"), Query::default());
    let begun = Instant::now();
    let (opened, written, found, listed) = tokio::join!(
        PostgresStore::open(&there, SHORT),
        put(&backend, "a", 2),
        backend.get(&a),
        backend.list(&all),
    );
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    for error in [opened.err(), written.err(), found.err(), listed.err()] {
        let error = error.unwrap().to_string();
        assert!(error.contains("has not answered for 2s"), "{error}");
    }
    proxy.set(NetworkFault::None);
    assert_eq!(read(&backend, "a").await, Some(1));
    // The server itself ends what the silent connection had begun, so nobody waits for it.
    assert!(put(&backend, "a", 3).await.unwrap() > Revision(1));
}

#[tokio::test]
async fn a_held_lock_refuses_writes_in_time_answers_reads_and_is_named() {
    let database = PostgresServer::shared().database();
    let backend = impatient_bots(&database.url()).await;
    put(&backend, "a", 1).await.unwrap();
    let options: PgConnectOptions = database.tcp_url().parse().unwrap();
    let mut other = options.connect().await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT * FROM registrations_collections FOR UPDATE")
        .execute(&mut other)
        .await
        .unwrap();
    let begun = Instant::now();
    let refused = tokio::join!(put(&backend, "a", 2), put(&backend, "b", 2));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    for refused in [refused.0, refused.1] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("another writer has held"), "{refused}");
    }
    assert_eq!(read(&backend, "a").await, Some(1));
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(put(&backend, "b", 3).await.unwrap(), Revision(2));
}

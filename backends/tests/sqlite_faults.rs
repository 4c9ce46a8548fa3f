//! What the SQLite backend says and keeps when the disk or another process is in the way.

use hotbed_backends::{SqliteOptions, SqliteStore, StoreAt};
use hotbed_registry::PortableConfig;
use hotbed_registry::{
    CollectionName, ConnectingBackend, Draft, Error, Id, Precondition, Query, RegistryBackend,
    Revision,
};
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const SHORT: SqliteOptions = SqliteOptions {
    busy_timeout: Duration::from_millis(50),
};

async fn open(path: &Path) -> Result<SqliteStore, Error> {
    SqliteStore::open(path, SHORT).await
}

fn bots(store: &SqliteStore) -> Arc<dyn RegistryBackend> {
    store.collection(&CollectionName::bots())
}

async fn put(
    backend: &Arc<dyn RegistryBackend>,
    name: &str,
    bytes: usize,
) -> Result<Revision, Error> {
    let config = PortableConfig::from_value(json!({"text": "x".repeat(bytes)})).expect("an object");
    Ok(backend
        .put(
            &Id::new(name).expect("a good id"),
            Draft::active(config),
            Precondition::Any,
        )
        .await?
        .revision)
}

#[tokio::test]
async fn a_locked_file_refuses_writes_answers_reads_and_recovers() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("registry.db");
    let store = open(&path).await.unwrap();
    let bots = bots(&store);
    put(&bots, "a", 10).await.unwrap();
    let mut other = SqliteConnection::connect(&format!("sqlite:{}", path.display()))
        .await
        .unwrap();
    sqlx::query("BEGIN EXCLUSIVE")
        .execute(&mut other)
        .await
        .unwrap();

    let refused = tokio::join!(put(&bots, "a", 20), put(&bots, "b", 20));
    let expected = format!(
        "registry cannot write a registration: {} has been locked by another process for 50ms: see what holds it, \
         or try again",
        path.display()
    );
    assert_eq!(refused.0.unwrap_err().to_string(), expected);
    assert_eq!(refused.1.unwrap_err().to_string(), expected);
    assert_eq!(bots.count(&Query::default()).await.unwrap(), 1);
    let late = open(&path).await.unwrap_err().to_string();
    assert!(
        late.starts_with("registry cannot open its database: ") && late.contains("locked"),
        "{late}"
    );

    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(put(&bots, "b", 20).await.unwrap(), Revision(2));
}

#[tokio::test]
async fn what_is_not_a_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("short", "hello".repeat(3)),
        ("long", "hello, world\n".repeat(1000)),
    ] {
        let path = directory.path().join(name);
        std::fs::write(&path, &text).unwrap();
        let refused = open(&path).await.unwrap_err();
        assert!(matches!(refused, Error::Corrupt { .. }), "{refused:?}");
        assert_eq!(
            refused.to_string(),
            format!(
                "registry holds something unreadable at {}: it is not a SQLite database: name another file",
                path.display()
            )
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[tokio::test]
async fn tables_of_another_program_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.db");
    let mut other = SqliteConnection::connect(&format!("sqlite:{}?mode=rwc", path.display()))
        .await
        .unwrap();
    sqlx::query("CREATE TABLE registrations (name TEXT)")
        .execute(&mut other)
        .await
        .unwrap();
    other.close().await.unwrap();
    let refused = open(&path).await.unwrap_err().to_string();
    assert!(
        refused.ends_with(
            "its tables were made by something else than this program: name another file"
        ),
        "{refused}"
    );
    let mut other = SqliteConnection::connect(&format!("sqlite:{}", path.display()))
        .await
        .unwrap();
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE type = 'table'")
        .fetch_one(&mut other)
        .await
        .unwrap();
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn missing_directories_are_made() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/c/registry.db");
    let store = open(&path).await.unwrap();
    put(&bots(&store), "a", 10).await.unwrap();
    assert!(path.is_file());
}

#[tokio::test]
async fn a_path_that_cannot_be_is_refused_with_the_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = open(&file.join("registry.db"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains(&format!("{} cannot be made", file.display())),
        "{refused}"
    );
    let refused = open(directory.path()).await.unwrap_err().to_string();
    assert!(
        refused.contains(&format!("{} cannot be opened", directory.path().display())),
        "{refused}"
    );
}

#[tokio::test]
async fn a_name_that_looks_like_a_uri_is_a_name() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["file:x?mode=memory", "a b%20c#d?.db", "ünï🤖.db"] {
        let path = directory.path().join(name);
        let store = open(&path).await.unwrap();
        put(&bots(&store), "a", 10).await.unwrap();
        assert!(path.is_file(), "{name}");
    }
}

#[tokio::test]
async fn a_store_that_was_down_is_used_once_it_is_up() {
    let directory = tempfile::tempdir().unwrap();
    let blocked = directory.path().join("data");
    std::fs::write(&blocked, "in the way").unwrap();
    let url = format!("sqlite:{}", blocked.join("registry.db").display())
        .parse()
        .unwrap();
    let store = StoreAt::new(url);
    let failure = store.store().await.unwrap_err();
    let backend = ConnectingBackend::new(store.connect(CollectionName::bots()), &failure);
    assert!(backend.head().await.is_err());
    std::fs::remove_file(&blocked).unwrap();
    tokio::time::timeout(
        Duration::from_secs(20),
        backend.run(CancellationToken::new()),
    )
    .await
    .unwrap();
    assert_eq!(backend.head().await.unwrap(), Revision::ZERO);
    let backend: Arc<dyn RegistryBackend> = Arc::new(backend);
    assert_eq!(put(&backend, "a", 10).await.unwrap(), Revision(1));
    store.close().await;
    assert!(backend.head().await.is_err());
}

/// Runs one of the ignored tests below in a file system of its own, 2 MB large, as its working directory.
/// Answers whether that could be done: it takes Linux and the right to make namespaces.
#[expect(
    clippy::print_stdout,
    reason = "who reads the report should know what was not tried"
)]
fn in_a_small_file_system(test: &str) -> bool {
    let directory = tempfile::tempdir().expect("a directory");
    let mount = "mount -t tmpfs -o size=2m none \"$1\" || exit 99; cd \"$1\" && exec \"$2\" --exact \"$3\" --ignored";
    let run = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", mount, "sh"])
        .arg(directory.path())
        .arg(std::env::current_exe().expect("a program"))
        .arg(test)
        .output();
    match run {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains("1 passed"), "{said}");
            true
        }
        Ok(output) if output.status.code() == Some(101) => {
            panic!("{}", String::from_utf8_lossy(&output.stdout));
        }
        impossible => {
            println!("skipped {test}: no file system of its own can be made here: {impossible:?}");
            false
        }
    }
}

#[test]
fn a_full_disk_refuses_writes_loses_nothing_and_recovers() {
    in_a_small_file_system("on_a_full_disk");
}

#[tokio::test]
#[ignore = "needs a small file system of its own: a_full_disk_refuses_writes_loses_nothing_and_recovers makes one"]
async fn on_a_full_disk() {
    let directory = std::env::current_dir().unwrap();
    let path = directory.join("registry.db");
    std::fs::write("ballast", vec![0; 512 * 1024]).unwrap();
    let store = open(&path).await.unwrap();
    let backend = bots(&store);
    let mut acknowledged = 0;
    let refused = loop {
        match put(&backend, &format!("bot-{acknowledged:03}"), 16 * 1024).await {
            Ok(revision) => {
                acknowledged += 1;
                assert_eq!(revision, Revision(acknowledged));
            }
            Err(error) => break error,
        }
    };
    assert!(acknowledged > 10);
    assert_eq!(
        refused.to_string(),
        format!(
            "registry cannot write a registration: the disk with {} is full: make room, then try again",
            path.display()
        )
    );
    assert_eq!(backend.head().await.unwrap(), Revision(acknowledged));
    assert_eq!(
        backend.count(&Query::default()).await.unwrap(),
        acknowledged
    );

    std::fs::remove_file("ballast").unwrap();
    assert_eq!(
        put(&backend, "after", 16 * 1024).await.unwrap(),
        Revision(acknowledged + 1)
    );
    store.close().await;
    let backend = bots(&open(&path).await.unwrap());
    assert_eq!(
        backend.count(&Query::default()).await.unwrap(),
        acknowledged + 1
    );
}

#[test]
fn a_read_only_disk_is_refused_with_what_to_do() {
    in_a_small_file_system("on_a_read_only_disk");
}

#[tokio::test]
#[ignore = "needs a file system of its own: a_read_only_disk_is_refused_with_what_to_do makes one"]
async fn on_a_read_only_disk() {
    let directory = std::env::current_dir().unwrap();
    let path = directory.join("registry.db");
    let store = open(&path).await.unwrap();
    put(&bots(&store), "a", 10).await.unwrap();
    store.close().await;
    let remounted = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(&directory)
        .status()
        .unwrap();
    assert!(remounted.success());
    for name in ["registry.db", "new.db"] {
        let refused = open(&directory.join(name)).await.unwrap_err().to_string();
        assert!(
            refused.contains("write to it") || refused.contains("write access"),
            "{refused}"
        );
    }
}

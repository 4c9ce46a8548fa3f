//! How a server starts, and what it says when it cannot.

use crate::harness::{Ended, Launch};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::fs;
use std::net::TcpListener;

#[track_caller]
fn assert_refused(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let last = ended.errors.lines().last().unwrap_or_default();
    assert!(ended.errors.contains("error: "), "{ended:?}");
    for word in words {
        assert!(ended.errors.contains(word), "{word:?} is not in {last}");
    }
    assert!(!ended.errors.contains("panicked"), "{ended:?}");
}

#[tokio::test]
async fn without_any_file_or_flag_it_starts_with_an_empty_registry_under_data() {
    let launch = Launch::new().by_default();
    let node = launch.start().await;
    let list = node.get("/api/v1/bots").await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 0);
    assert!(launch.cwd().join("data/hotbed.db").is_file());
    let said = node.output();
    for words in [
        "registry     sqlite:./data/hotbed.db",
        "Try, in another terminal:",
        "bots put",
        "bots chat",
        "health",
    ] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    let health = node.health().await;
    assert_eq!(health["status"], "ok", "{health}");
    let revision = node.put_bot("b", "p").await;
    node.terminate().await;

    let node = launch.start().await;
    assert_eq!(
        node.served("b").await,
        revision,
        "it is still there after a restart"
    );
    node.terminate().await;
}

#[tokio::test]
async fn a_registry_in_memory_puts_nothing_on_the_disk_but_the_snapshot() {
    let launch = Launch::new().arg("--registry", "memory:");
    let node = launch.start().await;
    node.put_bot("b", "p").await;
    node.served("b").await;
    node.terminate().await;
    let files: Vec<_> = fs::read_dir(launch.data_dir())
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert!(
        files
            .iter()
            .all(|file| file.to_string_lossy().starts_with("snapshot.")),
        "{files:?}"
    );
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_it_and_nothing_is_written() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let launch = Launch::new().arg("--listen", &address);
    assert_refused(
        &launch.fail().await,
        &["cannot listen on", &address, "--listen"],
    );
    assert!(!launch.data_dir().exists() && !launch.registry().exists());
}

#[tokio::test]
async fn a_data_directory_is_of_one_server_at_a_time() {
    let launch = Launch::new();
    let node = launch.start().await;
    assert_refused(&launch.fail().await, &["snapshot.sealed", "another"]);
    node.kill().await;
    launch.start().await.terminate().await;
}

#[tokio::test]
async fn what_cannot_be_opened_is_an_error_that_says_what_can() {
    for (flag, value, words) in [
        (
            "--registry",
            "mysql://bob:secret@host/bots",
            ["mysql", "sqlite:PATH"],
        ),
        ("--registry", "sqlite:", ["names no file", "sqlite:PATH"]),
        ("--bus", "kafka:x", ["kafka", "memory:"]),
        (
            "--bus",
            "redis://bot:secret@",
            ["names no host", "redis://USER:PASSWORD@HOST"],
        ),
    ] {
        let ended = Launch::new().arg(flag, value).fail().await;
        assert_refused(&ended, &words);
        assert!(!ended.errors.contains("secret"), "{ended:?}");
    }
    let launch = Launch::new();
    fs::create_dir(launch.registry()).unwrap();
    assert_refused(
        &launch.fail().await,
        &["cannot open the registry", "check that it is a file"],
    );
    let launch = Launch::new();
    fs::write(launch.registry(), "no database ".repeat(100)).unwrap();
    assert_refused(&launch.fail().await, &["not a SQLite database"]);
    let launch = Launch::new();
    fs::write(launch.data_dir(), "a file").unwrap();
    assert_refused(
        &launch.fail().await,
        &["name a directory that this user may write to"],
    );
}

#[tokio::test]
async fn a_configuration_directory_or_environment_that_was_named_must_be_there() {
    let launch = Launch::new();
    let missing = launch.home().join("no-such-dir");
    let ended = launch.clone().arg("--config", &missing).fail().await;
    assert_refused(&ended, &["no-such-dir", "does not exist"]);

    let dir = launch.home().join("configs");
    fs::create_dir_all(dir.join("environments")).unwrap();
    let launch = launch.arg("--config", &dir);
    let ended = launch.clone().arg("--env", "staging").fail().await;
    assert_refused(&ended, &["staging", "environments/staging.yaml is missing"]);
    let ended = launch.clone().arg("--env", "../staging").fail().await;
    assert_refused(&ended, &["../staging", "is not a name"]);
    launch.start().await.terminate().await;
}

#[tokio::test]
async fn a_mistake_in_a_configuration_file_is_told_with_its_place() {
    let launch = Launch::new();
    let dir = launch.home().join("configs");
    fs::create_dir_all(dir.join("domains")).unwrap();
    fs::create_dir_all(dir.join("environments")).unwrap();
    let launch = launch.arg("--config", &dir);
    let domain = dir.join("domains/bad.yaml");
    fs::write(&domain, "domain:\n  id: b\nbot:\n  llm: [").unwrap();
    assert_refused(&launch.fail().await, &["bad.yaml:4:9"]);
    fs::remove_file(&domain).unwrap();

    let environment = dir.join("environments/development.yaml");
    fs::write(
        &environment,
        "name: development\nresources:\n  llms:\n    chat:\n      model: ${NO_SUCH_VARIABLE}\n",
    )
    .unwrap();
    assert_refused(
        &launch.fail().await,
        &["development.yaml", "NO_SUCH_VARIABLE"],
    );
    let node = launch.env("NO_SUCH_VARIABLE", "m").start().await;
    node.terminate().await;
}

#[tokio::test]
async fn flags_can_be_given_as_variables() {
    let launch = Launch::new().by_default();
    let node = launch
        .clone()
        .env("HOTBED_REGISTRY", "memory:")
        .env("HOTBED_RELOAD", "polling")
        .env("HOTBED_POLL_INTERVAL", "250ms")
        .env("HOTBED_ADMISSION", "strict")
        .start()
        .await;
    let health = node.health().await;
    assert_eq!(health["registry"]["location"], "memory:");
    assert_eq!(health["registry"]["admission"], "strict");
    assert_eq!(health["bus"]["mode"], "polling");
    node.terminate().await;

    let wrong = launch.env("HOTBED_POLL_INTERVAL", "1ns").fail().await;
    assert_eq!(wrong.code, Some(64), "{wrong:?}");
}

/// Caught: a server that is ready before it knows where its registry stands.
#[tokio::test]
async fn a_server_that_is_ready_knows_where_its_registry_stands() {
    let launch = Launch::new();
    let node = launch.start().await;
    node.put_bot("b", "p").await;
    node.terminate().await;
    // So many that reading them takes a while.
    let count = 50_000;
    register_copies(&launch, count).await;
    let node = launch.start().await;
    let freshness = node.health().await["freshness"].clone();
    assert_eq!(
        (&freshness["revision"], &freshness["stale"]),
        (&count.into(), &false.into())
    );
    node.terminate().await;
}

/// Makes copies of the one registration, in the file of its registry, until there are so many.
async fn register_copies(launch: &Launch, count: u64) {
    let url = format!("sqlite:{}", launch.registry().display());
    let mut file = SqliteConnection::connect(&url).await.unwrap();
    let copies = format!(
        "WITH RECURSIVE copies(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM copies WHERE n < {count})
         INSERT INTO registrations SELECT collection, 'copy-' || n, n, version, status, created_at, updated_at,
             last_accessed_at, metadata, config FROM registrations, copies WHERE id = 'b';
         UPDATE collections SET head = {count};
         DELETE FROM changes"
    );
    sqlx::raw_sql(AssertSqlSafe(copies))
        .execute(&mut file)
        .await
        .unwrap();
    file.close().await.unwrap();
}

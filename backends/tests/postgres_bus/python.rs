//! The event bus of the published Python package on the same database.

use crate::{SOON, bus, hears, subscribe, topic};
use hotbed_registry::{Announcement, announcement};
use hotbed_registry::{Change, ChangeKind, Id, Revision, event_from_change};
use hotbed_testkit::{Database, PostgresServer};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// Python starts slowly where much else runs.
const PATIENCE: Duration = Duration::from_mins(1);

fn python(version: &str, database: &Database, what: &[&str]) -> Command {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python: PathBuf = here.join(format!("../target/python/dataknobs-{version}/bin/python"));
    assert!(
        python.exists(),
        "{} is missing: run cargo xtask python",
        python.display()
    );
    let mut command = Command::new(python);
    command
        .arg(here.join("tests/postgres_bus/event_bus.py"))
        .arg(database.tcp_url())
        .args(what)
        .kill_on_drop(true);
    command
}

/// Who listens there.
struct Listener {
    said: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Listener {
    async fn start(version: &str, database: &Database, topic: &str) -> Self {
        let mut process = python(version, database, &["hear", topic])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut listener = Self {
            said,
            _process: process,
        };
        assert_eq!(listener.line(PATIENCE).await, "listening");
        listener
    }

    async fn line(&mut self, patience: Duration) -> String {
        let line = timeout(patience, self.said.next_line()).await.unwrap();
        line.unwrap().unwrap()
    }
}

async fn hear_each_other(version: &str) {
    let database = PostgresServer::shared().database();
    let bus = bus(&database.url());
    let mut heard = subscribe(&bus, topic("registry:instances")).await;
    let mut there = Listener::start(version, &database, "registry:instances").await;

    let change = Change {
        id: Id::new("my-bot").unwrap(),
        revision: Revision(7),
        kind: ChangeKind::Updated,
        at: "2026-01-02T03:04:05.123456Z".parse().unwrap(),
    };
    let topics = ["registry:bots", "registry:instances"].map(topic);
    let sent = topics.map(|topic| event_from_change(&change, topic));
    bus.publish(&sent).await.unwrap();
    let told: Value = serde_json::from_str(&there.line(SOON).await).unwrap();
    assert_eq!(told["type"], "updated");
    assert_eq!(told["topic"], "registry:instances");
    assert_eq!(told["event_id"], sent[1].id.to_string());
    assert_eq!(told["timestamp"], "2026-01-02T03:04:05.123456+00:00");
    assert_eq!(told["payload"]["instance_id"], "my-bot");
    assert_eq!(told["payload"]["bot_id"], "my-bot");
    assert_eq!(told["payload"]["revision"], 7);
    // Our own echo.
    assert_eq!(hears(&mut heard).await.id, sent[1].id);

    let tell = ["tell", "registry:instances", "my-bot"];
    let ran = timeout(PATIENCE, python(version, &database, &tell).status()).await;
    assert!(ran.unwrap().unwrap().success());
    let event = hears(&mut heard).await;
    assert_eq!(event.topic, topic("registry:instances"));
    assert_eq!(
        announcement(&event),
        Some(Announcement::Invalidation(Id::new("my-bot").unwrap()))
    );
}

#[tokio::test]
async fn the_bus_of_python_0_6_9_and_ours_hear_each_other() {
    hear_each_other("0.6.9").await;
}

#[tokio::test]
async fn the_bus_of_python_0_13_1_and_ours_hear_each_other() {
    hear_each_other("0.13.1").await;
}

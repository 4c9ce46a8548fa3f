//! Many writers of one number, in two processes.

use crate::hotbed::{Hotbed, bots_of, store_at};
use hotbed_registry::{Draft, Error, Id, PortableConfig, Precondition, RegistryBackend};
use hotbed_testkit::sized;
use rand::RngExt as _;
use serde_json::json;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Writers in each of the two processes.
const WRITERS: u64 = 32;
/// Where a process is told the port and how many increments each writer is to do, in its working directory.
const ORDERS: &str = "orders";

fn counter() -> Id {
    Id::new("counter").unwrap()
}

fn sum(sum: u64) -> Draft {
    Draft::active(PortableConfig::from_value(json!({ "sum": sum })).unwrap())
}

/// Adds one so many times; each write is on what was read or written before.
async fn increment(it: &Arc<dyn RegistryBackend>, times: u64) {
    let read = async || it.get(&counter()).await.unwrap().unwrap();
    let (mut now, mut done, mut wait) = (read().await, 0, 1);
    while done < times {
        let next = now.config.get("sum").unwrap().as_u64().unwrap() + 1;
        let when = Precondition::At(now.revision);
        match it.put(&counter(), sum(next), when).await {
            Ok(written) => (now, done, wait) = (written, done + 1, 1),
            // So many at once would only ever be in each other's way.
            Err(Error::Conflict { .. }) => {
                let pause = rand::rng().random_range(0..wait);
                tokio::time::sleep(Duration::from_millis(pause)).await;
                wait = (wait * 2).min(1_024);
                now = read().await;
            }
            Err(other) => panic!("an increment is done or conflicts: {other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process that another test starts"]
async fn increments_in_another_process() {
    let orders = std::fs::read_to_string(ORDERS).unwrap();
    let (port, increments) = orders.split_once(' ').unwrap();
    let (port, increments) = (port.parse().unwrap(), increments.parse().unwrap());
    let it = bots_of(&store_at(port, "/api/v1", "").await).await;
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let it = Arc::clone(&it);
        writers.spawn(async move {
            increment(&it, increments).await;
        });
    }
    writers.join_all().await;
}

fn process(dir: &std::path::Path) -> Child {
    Command::new(std::env::current_exe().expect("a program"))
        .args([
            "--exact",
            "increments::increments_in_another_process",
            "--ignored",
            "--nocapture",
        ])
        .current_dir(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process")
}

async fn add_up(increments: u64) {
    let server = Hotbed::start().await;
    let it = server.bots().await;
    let absent = Precondition::Absent;
    it.put(&counter(), sum(0), absent).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let orders = format!("{} {increments}", server.port);
    std::fs::write(dir.path().join(ORDERS), orders).unwrap();
    let (began, all) = (Instant::now(), 2 * WRITERS * increments);
    let mut waiting = JoinSet::new();
    for child in [process(dir.path()), process(dir.path())] {
        waiting.spawn_blocking(move || child.wait_with_output().expect("a process"));
    }
    for output in waiting.join_all().await {
        let said = [output.stdout, output.stderr].concat();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&said)
        );
    }
    println!("{all} increments in {:?}", began.elapsed());
    let end = it.get(&counter()).await.unwrap().unwrap();
    assert_eq!(
        (end.config.get("sum"), end.version),
        (Some(&json!(all)), all + 1)
    );
    assert_eq!(end.revision.0, all + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn increments_of_two_processes_add_up() {
    add_up(sized(20, 1_000)).await;
}

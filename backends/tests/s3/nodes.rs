//! Several processes on one bucket, and processes that die in the middle of a write.

use crate::place::{Place, bots, draft, id, log, number, put, read};
use hotbed_backends::S3Options;
use hotbed_registry::{ChangeKind, Error, Precondition, RegistryBackend, Revision};
use hotbed_testkit::sized;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

/// Tasks in each of two processes, and increments of each task. Each increment needs the one before it to be read first,
/// so they take place one after another however many want to: see docs/adr/0008.
const TASKS: u64 = 32;

fn increments() -> u64 {
    sized(30, 1000)
}

/// A folder that tells a process where to write.
fn folder(place: &Place) -> TempDir {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    std::fs::write(folder.path().join("url"), place.url()).expect("a file can be written");
    folder
}

/// Runs one of the ignored tests below in a process of its own.
fn process(folder: &TempDir, test: &str) -> Child {
    Command::new(std::env::current_exe().expect("a program"))
        .args([
            "--exact",
            test,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process")
}

/// The bots of the process that one of the ignored tests is.
async fn ours() -> Arc<dyn RegistryBackend> {
    let url = std::fs::read_to_string("url").expect("it is told where");
    bots(&url, S3Options::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn increments_of_two_processes_add_up() {
    let place = Place::new();
    let node = place.bots().await;
    put(&node, "counter", 0).await.expect("a write");
    let folder = folder(&place);
    let mut waiting = JoinSet::new();
    for _ in 0..2 {
        let child = process(&folder, "nodes::increments_in_another_process");
        waiting.spawn_blocking(move || child.wait_with_output().expect("a process"));
    }
    for output in waiting.join_all().await {
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    let end = node
        .get(&id("counter"))
        .await
        .expect("an answer")
        .expect("a counter");
    let increments = 2 * TASKS * increments();
    assert_eq!(
        (number(&end), end.version, end.revision.0),
        (increments, increments + 1, increments + 1)
    );
    assert_eq!(log(&node).await.len() as u64, increments + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is one of the processes of increments_of_two_processes_add_up"]
async fn increments_in_another_process() {
    let bots = ours().await;
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let bots = Arc::clone(&bots);
        tasks.spawn(async move {
            for _ in 0..increments() {
                loop {
                    let now = bots.get(&id("counter")).await.unwrap().unwrap();
                    let next = draft(json!({"n": number(&now) + 1}));
                    match bots
                        .put(&id("counter"), next, Precondition::At(now.revision))
                        .await
                    {
                        Ok(_) => break,
                        Err(Error::Conflict { .. }) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_first_registrations_on_many_nodes_all_succeed_and_one_comes_first() {
    let place = Place::new();
    let mut nodes = Vec::new();
    for _ in 0..4 {
        nodes.push(place.bots().await);
    }
    for round in 0..20 {
        let mut all = JoinSet::new();
        for n in 0..32 {
            let node = Arc::clone(&nodes[n % nodes.len()]);
            all.spawn(async move {
                let wanted = draft(json!({ "n": n }));
                node.put(&id(&format!("bot-{round}")), wanted, Precondition::Any)
                    .await
            });
        }
        let mut versions: Vec<_> = all
            .join_all()
            .await
            .into_iter()
            .map(|written| written.expect("no error").version)
            .collect();
        versions.sort_unstable();
        assert_eq!(versions, (1..=32).collect::<Vec<_>>());
    }
    let created = log(&nodes[0]).await;
    let created = created.iter().filter(|it| it.kind == ChangeKind::Created);
    assert_eq!(created.count(), 20);
}

/// What a killed process said was done.
#[derive(Debug)]
struct Acknowledged {
    name: String,
    n: u64,
    revision: Revision,
}

fn acknowledged(line: &str) -> Option<Acknowledged> {
    let words: Vec<_> = line.split_once("ack ")?.1.split(' ').collect();
    let [name, n, revision] = words[..] else {
        return None;
    };
    Some(Acknowledged {
        name: name.to_owned(),
        n: n.parse().ok()?,
        revision: Revision(revision.parse().ok()?),
    })
}

/// Kills a process a moment after its first acknowledgement; answers all of them.
async fn killed(folder: &TempDir, after: Duration) -> Vec<Acknowledged> {
    let mut child = process(folder, "nodes::writes_until_it_is_killed");
    let said = BufReader::new(child.stdout.take().expect("it is piped"));
    let (first, begun) = oneshot::channel();
    let listening: JoinHandle<Vec<_>> = spawn_blocking(move || {
        let mut first = Some(first);
        let lines = said.lines().map_while(Result::ok);
        let heard = lines.filter_map(|line| acknowledged(&line)).inspect(|_| {
            if let Some(first) = first.take() {
                first.send(()).expect("somebody waits");
            }
        });
        heard.collect()
    });
    begun.await.expect("it writes something");
    tokio::time::sleep(after).await;
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    listening.await.expect("its words are heard")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_killed_lose_nothing_that_they_acknowledged() {
    let place = Place::new();
    let node = place.bots().await;
    let folder = folder(&place);
    let mut newest: BTreeMap<String, u64> = BTreeMap::new();
    let mut writes = 0;
    let kills = sized(30, 500);
    for round in 0..kills {
        let heard = killed(&folder, Duration::from_micros(round * 7919 % 40_000)).await;
        writes += heard.len() as u64;
        // Nobody waits for what the dead had begun.
        put(&node, "ours", round).await.expect("a write");
        let log = log(&node).await;
        for ack in heard {
            let told = &log[usize::try_from(ack.revision.0).expect("a small log") - 1];
            assert_eq!(told.id.as_str(), ack.name, "{ack:?}");
            let newest = newest.entry(ack.name).or_default();
            *newest = ack.n.max(*newest);
        }
        for (name, n) in &newest {
            let stored = read(&node, name).await;
            assert!(
                stored.is_some_and(|stored| stored >= *n),
                "{name}: {stored:?} after {n}"
            );
        }
    }
    assert!(writes > kills, "{writes}");
    let mut last = BTreeMap::new();
    for change in log(&place.bots().await).await {
        last.insert(change.id, change.revision);
    }
    let heads = node.heads(None, usize::MAX).await.expect("the heads");
    assert_eq!(heads, last.into_iter().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is killed by processes_that_are_killed_lose_nothing_that_they_acknowledged"]
async fn writes_until_it_is_killed() {
    let bots = ours().await;
    let mut tasks = JoinSet::new();
    for task in 0..4 {
        let bots = Arc::clone(&bots);
        tasks.spawn(async move {
            let name = format!("bot-{task}");
            let begin = read(&bots, &name).await.unwrap_or_default();
            for n in begin + 1.. {
                let revision = put(&bots, &name, n).await.unwrap();
                println!("ack {name} {n} {revision}");
            }
        });
    }
    tasks.join_all().await;
}

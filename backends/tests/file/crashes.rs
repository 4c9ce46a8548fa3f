//! Several processes on one directory, and processes that die in the middle of a write.

use crate::directory::{Directory, Opened, eventually, id, number, numbered};
use hotbed_registry::{
    Change, ChangeKind, ChangeNote, Changes, Draft, Error, PortableConfig, Precondition, Query,
    RegistryBackend, Revision,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

/// Processes that are killed.
const KILLS: u64 = 120;
/// Writers of each of two processes.
const WRITERS: u64 = 32;
/// The file that tells them how often to increment.
const INCREMENTS: &str = "increments";

/// Runs one of the ignored tests below in a process of its own, with the directory as its working directory.
fn process(directory: &Directory, test: &str) -> Child {
    Command::new(std::env::current_exe().expect("a program"))
        .args([
            "--exact",
            test,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .current_dir(&directory.path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a process")
}

async fn log(it: &Opened) -> Vec<Change> {
    let told = it
        .bots
        .changes(Revision::ZERO, usize::MAX)
        .await
        .expect("the log");
    let Changes::Log { changes, head } = told else {
        panic!("nothing is compacted")
    };
    let revisions: Vec<_> = changes.iter().map(|change| change.revision.0).collect();
    assert_eq!(
        revisions,
        (1..=head.0).collect::<Vec<_>>(),
        "no gap and no repeat"
    );
    changes
}

#[tokio::test]
async fn increments_of_two_processes_add_up() {
    let directory = Directory::new();
    add_up(&directory, 25).await;
}

#[tokio::test]
#[ignore = "takes minutes; the same on a smaller scale is increments_of_two_processes_add_up"]
async fn a_thousand_increments_of_64_writers_add_up() {
    let directory = Directory::new();
    add_up(&directory, 1_000).await;
}

/// Has two processes of many writers each register one id unconditionally and increment another, so often each, and
/// follows the log meanwhile.
async fn add_up(directory: &Directory, each: u64) {
    fs::write(directory.path.join(INCREMENTS), each.to_string()).expect("a file");
    let it = directory.open().await;
    let stored = it.put("counter", json!({"sum": 0})).await;
    stored.expect("it is stored");
    let children = [0, 1].map(|_| process(directory, "crashes::increments_in_another_process"));
    let mut waiting = JoinSet::new();
    for child in children {
        waiting.spawn_blocking(move || child.wait_with_output().expect("a process"));
    }
    let increments = 2 * WRITERS * each;
    // The counter, a sign of life of each process, and the registrations of the other id.
    let others = 1 + 2 + 2 * WRITERS;
    let follow = async {
        let mut seen = Revision(0);
        let mut kinds = Vec::new();
        while seen.0 < others + increments {
            let Changes::Log { changes, .. } = it.bots.changes(seen, 5).await.expect("the log")
            else {
                panic!("nothing is compacted")
            };
            if changes.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            for change in changes {
                assert_eq!(change.revision, seen.next());
                seen = change.revision;
                if change.id.as_str() == "first" {
                    kinds.push(change.kind);
                }
            }
        }
        kinds
    };
    let followed = tokio::time::timeout(Duration::from_mins(10), follow).await;
    for output in waiting.join_all().await {
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    let mut kinds = followed.expect("every write is told").into_iter();
    assert_eq!(kinds.next(), Some(ChangeKind::Created));
    assert!(kinds.all(|kind| kind == ChangeKind::Updated));
    let first = it.find("first").await.expect("it is registered");
    assert_eq!(first.version, 2 * WRITERS);
    let end = it.find("counter").await.expect("it is registered");
    assert_eq!(end.config.into_value(), json!({"sum": increments}));
    assert_eq!(end.version, increments + 1);
    assert_eq!(it.head().await, Revision(others + increments));
    assert_eq!(
        directory.read("counter.yaml"),
        format!("config:\n  sum: {increments}\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is one of the processes of increments_of_two_processes_add_up"]
async fn increments_in_another_process() {
    let each = fs::read_to_string(INCREMENTS).unwrap();
    let each: u64 = each.parse().unwrap();
    let it = Directory::at(&std::env::current_dir().unwrap())
        .open()
        .await;
    it.put(&format!("ready-{}", std::process::id()), json!({}))
        .await
        .unwrap();
    eventually("both processes are ready", async || {
        it.bots.heads(None, 10).await.unwrap().len() >= 3
    })
    .await;
    let mut tasks = JoinSet::new();
    for task in 0..WRITERS {
        let bots = it.bots.clone();
        tasks.spawn(async move {
            let draft = Draft::active(PortableConfig::from_value(number(task)).unwrap());
            let first = bots.put(&id("first"), draft, Precondition::Any).await;
            first.unwrap();
            for _ in 0..each {
                increment(&*bots).await;
            }
        });
    }
    tasks.join_all().await;
    it.store.close().await;
}

async fn increment(bots: &dyn RegistryBackend) {
    loop {
        let now = bots.get(&id("counter")).await.expect("a read is answered");
        let now = now.expect("it is registered");
        let sum = now.config.get("sum").and_then(Value::as_u64);
        let sum = sum.expect("a number") + 1;
        let next = PortableConfig::from_value(json!({ "sum": sum })).expect("a good config");
        let when = Precondition::At(now.revision);
        match bots.put(&id("counter"), Draft::active(next), when).await {
            Ok(_) => return,
            Err(Error::Conflict { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

/// What a killed process said was done.
#[derive(Debug)]
struct Acknowledged {
    name: String,
    n: u64,
    revision: Revision,
    deleted: bool,
}

fn acknowledged(line: &str) -> Option<Acknowledged> {
    let words: Vec<_> = line.split_once("ack ")?.1.split(' ').collect();
    let [name, n, revision, kind] = words[..] else {
        return None;
    };
    Some(Acknowledged {
        name: name.to_owned(),
        n: n.parse().ok()?,
        revision: Revision(revision.parse().ok()?),
        deleted: kind == "deleted",
    })
}

/// Kills a process a moment after its first acknowledgement; answers all of them.
async fn killed(directory: &Directory, after: Duration) -> Vec<Acknowledged> {
    let mut child = process(directory, "crashes::writes_until_it_is_killed");
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
    let directory = Directory::new();
    let it = directory.open().await;
    let mut numbers: BTreeMap<String, u64> = BTreeMap::new();
    let mut writes = 0;
    for round in 0..KILLS {
        let after = Duration::from_micros(round * 7919 % 40_000);
        let heard = killed(&directory, after).await;
        writes += heard.len();
        // One write of ours, and what the dead left is done.
        it.put("ours", number(round)).await.unwrap();
        // A restart now and then.
        let fresh = if round % 20 == 19 {
            Some(directory.open().await)
        } else {
            None
        };
        for it in std::iter::once(&it).chain(&fresh) {
            check(&directory, it, &heard).await;
        }
        for ack in heard {
            let newest = numbers.entry(ack.name).or_default();
            *newest = ack.n.max(*newest);
        }
    }
    directory.open().await;
    assert!(!directory.names().iter().any(|name| name.starts_with('.')));
    assert!(writes as u64 > KILLS, "{writes}");
    for (name, n) in numbers {
        let served = it.find(&name).await;
        let served = served.and_then(|it| it.config.get("n").and_then(Value::as_u64));
        // Deleted is every seventh, and then it begins with the next.
        assert!(
            served.is_none_or(|served| served >= n),
            "{name}: {served:?} after {n}"
        );
    }
}

/// Demands that log, registrations and files tell the same story, and all that was heard is in it.
async fn check(directory: &Directory, it: &Opened, heard: &[Acknowledged]) {
    let log = log(it).await;
    for ack in heard {
        let told = &log[usize::try_from(ack.revision.0).expect("a small log") - 1];
        assert_eq!(told.id.as_str(), ack.name, "{ack:?}");
        assert_eq!(told.kind == ChangeKind::Deleted, ack.deleted, "{ack:?}");
    }
    let mut last = BTreeMap::new();
    for change in log {
        last.insert(change.id.as_str().to_owned(), change);
    }
    last.retain(|_, change| change.kind != ChangeKind::Deleted);
    let listed = it
        .bots
        .list(&Query::default())
        .await
        .expect("a listing")
        .items;
    let stored: Vec<_> = listed
        .iter()
        .map(|it| (it.id.as_str().to_owned(), it.revision))
        .collect();
    let told: Vec<_> = last
        .iter()
        .map(|(name, change)| (name.clone(), change.revision))
        .collect();
    assert_eq!(stored, told);
    let files: Vec<_> = listed.iter().map(|it| format!("{}.yaml", it.id)).collect();
    let mut names = directory.names();
    // What was not decided may lie about until somebody tidies up.
    names.retain(|name| !name.starts_with('.'));
    assert_eq!(names, files);
    for registration in listed {
        let n = registration
            .config
            .get("n")
            .and_then(Value::as_u64)
            .expect("a number");
        assert_eq!(
            directory.read(&format!("{}.yaml", registration.id)),
            numbered(n)
        );
        let acks = heard
            .iter()
            .filter(|ack| ack.name == registration.id.as_str());
        assert!(acks.map(|ack| ack.n).max().is_none_or(|newest| n >= newest));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is killed by processes_that_are_killed_lose_nothing_that_they_acknowledged"]
async fn writes_until_it_is_killed() {
    let it = Directory::at(&std::env::current_dir().unwrap())
        .open()
        .await;
    let mut tasks = JoinSet::new();
    for task in 0..4 {
        let bots = it.bots.clone();
        tasks.spawn(async move {
            let name = format!("bot-{task}");
            let stored = bots.get(&id(&name)).await.unwrap();
            let begin = stored.and_then(|it| it.config.get("n").and_then(Value::as_u64));
            let head = bots.head().await.unwrap().0;
            // Above all that was ever acknowledged, also when it is deleted at the moment.
            for n in begin.unwrap_or_default().max(head) + 1.. {
                if n % 7 == 0 {
                    if let Ok(revision) = bots
                        .delete(&id(&name), Precondition::Any, &ChangeNote::NONE)
                        .await
                    {
                        println!("ack {name} {n} {revision} deleted");
                    }
                } else {
                    let draft = Draft::active(PortableConfig::from_value(number(n)).unwrap());
                    let stored = bots
                        .put(&id(&name), draft, Precondition::Any)
                        .await
                        .unwrap();
                    println!("ack {name} {n} {} stored", stored.revision);
                }
            }
        });
    }
    tasks.join_all().await;
}

/// A directory whose last write was decided and not done: the journal lacks its last line, and the file is as before.
async fn undone(last: impl AsyncFnOnce(&Opened)) -> Directory {
    let directory = Directory::new();
    let it = directory.open().await;
    directory.write("a.yaml", "# mine\nconfig:\n  n: 1\n");
    it.serves("a", number(1)).await;
    last(&it).await;
    it.store.close().await;
    let journal = directory.path.join(".hotbed/bots/journal");
    let text = fs::read_to_string(&journal).expect("a journal");
    let cut = text.trim_end().rfind('\n').expect("several lines") + 1;
    assert!(text[cut..].ends_with(" \"Done\"\n"), "{}", &text[cut..]);
    fs::write(&journal, &text[..cut]).expect("a journal");
    directory.write("a.yaml", "# mine\nconfig:\n  n: 1\n");
    directory
}

async fn put_two(it: &Opened) {
    it.put("a", number(2)).await.expect("it is written");
}

#[tokio::test]
async fn a_write_that_was_decided_is_done_by_the_next() {
    for staged in [true, false] {
        let directory = undone(put_two).await;
        let revision = {
            let journal = fs::read_to_string(directory.path.join(".hotbed/bots/journal")).unwrap();
            let mark = journal.rsplit_once("\"mark\":").unwrap().1;
            mark.split(',').next().unwrap().to_owned()
        };
        if staged {
            directory.write(
                &format!(".hotbed-{revision}.tmp"),
                "# mine\nconfig:\n  n: 2\n",
            );
        }
        directory.write(".hotbed-99.tmp", "left by another");
        let it = directory.open().await;
        assert_eq!(directory.names(), ["a.yaml"]);
        assert_eq!(directory.read("a.yaml"), "# mine\nconfig:\n  n: 2\n");
        assert_eq!(it.config("a").await, Some(number(2)));
        assert_eq!(it.told().await, ["a:created", "a:updated"]);
    }
}

#[tokio::test]
async fn a_deletion_that_was_decided_is_done_by_the_next() {
    let directory = undone(async |it| {
        it.bots
            .delete(&id("a"), Precondition::Any, &ChangeNote::NONE)
            .await
            .unwrap();
    })
    .await;
    let it = directory.open().await;
    assert_eq!(directory.names(), [""; 0]);
    assert_eq!(it.told().await, ["a:created", "a:deleted"]);
}

#[tokio::test]
async fn whoever_edited_the_file_since_has_the_last_word() {
    let directory = undone(put_two).await;
    directory.write("a.yaml", &numbered(3));
    let it = directory.open().await;
    assert_eq!(directory.read("a.yaml"), numbered(3));
    assert_eq!(it.config("a").await, Some(number(3)));
    assert_eq!(it.told().await, ["a:created", "a:updated", "a:updated"]);
}

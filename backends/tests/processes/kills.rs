//! What was acknowledged survives the death of the process that wrote it, and nothing else appears.

use crate::another::{another_process, as_another_process};
use crate::place::{Place, config, id, open};
use hotbed_registry::{
    Change, ChangeKind, ChangeNote, Changes, Draft, Precondition, Query, Registration,
    RegistryBackend, Revision,
};
use hotbed_testkit::sized;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

/// Writers of the process that is killed, each with an id of its own.
const WRITERS: u64 = 4;
/// The longest that it lives on after its first acknowledgement.
const LONGEST: Duration = Duration::from_millis(40);

/// What a killed process said was done.
#[derive(Debug, Clone, PartialEq)]
struct Acknowledged {
    name: String,
    n: u64,
    revision: Revision,
    deletes: bool,
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
        deletes: kind == "deleted",
    })
}

/// What the write number `n` stores: all of it follows from the number, so that parts of two do not fit together.
fn value(n: u64) -> Value {
    let times = usize::try_from(n % 300).expect("a small number");
    json!({"n": n, "text": format!("{n} ").repeat(times)})
}

/// Starts a process that writes, kills it a moment after its first acknowledgement, and answers all of them.
async fn killed(url: &str, from: u64, after: Duration) -> Vec<Acknowledged> {
    let mut child = another_process("kills::writes_until_it_is_killed", url, &from.to_string());
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

/// What the log has told so far.
#[derive(Default)]
struct Story {
    head: Revision,
    /// The last that happened to each id.
    last: BTreeMap<String, Change>,
}

impl Story {
    /// Reads on, and demands that every acknowledged write is told and stored, whole, and the log has no gap.
    async fn check(&mut self, bots: &dyn RegistryBackend, heard: Vec<Acknowledged>) {
        let mut heard: BTreeMap<Revision, Acknowledged> =
            heard.into_iter().map(|ack| (ack.revision, ack)).collect();
        let mut exact = BTreeMap::new();
        loop {
            let told = bots.changes(self.head, 1000).await.expect("the log");
            let Changes::Log { changes, head } = told else {
                panic!("nothing was compacted")
            };
            for change in changes {
                assert_eq!(change.revision, self.head.next(), "a gap or a repeat");
                self.head = change.revision;
                let name = change.id.as_str().to_owned();
                exact.remove(&name);
                if let Some(ack) = heard.remove(&change.revision) {
                    let deletes = change.kind == ChangeKind::Deleted;
                    assert_eq!((&ack.name, ack.deletes), (&name, deletes), "{ack:?}");
                    exact.insert(name.clone(), ack.n);
                }
                self.last.insert(name, change);
            }
            if self.head < head {
                continue;
            }
            let listed = bots.list(&Query::default()).await.expect("a listing");
            // A server may yet do what a process asked of it that is dead by now.
            if bots.head().await.expect("a head") == self.head {
                assert!(heard.is_empty(), "lost: {heard:?}");
                return self.is_stored(listed.items, &exact);
            }
        }
    }

    /// Demands that what is stored is what was told, and of each id in `exact` that write.
    fn is_stored(&self, listed: Vec<Registration>, exact: &BTreeMap<String, u64>) {
        let told = self
            .last
            .iter()
            .filter(|(_, last)| last.kind != ChangeKind::Deleted);
        let told: Vec<_> = told
            .map(|(name, last)| (name.clone(), last.revision))
            .collect();
        let stored: Vec<_> = listed
            .iter()
            .map(|it| (it.id.as_str().to_owned(), it.revision))
            .collect();
        assert_eq!(stored, told);
        for it in listed {
            let n = it
                .config
                .get("n")
                .and_then(Value::as_u64)
                .expect("a number");
            assert!(
                exact.get(it.id.as_str()).is_none_or(|exact| *exact == n),
                "{} is {n}",
                it.id
            );
            assert_eq!(it.config.into_value(), value(n), "half of {n}");
        }
    }
}

async fn kill_again_and_again(place: Place, kills: u64) {
    let (store, bots) = open(&place.url).await;
    let mut told = Story::default();
    for round in 0..kills {
        let after = LONGEST.mul_f64(rand::random());
        let heard = killed(&place.url, round * 1_000_000, after).await;
        told.check(&*bots, heard).await;
    }
    store.close().await;
    let (store, bots) = open(&place.url).await;
    Story::default().check(&*bots, Vec::new()).await;
    assert!(
        told.head.0 > kills,
        "{} writes are too few to show anything",
        told.head
    );
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is the process that the others kill"]
async fn writes_until_it_is_killed() {
    let (url, from) = as_another_process();
    let from: u64 = from.parse().expect("a number");
    let (_store, bots) = open(&url).await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let bots = Arc::clone(&bots);
        writers.spawn(async move {
            let name = format!("bot-{writer}");
            for n in from.. {
                // What stands there it cannot know: the server may still be at what its predecessor asked for.
                if n % 7 == 6 {
                    let deleted = bots
                        .delete(&id(&name), Precondition::Any, &ChangeNote::NONE)
                        .await;
                    if let Ok(revision) = deleted {
                        println!("ack {name} {n} {revision} deleted");
                    }
                } else {
                    let draft = Draft::active(config(value(n)));
                    let put = bots.put(&id(&name), draft, Precondition::Any).await;
                    let revision = put.expect("a write").revision;
                    println!("ack {name} {n} {revision} stored");
                }
            }
        });
    }
    writers.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_that_it_acknowledged_on_sqlite() {
    kill_again_and_again(Place::sqlite(), sized(30, 300)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_that_it_acknowledged_on_postgres() {
    kill_again_and_again(Place::postgres(), sized(30, 300)).await;
}

//! Conditional writes of two processes lose nothing.

use crate::another::{another_process, as_another_process};
use crate::place::{Place, config, id, open};
use hotbed_registry::{ChangeKind, Changes, Draft, Error, Precondition, RegistryBackend, Revision};
use hotbed_testkit::sized;
use rand::RngExt;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Processes.
const PROCESSES: u64 = 2;
/// Writers of each.
const WRITERS: u64 = 32;

/// 64 writers of two processes, each with its increments, and before that a registration of one id by all of them.
async fn add_up(place: Place, each: u64) {
    let (store, bots) = open(&place.url).await;
    bots.put(
        &id("counter"),
        Draft::active(config(json!({"sum": 0}))),
        Precondition::Absent,
    )
    .await
    .expect("a first write");
    let mut children = JoinSet::new();
    for _ in 0..PROCESSES {
        let child = another_process(
            "increments::a_process_of_writers",
            &place.url,
            &each.to_string(),
        );
        children.spawn_blocking(move || child.wait_with_output().expect("a process"));
    }
    for output in children.join_all().await {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
    let counter = bots
        .get(&id("counter"))
        .await
        .expect("a read")
        .expect("a counter");
    let increments = PROCESSES * WRITERS * each;
    assert_eq!(counter.config.into_value(), json!({"sum": increments}));
    assert_eq!(counter.version, increments + 1);

    let first = bots
        .get(&id("first"))
        .await
        .expect("a read")
        .expect("a registration");
    assert_eq!(first.version, PROCESSES * WRITERS);
    let kinds = kinds_of(&*bots, "first").await;
    let created = kinds.iter().filter(|kind| **kind == ChangeKind::Created);
    assert_eq!(
        (created.count(), kinds.len() as u64),
        (1, PROCESSES * WRITERS)
    );
    store.close().await;
}

async fn kinds_of(bots: &dyn RegistryBackend, name: &str) -> Vec<ChangeKind> {
    let told = bots
        .changes(Revision::ZERO, usize::MAX)
        .await
        .expect("the log");
    let Changes::Log { changes, head } = told else {
        panic!("nothing was compacted")
    };
    let revisions = changes.iter().map(|change| change.revision.0);
    assert!(revisions.eq(1..=head.0), "no gap and no repeat");
    let of_it = changes.iter().filter(|change| change.id.as_str() == name);
    of_it.map(|change| change.kind).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is one of the processes of the others"]
async fn a_process_of_writers() {
    let (url, each) = as_another_process();
    let each: u64 = each.parse().expect("a number");
    let (store, bots) = open(&url).await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let bots = Arc::clone(&bots);
        writers.spawn(async move {
            let first = Draft::active(config(json!({"writer": writer})));
            bots.put(&id("first"), first, Precondition::Any)
                .await
                .expect("a registration");
            for _ in 0..each {
                increment(&*bots).await;
            }
        });
    }
    writers.join_all().await;
    store.close().await;
}

/// Adds one. Whoever comes second waits a little, the longer the more often that happens, as any such client should.
async fn increment(bots: &dyn RegistryBackend) {
    let mut longest = Duration::from_millis(1);
    loop {
        let now = bots
            .get(&id("counter"))
            .await
            .expect("a read")
            .expect("a counter");
        let sum = now
            .config
            .get("sum")
            .and_then(Value::as_u64)
            .expect("a number");
        let next = Draft::active(config(json!({"sum": sum + 1})));
        match bots
            .put(&id("counter"), next, Precondition::At(now.revision))
            .await
        {
            Ok(_) => return,
            Err(Error::Conflict { .. }) => {}
            Err(other) => panic!("{other}"),
        }
        let wait = longest.mul_f64(rand::rng().random());
        tokio::time::sleep(wait).await;
        longest = (longest * 2).min(Duration::from_millis(256));
    }
}

#[tokio::test]
async fn increments_of_two_processes_add_up_on_sqlite() {
    add_up(Place::sqlite(), sized(40, 1000)).await;
}

#[tokio::test]
async fn increments_of_two_processes_add_up_on_postgres() {
    add_up(Place::postgres(), sized(40, 1000)).await;
}

#[tokio::test]
async fn increments_of_two_processes_add_up_in_files() {
    add_up(Place::file(), sized(15, 1000)).await;
}

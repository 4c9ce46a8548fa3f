//! A way to the store that fails: every write succeeds or fails, and none does both.

use crate::place::{Place, bots, draft, id, log, number, parse, put, read};
use hotbed_backends::{S3Options, S3Store};
use hotbed_registry::{
    ChangeKind, Error, HistoryRetention, Past, Precondition, Query, RegistryBackend, Retention,
    Revision,
};
use hotbed_testkit::{FaultProxy, NetworkFault};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const SHORT: S3Options = S3Options {
    patience: Duration::from_secs(1),
};
/// What is promised to take twice [`SHORT`] time at most, on a busy machine.
const SOON: Duration = Duration::from_secs(10);
const UNKNOWN: &str = "whether it was done is not known, for it went wrong during the commit";

/// A node behind a proxy, and one that has a good way.
async fn nodes(
    place: &Place,
) -> (
    FaultProxy,
    Arc<dyn RegistryBackend>,
    Arc<dyn RegistryBackend>,
) {
    let proxy = FaultProxy::to(place.bucket.port());
    let node = bots(&place.url_through(proxy.port()), SHORT).await;
    (proxy, node, place.bots().await)
}

/// What a request begins with that replaces the index.
fn replacing(place: &Place) -> Vec<u8> {
    format!("PUT /{}/{}/bots/index ", place.bucket.name(), place.prefix).into()
}

fn writing(place: &Place) -> Vec<u8> {
    format!(
        "PUT /{}/{}/bots/versions/",
        place.bucket.name(),
        place.prefix
    )
    .into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_answer_is_lost_is_done_once_and_acknowledged() {
    let place = Place::new();
    let (proxy, node, direct) = nodes(&place).await;
    put(&node, "a", 0).await.expect("a write");
    let index = replacing(&place);
    let faults = [
        NetworkFault::CutInsteadOfAnswer(index.clone()),
        NetworkFault::ResetInsteadOfAnswer(index.clone()),
        NetworkFault::SilenceInsteadOfAnswer(index),
    ];
    for (n, fault) in (1..).zip(faults.iter().cycle().take(6)) {
        proxy.set(fault.clone());
        let heal = async {
            while direct.head().await.expect("a head") < Revision(2 * n) {
                sleep(Duration::from_millis(1)).await;
            }
            // Then somebody else writes before the first learns of his luck.
            put(&direct, "b", n).await.expect("a write");
            proxy.set(NetworkFault::None);
        };
        let (written, ()) = tokio::join!(put(&node, "a", n), heal);
        assert_eq!(written.expect("it was done"), Revision(2 * n), "{fault:?}");
        assert_eq!(read(&direct, "a").await, Some(n));
    }
    let kinds: Vec<_> = log(&direct)
        .await
        .iter()
        .map(|it| it.id.to_string())
        .collect();
    let expected = std::iter::once("a")
        .chain(["a", "b"].into_iter().cycle())
        .take(13);
    assert_eq!(kinds, expected.collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_broke_during_the_commit_is_said_to_be_unknown_and_what_broke_before_is_not_done() {
    let place = Place::new();
    let (proxy, node, direct) = nodes(&place).await;
    put(&node, "a", 1).await.expect("a write");
    let (index, version) = (replacing(&place), writing(&place));
    for (fault, stored, known) in [
        (NetworkFault::CutBefore(index.clone()), 1, false),
        (NetworkFault::ResetBefore(index.clone()), 1, false),
        (NetworkFault::CutInsteadOfAnswer(index.clone()), 2, false),
        (NetworkFault::ResetInsteadOfAnswer(index.clone()), 2, false),
        (NetworkFault::SilenceInsteadOfAnswer(index), 2, false),
        (NetworkFault::CutBefore(version.clone()), 2, true),
        (NetworkFault::ResetBefore(version.clone()), 2, true),
        (NetworkFault::CutInsteadOfAnswer(version), 2, true),
    ] {
        proxy.set(fault.clone());
        let begun = Instant::now();
        let written = tokio::join!(put(&node, "a", 2), put(&node, "a", 2));
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        let refused = [written.0, written.1].map(|it| it.expect_err("a refusal").to_string());
        // One that came while the other was under way was not tried.
        let unknown = refused.iter().any(|it| it.contains(UNKNOWN));
        assert_eq!(!unknown, known, "{fault:?}: {refused:?}");
        assert_eq!(read(&direct, "a").await, Some(stored), "{fault:?}");
        proxy.set(NetworkFault::None);
        assert_eq!(read(&node, "a").await, Some(stored));
    }
    put(&node, "a", 3).await.expect("a write");
    log(&direct).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_falls_silent_is_given_up_in_time_and_used_again() {
    let place = Place::new();
    let (proxy, node, _) = nodes(&place).await;
    put(&node, "a", 1).await.expect("a write");
    proxy.set(NetworkFault::Silence);
    let url = parse(&place.url_through(proxy.port()));
    let (a, all) = (id("a"), Query::default());
    let begun = Instant::now();
    let (opened, written, found, listed, head) = tokio::join!(
        S3Store::open(&url, SHORT),
        put(&node, "a", 2),
        node.get(&a),
        node.list(&all),
        node.head(),
    );
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    for error in [
        opened.err(),
        written.err(),
        found.err(),
        listed.err(),
        head.err(),
    ] {
        let error = error.expect("a refusal").to_string();
        assert!(error.contains("has not answered for"), "{error}");
    }
    proxy.set(NetworkFault::None);
    assert_eq!(read(&node, "a").await, Some(1));
    put(&node, "a", 3).await.expect("a write");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_way_is_only_slow() {
    let place = Place::new();
    let (proxy, node, direct) = nodes(&place).await;
    proxy.set(NetworkFault::Delay(Duration::from_millis(100)));
    for n in 0..3 {
        put(&node, "a", n).await.expect("a write");
        assert_eq!(read(&node, "a").await, Some(n));
        put(&direct, "b", n).await.expect("a write");
        assert_eq!(read(&node, "b").await, Some(n));
    }
}

/// What a writer was told of a number that it wrote.
#[derive(Debug)]
enum Told {
    Done(Revision),
    NotDone,
    Unknown,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_on_the_way_no_write_both_fails_and_succeeds() {
    const WRITERS: u64 = 6;
    let place = Place::new();
    let (proxy, node, direct) = nodes(&place).await;
    let until = Instant::now() + Duration::from_secs(20);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        // One of them has a good way, and competes.
        let node = Arc::clone(if writer == 0 { &direct } else { &node });
        writers.spawn(async move {
            let mut told = Vec::new();
            for n in (0..).map(|n| n * WRITERS + writer) {
                if Instant::now() > until {
                    break;
                }
                let wanted = draft(json!({ "n": n }));
                let name = id(&format!("bot-{}", n % 3));
                let outcome = match node.put(&name, wanted, Precondition::Any).await {
                    Ok(written) => Told::Done(written.revision),
                    Err(error) if error.to_string().contains(UNKNOWN) => Told::Unknown,
                    Err(Error::Unavailable { .. }) => Told::NotDone,
                    Err(other) => panic!("{other}"),
                };
                told.push((n, outcome));
            }
            told
        });
    }
    let (index, version) = (replacing(&place), writing(&place));
    let faults = [
        NetworkFault::CutInsteadOfAnswer(index.clone()),
        NetworkFault::CutBefore(index.clone()),
        NetworkFault::ResetInsteadOfAnswer(index.clone()),
        NetworkFault::ResetBefore(index.clone()),
        NetworkFault::SilenceInsteadOfAnswer(index),
        NetworkFault::CutBefore(version),
        NetworkFault::CutInsteadOfAnswer(b"GET /".to_vec()),
        NetworkFault::Silence,
        NetworkFault::Delay(Duration::from_millis(20)),
    ];
    for (n, fault) in faults.iter().cycle().enumerate() {
        if Instant::now() > until {
            break;
        }
        proxy.set(fault.clone());
        // Some shorter and some longer than what it takes to give up.
        sleep(Duration::from_millis([30, 200, 1500][n % 3])).await;
        proxy.set(NetworkFault::None);
        sleep(Duration::from_millis(100)).await;
    }
    proxy.set(NetworkFault::None);
    let told: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    let forever = Retention {
        history: HistoryRetention {
            versions: u32::MAX,
            age: Duration::MAX,
        },
        ..Retention::default()
    };
    direct.compact(forever).await.expect("a compaction");
    // What the store has done, by the number that was written.
    let mut done = BTreeMap::new();
    for name in ["bot-0", "bot-1", "bot-2"] {
        for past in direct
            .history(&id(name), None, usize::MAX)
            .await
            .expect("a past")
        {
            if let Past::Written(it) = past {
                assert_eq!(
                    done.insert(number(&it), it.revision),
                    None,
                    "{it:?} is there twice"
                );
            }
        }
    }
    let log = log(&direct).await;
    assert_eq!(log.len(), done.len());
    assert!(log.iter().all(|it| it.kind != ChangeKind::Deleted));
    let mut counts = [0; 3];
    for (n, outcome) in &told {
        match (outcome, done.get(n)) {
            (Told::Done(revision), found) => {
                counts[0] += 1;
                assert_eq!(found, Some(revision), "{n} was acknowledged");
            }
            (Told::NotDone, found) => {
                counts[1] += 1;
                assert_eq!(found, None, "{n} was refused");
            }
            (Told::Unknown, _) => counts[2] += 1,
        }
    }
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    println!("{counts:?} were done, not done and unknown");
}

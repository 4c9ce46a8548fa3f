//! A bad way to another hotbed: a write fails clearly or succeeds, never both.

use crate::hotbed::{Hotbed, bots_of, store_at};
use hotbed_registry::{
    ChangeNote, Draft, Error, Id, PortableConfig, Precondition, Registration, RegistryBackend,
    Revision,
};
use hotbed_testkit::{FaultProxy, NetworkFault};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

const DEADLINE: Duration = Duration::from_secs(30);

struct Way {
    server: Hotbed,
    proxy: Arc<FaultProxy>,
    it: Arc<dyn RegistryBackend>,
}

async fn way(options: &str) -> Way {
    let server = Hotbed::start().await;
    let proxy = Arc::new(FaultProxy::to(server.port));
    let it = bots_of(&store_at(proxy.port(), "/api/v1", options).await).await;
    Way { server, proxy, it }
}

fn id(name: &str) -> Id {
    Id::new(name).unwrap()
}

fn numbered(n: u64) -> Draft {
    Draft::active(PortableConfig::from_value(json!({ "n": n })).unwrap())
}

fn number(of: &Registration) -> u64 {
    of.config.get("n").unwrap().as_u64().unwrap()
}

fn is_unknown(error: &Error) -> bool {
    error
        .to_string()
        .contains("whether it was done is not known")
}

/// Reads until the way is good again.
async fn healed(it: &Arc<dyn RegistryBackend>) {
    let reading = async {
        while it.head().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, reading)
        .await
        .expect("the way is good again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_was_lost_is_recognised_and_done_once() {
    let Way { server, proxy, it } = way("").await;
    let mut at = it
        .put(&id("a"), numbered(0), Precondition::Any)
        .await
        .unwrap();
    for n in 1..20 {
        let put = b"PUT ".to_vec();
        proxy.set(if n % 3 == 0 {
            NetworkFault::ResetInsteadOfAnswer(put)
        } else {
            NetworkFault::CutInsteadOfAnswer(put)
        });
        let (behind, healing, before) =
            (Arc::clone(&server.behind), Arc::clone(&proxy), at.revision);
        let heal = async move {
            while behind.head().await.unwrap() == before {
                tokio::task::yield_now().await;
            }
            healing.set(NetworkFault::None);
        };
        let when = if n % 2 == 0 {
            Precondition::Any
        } else {
            Precondition::At(at.revision)
        };
        let a = id("a");
        let (written, ()) = tokio::join!(it.put(&a, numbered(n), when), heal);
        let written = written.expect("it is sent again under its name");
        assert_eq!(
            (written.revision, written.version, number(&written)),
            (at.revision.next(), n + 1, n)
        );
        at = written;
    }
    proxy.set(NetworkFault::CutInsteadOfAnswer(b"DELETE ".to_vec()));
    let (behind, before) = (Arc::clone(&server.behind), at.revision);
    let heal = async move {
        while behind.head().await.unwrap() == before {
            tokio::task::yield_now().await;
        }
        proxy.set(NetworkFault::None);
    };
    let a = id("a");
    let (deleted, ()) = tokio::join!(
        it.delete(&a, Precondition::At(at.revision), &ChangeNote::NONE),
        heal
    );
    assert_eq!(deleted.unwrap(), at.revision.next());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_never_arrives_is_not_done_and_says_that_nobody_knows() {
    let Way { server, proxy, it } = way("timeout=2").await;
    let at = it
        .put(&id("a"), numbered(0), Precondition::Any)
        .await
        .unwrap();
    let put = b"PUT ".to_vec();
    for fault in [
        NetworkFault::CutBefore(put.clone()),
        NetworkFault::ResetBefore(put),
    ] {
        proxy.set(fault);
        let refused = it
            .put(&id("a"), numbered(1), Precondition::At(at.revision))
            .await
            .unwrap_err();
        assert!(is_unknown(&refused), "{refused}");
        proxy.set(NetworkFault::None);
        healed(&it).await;
        assert_eq!(it.get(&id("a")).await.unwrap(), Some(at.clone()));
        assert_eq!(server.behind.head().await.unwrap(), at.revision);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answers_are_all_lost_is_done_at_most_once() {
    let Way { server, proxy, it } = way("timeout=2").await;
    let at = it
        .put(&id("a"), numbered(0), Precondition::Any)
        .await
        .unwrap();
    proxy.set(NetworkFault::CutInsteadOfAnswer(b"PUT ".to_vec()));
    for when in [Precondition::Any, Precondition::Present] {
        let before = server.behind.head().await.unwrap();
        let refused = it.put(&id("a"), numbered(1), when).await.unwrap_err();
        assert!(is_unknown(&refused), "{refused}");
        assert!(server.behind.head().await.unwrap() <= before.next());
    }
    proxy.set(NetworkFault::None);
    healed(&it).await;
    let there = it.get(&id("a")).await.unwrap().unwrap();
    assert_eq!(there.version, there.revision.0);
    assert!(there.revision > at.revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_only_half_there_ends_in_time() {
    let Way {
        proxy,
        it,
        server: _server,
    } = way("timeout=1").await;
    let at = it
        .put(&id("a"), numbered(0), Precondition::Any)
        .await
        .unwrap();
    proxy.set(NetworkFault::Silence);
    let began = Instant::now();
    let refused = it.get(&id("a")).await.unwrap_err();
    assert!(
        refused.to_string().contains("has not answered within 1s"),
        "{refused}"
    );
    let refused = it
        .put(&id("a"), numbered(1), Precondition::At(at.revision))
        .await
        .unwrap_err();
    assert!(is_unknown(&refused), "{refused}");
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    proxy.set(NetworkFault::None);
    healed(&it).await;
    assert_eq!(it.get(&id("a")).await.unwrap(), Some(at));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_way_is_only_slow() {
    let Way {
        proxy,
        it,
        server: _server,
    } = way("").await;
    proxy.set(NetworkFault::Delay(Duration::from_millis(100)));
    let began = Instant::now();
    let written = it
        .put(&id("a"), numbered(0), Precondition::Absent)
        .await
        .unwrap();
    assert!(began.elapsed() >= Duration::from_millis(100));
    assert_eq!(it.get(&id("a")).await.unwrap(), Some(written));
}

/// Each writer has an id of its own, so it knows what must stand there after each outcome.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_storm_of_faults_every_outcome_is_true() {
    /// Acknowledged writes of each writer, at least: as many as it takes until a fault could not be hidden.
    const DONE: u64 = 25;
    let Way { server, proxy, it } = way("timeout=2").await;
    let is_felt = Arc::new(AtomicBool::new(false));
    let storm = {
        let proxy = Arc::clone(&proxy);
        async move {
            let faults = [
                (NetworkFault::CutInsteadOfAnswer(b"PUT ".to_vec()), 10),
                (NetworkFault::None, 100),
                (NetworkFault::CutBefore(b"PUT ".to_vec()), 10),
                (NetworkFault::None, 100),
                (NetworkFault::Delay(Duration::from_millis(5)), 50),
                (NetworkFault::CutBefore(b"GET ".to_vec()), 10),
                (NetworkFault::None, 100),
                (NetworkFault::ResetInsteadOfAnswer(b"PUT ".to_vec()), 10),
                (NetworkFault::None, 100),
                (NetworkFault::ResetBefore(b"PUT ".to_vec()), 10),
                (NetworkFault::None, 100),
                (NetworkFault::Silence, 5),
            ];
            for (fault, millis) in faults.into_iter().cycle() {
                proxy.set(fault);
                tokio::time::sleep(Duration::from_millis(millis)).await;
            }
        }
    };
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let (it, behind) = (Arc::clone(&it), Arc::clone(&server.behind));
        let is_felt = Arc::clone(&is_felt);
        writers.spawn(async move {
            let name = id(&format!("bot-{writer}"));
            let (mut n, mut done, mut unknown, mut refused) = (0, 0, 0, 0);
            while done < DONE || !is_felt.load(Ordering::Relaxed) {
                n += 1;
                let before = behind.get(&name).await.unwrap();
                let when = match &before {
                    Some(before) => Precondition::At(before.revision),
                    None => Precondition::Absent,
                };
                let outcome = it.put(&name, numbered(n), when).await;
                let after = behind.get(&name).await.unwrap();
                match outcome {
                    Ok(written) => {
                        assert_eq!(Some(written), after, "what is acknowledged is there");
                        done += 1;
                    }
                    Err(error) if is_unknown(&error) => {
                        if after != before {
                            assert_eq!(after.map(|after| number(&after)), Some(n));
                        }
                        unknown += 1;
                        is_felt.store(true, Ordering::Relaxed);
                        // An attempt may still be on its way: let it arrive.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    Err(Error::Unavailable { .. }) => {
                        assert_eq!(after, before, "what was not done is not there");
                        refused += 1;
                        is_felt.store(true, Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    Err(other) => panic!("nobody else writes here: {other}"),
                }
            }
            (done, unknown, refused)
        });
    }
    let outcomes = tokio::select! {
        outcomes = timeout(DEADLINE * 2, writers.join_all()) => outcomes.expect("the storm lets some through"),
        () = storm => unreachable!("it never ends"),
    };
    let (done, unknown, refused) = outcomes.iter().fold((0, 0, 0), |sum, it| {
        (sum.0 + it.0, sum.1 + it.1, sum.2 + it.2)
    });
    println!("{done} done, {unknown} unknown, {refused} refused");
    proxy.set(NetworkFault::None);
    healed(&it).await;
    let head = server.behind.head().await.unwrap();
    let mut versions = 0;
    for writer in 0..8 {
        let there = it.get(&id(&format!("bot-{writer}"))).await.unwrap();
        versions += there.map_or(0, |there| there.version);
    }
    assert_eq!(
        Revision(versions),
        head,
        "every revision is a write of somebody"
    );
    assert!((done..=done + unknown).contains(&versions));
}

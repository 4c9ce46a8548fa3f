//! What holds when many write at once.

use super::Fixture;
use super::subject::{Subject, conflict, id, numbered};
use crate::{Change, ChangeKind, ChangeNote, Changes, Error, Precondition, Registration, Revision};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::task::JoinSet;

/// Runs so many tasks at once, each with a handle of its own, and answers what they answered.
async fn at_once<R, Fut>(
    fixture: &dyn Fixture,
    tasks: usize,
    task: impl Fn(usize, Subject) -> Fut,
) -> Vec<R>
where
    R: Send + 'static,
    Fut: Future<Output = R> + Send + 'static,
{
    let mut handles = Vec::new();
    for _ in 0..tasks.min(4) {
        handles.push(Subject::open(fixture).await);
    }
    let mut running = JoinSet::new();
    for n in 0..tasks {
        running.spawn(task(n, handles[n % handles.len()].clone()));
    }
    running.join_all().await
}

/// The first registration of one id, demanded by many at once: who upserts by read, then write, fails here.
pub(super) async fn many_first_registrations_of_one_id_make_one_chain(fixture: &dyn Fixture) {
    let written = at_once(fixture, 32, async |n, it| {
        it.put(&id("bot"), numbered(n), Precondition::Any)
            .await
            .expect("an unconditional write is done")
    })
    .await;
    let versions: BTreeSet<u64> = written
        .iter()
        .map(|registration| registration.version)
        .collect();
    assert_eq!(versions, (1..=32).collect());
    assert!(
        written
            .iter()
            .all(|registration| registration.revision.0 == registration.version)
    );
    let last = written
        .into_iter()
        .max_by_key(|registration| registration.version);
    assert_eq!(Subject::open(fixture).await.find("bot").await, last);
}

pub(super) async fn of_many_creations_exactly_one_wins(fixture: &dyn Fixture) {
    let written = at_once(fixture, 32, async |n, it| {
        it.put(&id("bot"), numbered(n), Precondition::Absent).await
    })
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = written.into_iter().partition(Result::is_ok);
    let winner = won.into_iter().next().expect("one wins").expect("one wins");
    assert_eq!(lost.len(), 31);
    for refused in lost {
        assert_eq!(conflict(refused), (Precondition::Absent, Some(Revision(1))));
    }
    let it = Subject::open(fixture).await;
    assert_eq!(it.stored("bot").await, winner);
    assert_eq!(it.told().await, ["bot:created"]);
}

pub(super) async fn of_many_deletions_exactly_one_wins(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store("bot", json!({})).await;
    let deleted = at_once(fixture, 16, async |_, it| {
        it.delete(&id("bot"), Precondition::Any, &ChangeNote::NONE)
            .await
    })
    .await;
    let won: Vec<_> = deleted.into_iter().filter_map(Result::ok).collect();
    assert_eq!(won, [Revision(2)]);
    assert_eq!(it.told().await, ["bot:created", "bot:deleted"]);
}

fn counter(registration: &Registration) -> u64 {
    registration
        .config
        .as_map()
        .get("sum")
        .and_then(Value::as_u64)
        .expect("the counter holds a number")
}

pub(super) async fn conditional_increments_add_up(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    it.store("counter", json!({"sum": 0})).await;
    at_once(fixture, 16, async |_, it| {
        for _ in 0..50 {
            loop {
                let now = it.stored("counter").await;
                let next = super::subject::draft(json!({"sum": counter(&now) + 1}));
                match it
                    .put(&id("counter"), next, Precondition::At(now.revision))
                    .await
                {
                    Ok(_) => break,
                    Err(Error::Conflict { .. }) => {}
                    Err(other) => panic!("an increment is done or conflicts: {other}"),
                }
            }
        }
    })
    .await;
    let end = it.stored("counter").await;
    assert_eq!(
        (counter(&end), end.version, end.revision),
        (800, 801, Revision(801))
    );
}

pub(super) async fn writers_of_different_ids_get_different_revisions(fixture: &dyn Fixture) {
    let revisions = at_once(fixture, 16, async |n, it| {
        let mut revisions = Vec::new();
        for _ in 0..20 {
            revisions.push(it.store(&format!("bot-{n}"), json!({})).await.revision.0);
        }
        assert!(revisions.is_sorted_by(|a, b| a < b));
        revisions
    })
    .await;
    let revisions: BTreeSet<u64> = revisions.into_iter().flatten().collect();
    assert_eq!(revisions, (1..=320).collect());
}

/// Follows the log while others write. A revision that becomes visible after a larger one would be a gap
/// here, and would be missed for ever by whoever polls with a cursor.
pub(super) async fn a_follower_of_the_log_misses_nothing(fixture: &dyn Fixture) {
    let follower = Subject::open(fixture).await;
    let following = async {
        let mut seen: Vec<Change> = Vec::new();
        while seen.len() < 400 {
            let cursor = seen.last().map_or(Revision::ZERO, |change| change.revision);
            let answer = follower.changes(cursor, 7).await.expect("the log");
            let Changes::Log { changes, head } = answer else {
                panic!("nothing is compacted")
            };
            for (change, expected) in changes.iter().zip(cursor.0 + 1..) {
                assert_eq!(change.revision, Revision(expected));
            }
            assert!(head.0 >= cursor.0 + changes.len() as u64);
            seen.extend(changes);
            tokio::task::yield_now().await;
        }
        seen
    };
    let writing = at_once(fixture, 8, async |n, it| {
        for round in 0..25 {
            it.store(&format!("bot-{n}"), json!({ "n": round })).await;
            it.remove(&format!("bot-{n}")).await;
        }
    });
    let (seen, _) = tokio::join!(following, writing);
    for n in 0..8 {
        let name = format!("bot-{n}");
        let kinds: Vec<_> = seen
            .iter()
            .filter(|change| change.id.as_str() == name)
            .map(|c| c.kind)
            .collect();
        assert_eq!(kinds, [ChangeKind::Created, ChangeKind::Deleted].repeat(25));
    }
}

pub(super) async fn a_write_is_read_at_once_by_everybody(fixture: &dyn Fixture) {
    at_once(fixture, 8, async |n, it| {
        for round in 0..25 {
            let name = format!("bot-{n}");
            let written = it.store(&name, json!({ "n": round })).await;
            assert_eq!(it.stored(&name).await, written);
            assert!(it.newest().await >= written.revision);
            let told = it.log(Revision(written.revision.0 - 1), 1).await;
            assert_eq!(
                (told[0].id.as_str(), told[0].revision),
                (name.as_str(), written.revision)
            );
        }
    })
    .await;
}

pub(super) async fn compaction_disturbs_no_writer(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    at_once(fixture, 8, async |n, it| {
        for round in 0..40 {
            if n == 0 {
                let keep = crate::Retention {
                    entries: 5,
                    age: Duration::MAX,
                    ..crate::Retention::default()
                };
                it.compact(keep).await.expect("the log is compacted");
            } else {
                it.store(&format!("bot-{n}"), json!({ "n": round })).await;
            }
        }
    })
    .await;
    assert_eq!(it.newest().await, Revision(280));
    let last = it.log(Revision(275), usize::MAX).await;
    assert_eq!(
        last.iter()
            .map(|change| change.revision.0)
            .collect::<Vec<_>>(),
        [276, 277, 278, 279, 280]
    );
}

/// Abandons writes at every stage and then demands that log and registrations tell the same story.
pub(super) async fn an_abandoned_write_happens_wholly_or_not_at_all(fixture: &dyn Fixture) {
    at_once(fixture, 16, async |n, it| {
        for round in 0..20 {
            let name = id(&format!("bot-{n}"));
            let write = it.put(&name, numbered(round), Precondition::Any);
            // Whether it was done in time is what this test does not care about.
            drop(tokio::time::timeout(Duration::from_micros(37 * round as u64), write).await);
        }
    })
    .await;
    let it = Subject::open(fixture).await;
    it.store("last", json!({})).await;
    let same = async {
        loop {
            let (log, heads) = (
                it.log(Revision::ZERO, usize::MAX).await,
                it.all_heads().await,
            );
            // An abandoned write may still be on its way: only what nobody wrote in between can be compared.
            if it.newest().await.0 == log.len() as u64 {
                break (log, heads);
            }
        }
    };
    let (log, heads) = tokio::time::timeout(Duration::from_secs(30), same)
        .await
        .expect("writers come to rest");
    let told: BTreeMap<_, _> = log
        .into_iter()
        .map(|change| (change.id.as_str().to_owned(), change.revision))
        .collect();
    assert_eq!(heads, told.into_iter().collect::<Vec<_>>());
}

//! Others write while a migration runs.

use crate::world::{
    Backend, Call, Ruled, assert_equal, content, draft, empty, filled, id, migrate, name, now, put,
    remove,
};
use hotbed_registry::moving::{NotMoved, Verdict};
use hotbed_registry::{
    ChangeNote, HistoryRetention, MemoryBackend, Precondition, RegistryBackend, Retention, Revision,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// A target whose n-th write is preceded by something.
fn before_put(nth: usize, act: impl Fn(&MemoryBackend) + Send + Sync + 'static) -> Arc<Ruled> {
    let puts = AtomicUsize::new(0);
    Ruled::new(move |inner, call| {
        if matches!(call, Call::Put(_)) && puts.fetch_add(1, Ordering::Relaxed) == nth {
            act(inner);
        }
        Ok(())
    })
}

/// Caught: a cursor that is noted after the walk.
#[tokio::test]
async fn what_is_written_to_the_source_meanwhile_is_carried_over() {
    let source = filled(1200).await;
    let writer = Arc::clone(&source);
    let target = before_put(800, move |_| {
        now(async {
            // Copied, and on the first page.
            put(writer.as_ref(), "bot-00001", "changed").await;
            remove(writer.as_ref(), "bot-00002").await;
            put(writer.as_ref(), "bot-00002x", "new").await;
            // Not read yet.
            put(writer.as_ref(), "bot-01199", "changed").await;
            remove(writer.as_ref(), "bot-01198").await;
            put(writer.as_ref(), "bot-01300", "new").await;
            // There and gone.
            put(writer.as_ref(), "bot-00003x", "new").await;
            remove(writer.as_ref(), "bot-00003x").await;
        });
    });
    let report = migrate(&source, &(Arc::clone(&target) as Backend))
        .await
        .unwrap();
    assert_equal(&report);
    assert_eq!(report.followed, 8);
    assert_eq!(report.source_head, Revision(1208));
    assert_eq!(
        content(target.as_ref()).await,
        content(source.as_ref()).await
    );
}

/// Caught: a verdict although the source was written to during the comparison.
#[tokio::test]
async fn a_source_written_to_during_the_comparison_is_compared_again() {
    let target = empty();
    let lists = AtomicUsize::new(0);
    let inner = MemoryBackend::new();
    put(&inner, "a", 1).await;
    let source = Ruled::over(inner, move |inner, call| {
        // The first is the walk, the second and third are comparisons.
        if *call == Call::List && matches!(lists.fetch_add(1, Ordering::Relaxed), 1 | 2) {
            now(put(inner, "b", lists.load(Ordering::Relaxed)));
        }
        Ok(())
    });
    let report = migrate(&(Arc::clone(&source) as Backend), &target)
        .await
        .unwrap();
    assert_equal(&report);
    assert_eq!(report.followed, 2);
    assert_eq!(
        content(target.as_ref()).await,
        content(source.as_ref()).await
    );
}

#[tokio::test]
async fn a_source_that_never_stands_still_is_followed_and_its_digest_not_claimed() {
    let target = empty();
    let source = Ruled::new(|inner, call| {
        if *call == Call::List {
            let n = now(inner.head()).unwrap().0;
            now(put(inner, "a", n));
        }
        Ok(())
    });
    let report = migrate(&(Arc::clone(&source) as Backend), &target)
        .await
        .unwrap();
    assert_eq!(report.verdict, Some(Verdict::Moving));
    assert!(report.failures.is_empty());
    assert_eq!(report.source_head, source.head().await.unwrap());
    assert_eq!(
        content(target.as_ref()).await,
        content(source.inner.as_ref()).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_that_stop_at_some_time_leave_both_sides_equal() {
    let (source, target) = (filled(2000).await, empty());
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4_usize)
        .map(|lane| {
            let (source, stop) = (Arc::clone(&source), Arc::clone(&stop));
            tokio::task::spawn_blocking(move || {
                let mut n = 0_usize;
                while !stop.load(Ordering::Relaxed) {
                    n += 1;
                    let which = name((n * 7919 + lane * 101) % 2500);
                    now(async {
                        if n.is_multiple_of(3) {
                            drop(
                                source
                                    .delete(&which, Precondition::Any, &ChangeNote::NONE)
                                    .await,
                            );
                        } else {
                            let written = source.put(&which, draft(n), Precondition::Any);
                            written.await.unwrap();
                        }
                    });
                    std::thread::yield_now();
                }
                n
            })
        })
        .collect();
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.store(true, Ordering::Relaxed);
    };
    let (report, ()) = tokio::join!(migrate(&source, &target), stopping);
    for writer in writers {
        assert!(writer.await.unwrap() > 0);
    }
    assert!(report.unwrap().failures.is_empty());
    assert_equal(&migrate(&source, &target).await.unwrap());
    assert_eq!(
        content(target.as_ref()).await,
        content(source.as_ref()).await
    );
}

/// Caught: a migration that goes on from a log which forgot what happened.
#[tokio::test]
async fn a_log_that_is_forgotten_meanwhile_is_replaced_by_another_walk() {
    let source = filled(10).await;
    let writer = Arc::clone(&source);
    let target = before_put(5, move |_| {
        now(async {
            put(writer.as_ref(), "bot-00001", "changed").await;
            remove(writer.as_ref(), "bot-00002").await;
            let nothing = Retention {
                entries: 0,
                age: Duration::MAX,
                history: HistoryRetention::default(),
            };
            writer.compact(nothing).await.unwrap();
        });
    });
    let report = migrate(&source, &(Arc::clone(&target) as Backend))
        .await
        .unwrap();
    assert_equal(&report);
    assert_eq!(report.tally.deleted, 1);
    let changed = target.get(&id("bot-00001")).await.unwrap().unwrap();
    assert_eq!(changed.config.get("value").unwrap(), "changed");
}

/// Caught: a write that is not conditional on what was read.
#[tokio::test]
async fn what_others_write_to_the_target_meanwhile_is_never_written_over() {
    let source = filled(3).await;
    let target = before_put(0, |inner| {
        now(async {
            put(inner, "bot-00001", "theirs").await;
        });
    });
    let report = migrate(&source, &(Arc::clone(&target) as Backend))
        .await
        .unwrap();
    let [(failed, reason)] = &report.failures[..] else {
        panic!("{report:?}")
    };
    assert_eq!(*failed, name(1));
    assert!(
        matches!(reason, NotMoved::WrittenMeanwhile { .. }),
        "{reason}"
    );
    let theirs = target.get(&name(1)).await.unwrap().unwrap();
    assert_eq!(theirs.config.get("value").unwrap(), "theirs");
    assert!(
        matches!(report.verdict, Some(Verdict::Different { ref ids, .. }) if *ids == [name(1)])
    );
    assert_eq!(report.tally.created, 2);
}

/// Caught: a followed change that takes whatever revision the target is at for its own.
#[tokio::test]
async fn what_others_write_over_a_copy_stands_even_if_the_source_changes_too() {
    let source = filled(2).await;
    let writer = Arc::clone(&source);
    let changed = AtomicBool::new(false);
    let target = Ruled::new(move |inner, call| {
        // Both are copied by now.
        if *call == Call::List
            && now(inner.head()).unwrap() == Revision(2)
            && !changed.swap(true, Ordering::Relaxed)
        {
            now(async {
                put(inner, "bot-00000", "theirs").await;
                put(writer.as_ref(), "bot-00000", "ours").await;
                put(writer.as_ref(), "bot-00001", "ours").await;
            });
        }
        Ok(())
    });
    let report = migrate(&source, &(Arc::clone(&target) as Backend))
        .await
        .unwrap();
    assert_eq!(report.failures.len(), 1, "{report:?}");
    let value = async |n| {
        let found = target.get(&name(n)).await.unwrap().unwrap();
        found.config.get("value").unwrap().clone()
    };
    assert_eq!(value(0).await, "theirs");
    assert_eq!(value(1).await, "ours");
}

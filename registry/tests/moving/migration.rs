use crate::world::{
    Backend, assert_equal, content, day, empty, filled, id, migrate, name, put, remove,
};
use hotbed_registry::moving::{Extras, Headway, Migration, Mode, MoveError, Stage, Verdict};
use hotbed_registry::{ChangeNote, Query, Revision};
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

fn migration(source: &Backend, target: &Backend) -> Migration {
    Migration::new(Arc::clone(source), Arc::clone(target))
}

/// More than two pages.
const MANY: usize = 1203;

#[tokio::test]
async fn all_is_carried_over_and_the_time_of_creation_with_it() {
    let (source, target) = (filled(MANY).await, empty());
    let report = migrate(&source, &target).await.unwrap();
    assert_equal(&report);
    assert_eq!(report.tally.created, MANY as u64);
    assert_eq!(report.compared, MANY as u64);
    assert_eq!(report.source_head, Revision(MANY as u64));
    assert_eq!(
        content(target.as_ref()).await,
        content(source.as_ref()).await
    );
    let carried = target.get(&name(7)).await.unwrap().unwrap();
    assert_eq!(carried.created_at, day(7));
}

#[tokio::test]
async fn a_second_run_writes_nothing_and_finds_the_same_digest() {
    let (source, target) = (filled(MANY).await, empty());
    let first = migrate(&source, &target).await.unwrap();
    let head = target.head().await.unwrap();
    let second = migrate(&source, &target).await.unwrap();
    assert_eq!(target.head().await.unwrap(), head);
    assert_eq!(second.tally.same, MANY as u64);
    assert_eq!(second.tally.written(), 0);
    assert_eq!(second.verdict, first.verdict);
}

#[tokio::test]
async fn only_what_differs_is_written() {
    let (source, target) = (filled(10).await, filled(10).await);
    put(target.as_ref(), "bot-00003", "old").await;
    remove(target.as_ref(), "bot-00005").await;
    let head = target.head().await.unwrap();
    let report = migrate(&source, &target).await.unwrap();
    assert_equal(&report);
    let tally = report.tally;
    assert_eq!((tally.created, tally.replaced, tally.same), (1, 1, 8));
    assert_eq!(target.head().await.unwrap(), Revision(head.0 + 2));
}

#[tokio::test]
async fn a_target_that_holds_more_is_refused_before_anything_is_written() {
    let (source, target) = (filled(5).await, empty());
    for n in 0..7 {
        put(target.as_ref(), &format!("other-{n}"), n).await;
    }
    put(target.as_ref(), "bot-00002", "shared").await;
    let refused = migrate(&source, &target).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the target holds 7 registrations that the source does not: \"other-0\", \"other-1\", \"other-2\", \
         \"other-3\", \"other-4\", …"
    );
    assert_eq!(target.head().await.unwrap(), Revision(8));
}

#[tokio::test]
async fn what_only_the_target_holds_is_kept_or_deleted_as_asked() {
    let source = filled(5).await;
    for extras in [Extras::Keep, Extras::Prune] {
        let target = empty();
        put(target.as_ref(), "a-first", 1).await;
        put(target.as_ref(), "z-last", 1).await;
        let report = migration(&source, &target).extras(extras);
        let report = report.run(&|_| {}).await.unwrap();
        assert_equal(&report);
        let count = target.count(&Query::default()).await.unwrap();
        match extras {
            Extras::Keep => assert_eq!((report.tally.kept, count), (2, 7)),
            _ => assert_eq!((report.tally.deleted, count), (2, 5)),
        }
    }
}

#[tokio::test]
async fn an_empty_source_never_empties_a_target() {
    let (source, target) = (empty(), filled(3).await);
    let refused = migration(&source, &target).extras(Extras::Prune);
    let refused = refused.run(&|_| {}).await.unwrap_err();
    assert!(
        matches!(refused, MoveError::EmptySource { count: 3 }),
        "{refused}"
    );
    assert_eq!(target.count(&Query::default()).await.unwrap(), 3);
}

#[tokio::test]
async fn two_empty_collections_are_equal() {
    let report = migrate(&empty(), &empty()).await.unwrap();
    assert_equal(&report);
    assert_eq!(report.compared, 0);
}

#[tokio::test]
async fn a_dry_run_tells_what_a_real_one_then_does_and_writes_nothing() {
    let (source, target) = (filled(20).await, filled(10).await);
    put(target.as_ref(), "bot-00003", "old").await;
    put(target.as_ref(), "extra", "old").await;
    let head = target.head().await.unwrap();
    let run = |mode| {
        let migration = migration(&source, &target).extras(Extras::Prune).mode(mode);
        async move { migration.run(&|_| {}).await.unwrap() }
    };
    let planned = run(Mode::DryRun).await;
    assert_eq!(target.head().await.unwrap(), head);
    assert_eq!(planned.verdict, None);
    let done = run(Mode::Write).await;
    assert_eq!(done.tally, planned.tally);
    assert_equal(&done);
}

#[tokio::test]
async fn headway_is_told_in_order_and_reaches_the_total() {
    let (source, target) = (filled(MANY).await, empty());
    let told = Mutex::new(Vec::<Headway>::new());
    let note = |headway| told.lock().unwrap().push(headway);
    migration(&source, &target).run(&note).await.unwrap();
    let told = told.into_inner().unwrap();
    for stage in [Stage::Copying, Stage::Verifying] {
        let of_stage: Vec<_> = told.iter().filter(|it| it.stage == stage).collect();
        assert!(of_stage.is_sorted_by_key(|it| it.done));
        let last = of_stage.last().unwrap();
        assert_eq!(last.done, MANY as u64);
        if stage == Stage::Copying {
            assert_eq!(last.total, Some(MANY as u64));
        }
    }
}

#[tokio::test]
async fn digests_differ_when_anything_that_is_compared_does() {
    let digest = async |backend: &Backend| {
        let report = migrate(backend, &empty()).await.unwrap();
        let Some(Verdict::Equal { digest }) = report.verdict else {
            panic!("{report:?}")
        };
        digest.to_string()
    };
    let source = filled(3).await;
    let first = digest(&source).await;
    assert_eq!(first.len(), 64);
    assert_eq!(digest(&filled(3).await).await, first);
    let mut seen = vec![first];
    for value in ["1", "2"] {
        put(source.as_ref(), "bot-00001", value).await;
        seen.push(digest(&source).await);
    }
    remove(source.as_ref(), "bot-00001").await;
    seen.push(digest(&source).await);
    put(source.as_ref(), "bot-00001x", "2").await;
    seen.push(digest(&source).await);
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_two_collections_hold_they_are_equal_afterwards(
        ours in proptest::collection::vec((0..12_u8, proptest::option::of(0..3_u8)), 1..40),
        theirs in proptest::collection::vec((0..12_u8, proptest::option::of(0..3_u8)), 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (source, target) = (empty(), empty());
            for (backend, operations) in [(&source, &ours), (&target, &theirs)] {
                for (key, value) in operations {
                    let key = key.to_string();
                    match value {
                        Some(value) => put(backend.as_ref(), &key, *value).await,
                        None => drop(backend.delete(&id(&key), hotbed_registry::Precondition::Any, &ChangeNote::NONE).await),
                    }
                }
            }
            let is_empty = source.count(&Query::default()).await.unwrap() == 0;
            let report = migration(&source, &target).extras(Extras::Prune).run(&|_| {}).await;
            if is_empty && target.count(&Query::default()).await.unwrap() > 0 {
                assert!(matches!(report, Err(MoveError::EmptySource { .. })));
            } else {
                assert_equal(&report.unwrap());
                assert_eq!(content(target.as_ref()).await, content(source.as_ref()).await);
            }
        });
    }
}

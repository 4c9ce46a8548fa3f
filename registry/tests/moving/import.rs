use crate::world::{Backend, content, empty, filled, id, put};
use hotbed_registry::moving::{Import, ImportReport, Mode, NotMoved, OnDifference, Walk};
use hotbed_registry::{Query, Revision};
use std::sync::Arc;

async fn import(
    source: &Backend,
    target: &Backend,
    on_difference: OnDifference,
    mode: Mode,
) -> ImportReport {
    let mut import = Import::begin(Arc::clone(target), on_difference, mode)
        .await
        .unwrap();
    let mut walk = Walk::new(source);
    while let Some(next) = walk.next().await.unwrap() {
        import.bring(next.into()).await.unwrap();
    }
    import.finish().await.unwrap()
}

/// A target with one that differs and one of its own.
async fn occupied() -> Backend {
    let target = empty();
    put(target.as_ref(), "bot-00001", "theirs").await;
    put(target.as_ref(), "own", "theirs").await;
    target
}

#[tokio::test]
async fn an_import_leaves_what_it_does_not_bring() {
    let (source, target) = (filled(1200).await, empty());
    put(target.as_ref(), "own", "theirs").await;
    let report = import(&source, &target, OnDifference::Tell, Mode::Write).await;
    assert_eq!(report.tally.created, 1200);
    assert!(report.failures.is_empty());
    assert_eq!(target.count(&Query::default()).await.unwrap(), 1201);
    let again = import(&source, &target, OnDifference::Tell, Mode::Write).await;
    assert_eq!((again.tally.same, again.tally.written()), (1200, 0));
}

#[tokio::test]
async fn what_differs_is_replaced_kept_or_told_as_asked() {
    let source = filled(3).await;
    for (on_difference, value) in [
        (OnDifference::Replace, None),
        (OnDifference::Keep, Some("theirs")),
        (OnDifference::Tell, Some("theirs")),
    ] {
        let target = occupied().await;
        let report = import(&source, &target, on_difference, Mode::Write).await;
        let found = target.get(&id("bot-00001")).await.unwrap().unwrap();
        assert_eq!(found.config.get("value").and_then(|it| it.as_str()), value);
        assert_eq!(report.tally.created, 2);
        let expected = match on_difference {
            OnDifference::Replace => (1, 0, 0),
            OnDifference::Keep => (0, 1, 0),
            OnDifference::Tell => (0, 0, 1),
        };
        let tally = report.tally;
        assert_eq!(
            (tally.replaced, tally.kept, report.failures.len()),
            expected
        );
        if let [(differing, reason)] = &report.failures[..] {
            assert_eq!(*differing, id("bot-00001"));
            let found = Revision(1);
            assert!(matches!(reason, NotMoved::Differs { found: it } if *it == found));
        }
    }
}

#[tokio::test]
async fn a_dry_run_compares_and_writes_nothing() {
    let source = filled(3).await;
    let target = occupied().await;
    let before = content(target.as_ref()).await;
    let report = import(&source, &target, OnDifference::Tell, Mode::DryRun).await;
    assert_eq!((report.tally.created, report.failures.len()), (2, 1));
    assert_eq!(content(target.as_ref()).await, before);
}

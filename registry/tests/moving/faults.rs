use crate::world::{
    Backend, Call, Ruled, assert_equal, content, draft, filled, migrate, name, now,
};
use hotbed_registry::moving::{MoveError, NotMoved, Verdict};
use hotbed_registry::{Error, Precondition, RegistryBackend, Revision};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn down() -> Error {
    Error::Unavailable {
        operation: "write a registration",
        reason: "it is down".into(),
        source: None,
    }
}

#[tokio::test]
async fn a_target_that_fails_half_way_is_gone_on_with_by_the_next_run() {
    let source = filled(1000).await;
    let calls = AtomicUsize::new(0);
    let target = Ruled::new(move |_, call| match call {
        Call::Put(_) if calls.fetch_add(1, Ordering::Relaxed) == 400 => Err(down()),
        _ => Ok(()),
    });
    let backend = Arc::clone(&target) as Backend;
    let failed = migrate(&source, &backend).await.unwrap_err();
    assert!(
        matches!(failed, MoveError::Target(Error::Unavailable { .. })),
        "{failed}"
    );
    let copied = target.head().await.unwrap().0;
    assert!((400..1000).contains(&copied), "{copied}");

    let report = migrate(&source, &backend).await.unwrap();
    assert_equal(&report);
    // No registration was written twice.
    assert_eq!(report.tally.same + report.tally.created, 1000);
    assert_eq!(target.head().await.unwrap(), Revision(1000));
    assert_eq!(
        content(target.as_ref()).await,
        content(source.as_ref()).await
    );
}

#[tokio::test]
async fn a_source_that_fails_is_told_from_a_target_that_does() {
    let source = Ruled::new(|_, call| match call {
        Call::Changes => Err(down()),
        _ => Ok(()),
    });
    let target = filled(0).await;
    let failed = migrate(&(source as Backend), &target).await.unwrap_err();
    assert!(matches!(failed, MoveError::Source(_)), "{failed}");
}

#[tokio::test]
async fn what_the_target_refuses_is_listed_and_the_rest_is_copied() {
    let source = filled(100).await;
    let target = Ruled::new(|_, call| match call {
        Call::Put(id) if id.as_str().ends_with('7') => Err(Error::Refused {
            id: id.clone(),
            problems: vec!["seven is too many".into()],
        }),
        _ => Ok(()),
    });
    let report = migrate(&source, &(Arc::clone(&target) as Backend))
        .await
        .unwrap();
    let refused: Vec<_> = report.failures.iter().map(|(id, _)| id.clone()).collect();
    let sevens: Vec<_> = (0..10).map(|n| name(n * 10 + 7)).collect();
    assert_eq!(refused, sevens);
    assert_eq!(
        report.failures[0].1.to_string(),
        "configuration of \"bot-00007\" is refused: seven is too many"
    );
    assert_eq!(report.tally.created, 90);
    let Some(Verdict::Different { ids, .. }) = report.verdict else {
        panic!("{:?}", report.verdict)
    };
    assert_eq!(ids, sevens);
}

#[tokio::test]
async fn a_target_that_stores_something_else_is_found_out() {
    let source = filled(3).await;
    let target = Ruled::new(|_, _| Ok(()));
    target.alter_next(draft("something else"));
    let report = migrate(&source, &(target as Backend)).await.unwrap();
    assert!(
        matches!(&report.failures[..], [(_, NotMoved::Altered)]),
        "{report:?}"
    );
    assert!(matches!(report.verdict, Some(Verdict::Different { .. })));
}

/// A backend that tries again after an answer got lost finds its own write in the way.
#[tokio::test]
async fn a_write_that_was_done_although_its_answer_got_lost_counts_as_done() {
    let source = filled(3).await;
    let original = Arc::clone(&source);
    let target = Ruled::new(move |inner, call| {
        if let Call::Put(id) = call
            && *id == name(1)
        {
            now(async {
                let record = original.get(id).await.unwrap().unwrap();
                let draft = hotbed_registry::moving::Record::from(record).draft();
                inner.put(id, draft, Precondition::Any).await.unwrap();
            });
        }
        Ok(())
    });
    let report = migrate(&source, &(target as Backend)).await.unwrap();
    assert_equal(&report);
    assert_eq!(report.tally.created, 3);
}

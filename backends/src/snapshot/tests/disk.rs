//! Disks that are slow to fill up, full, or failing.

use super::*;

/// Makes it impossible to append, until it is mended.
fn break_journal(home: &Home, number: u64) -> PathBuf {
    let path = home.file(&format!("snapshot.sealed.journal-{number}"));
    fs::create_dir(&path).unwrap();
    path
}

#[tokio::test]
async fn a_journal_that_has_grown_becomes_a_new_base() {
    let home = Home::new();
    let snapshot = home.open().await;
    let shutdown = CancellationToken::new();
    let mut running = JoinSet::new();
    running.spawn(Arc::clone(&snapshot).run(shutdown.clone()));
    let text = "x".repeat(100_000);
    for revision in 1..=12 {
        snapshot.save(&registration("a", revision, json!({"text": text})));
    }
    let compacted = async {
        while home.files() != ["snapshot.sealed"] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), compacted)
        .await
        .unwrap();
    assert!(fs::metadata(home.path()).unwrap().len() < 110_000);
    snapshot.save(&registration("b", 13, json!({})));
    let left = home.copy().open().await;
    assert_eq!(left.revision(&id("a")), Some(Revision(12)));
    assert_eq!(left.len(), 2);
    shutdown.cancel();
    running.join_all().await;
    assert_eq!(home.files(), ["snapshot.sealed"]);
}

/// Caught: `begin_base` that leaves the journal open, or clears what it replaces before the base is there.
#[tokio::test]
async fn whenever_the_process_dies_while_a_base_is_written_nothing_is_lost() {
    let home = Home::with(&[registration("a", 1, json!({}))]).await;
    let snapshot = home.open().await;
    snapshot.save(&registration("b", 2, json!({})));
    let (base, failures) = snapshot.begin_base();
    snapshot.save(&registration("c", 3, json!({})));
    snapshot.forget(&id("b"));
    let expected = |left: &DiskSnapshot| {
        assert_eq!((left.len(), left.load(&id("b"))), (2, None));
        assert!(left.warnings().is_empty());
    };
    expected(&*home.copy().open().await);
    let before = home.copy();
    let written = base.write(&snapshot.key);
    expected(&*home.copy().open().await);
    // The base is there, and the journals that it replaced are too.
    fs::copy(home.path(), before.path()).unwrap();
    expected(&*before.open().await);
    snapshot.end_base(&base, failures, written);
    expected(&*home.copy().open().await);
}

/// Caught: a failure that is not marked; one that is not told; one that is told for ever.
#[tokio::test]
async fn what_cannot_be_written_is_held_told_and_written_later() {
    let home = Home::with(&[registration("a", 1, json!({}))]).await;
    let snapshot = home.open().await;
    let broken = break_journal(&home, 2);
    snapshot.save(&registration("a", 2, json!({})));
    snapshot.save(&registration("b", 3, json!({})));
    assert_eq!(snapshot.revision(&id("a")), Some(Revision(2)));
    let warnings = snapshot.warnings();
    assert!(warnings[0].contains("cannot be written"), "{warnings:?}");
    fs::remove_dir(broken).unwrap();
    let left = home.copy().open().await;
    let warnings = left.warnings();
    assert!(warnings[0].contains("1 registrations"), "{warnings:?}");
    snapshot.noted.notified().await;
    snapshot.keep().await;
    assert!(snapshot.warnings().is_empty());
    let left = home.copy().open().await;
    assert_eq!((left.len(), left.warnings().len()), (2, 0));
    snapshot.save(&registration("c", 4, json!({})));
    assert_eq!(home.copy().open().await.len(), 3);
}

#[tokio::test]
async fn a_base_that_cannot_be_written_is_tried_again_and_nothing_is_lost_meanwhile() {
    let home = Home::with(&[registration("a", 1, json!({}))]).await;
    let snapshot = home.open().await;
    snapshot.save(&registration("b", 2, json!({})));
    // A directory cannot be replaced by a file.
    let broken = home.file("snapshot.sealed.tmp");
    fs::create_dir(&broken).unwrap();
    snapshot.write_base().await;
    assert_eq!(snapshot.warnings().len(), 1);
    snapshot.save(&registration("c", 3, json!({})));
    snapshot.keep().await;
    fs::remove_dir(&broken).unwrap();
    let left = home.copy().open().await;
    assert_eq!((left.len(), left.warnings().len()), (3, 0));
    // It asks to be woken again, though nothing was noted since.
    snapshot.noted.notified().await;
    snapshot.keep().await;
    assert!(snapshot.warnings().is_empty());
    assert_eq!(home.files(), ["snapshot.sealed"]);
}

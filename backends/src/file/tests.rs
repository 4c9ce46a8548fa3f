use super::look::{Looks, Scope};
use super::name::FileName;
use super::watch::Heard;
use super::*;
use hotbed_registry::Id;
use tokio::task::JoinSet;

fn place(directory: &Path) -> Place {
    std::fs::create_dir_all(directory.join("bots")).unwrap();
    Place::new(directory, "bots")
}

#[tokio::test]
async fn where_the_system_cannot_watch_edits_are_found_by_looking() {
    let directory = tempfile::tempdir().unwrap();
    let place = place(directory.path());
    let refused = notify::Error::generic("no space left for watches");
    let watch = Watch::with(&place, Err(refused), Arc::new(Heard::default()));
    let options = FileOptions {
        rescan: Duration::from_millis(50),
        ..FileOptions::default()
    };
    let desk = Arc::new(Desk::new(place, CollectionName::bots(), options));
    let keeper = Keeper::begin(Arc::clone(&desk), watch).await.unwrap();
    let (_jobs, queue) = Jobs::channel();
    let closing = CancellationToken::new();
    let keepers = TaskTracker::new();
    keepers.spawn(keeper.run(queue, closing.clone()));

    std::fs::write(directory.path().join("bots/a.yaml"), "config: {}").unwrap();
    let found = async {
        while !desk.state().entries.contains_key("a") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), found)
        .await
        .unwrap();
    closing.cancel();
    keepers.close();
    keepers.wait().await;
}

#[tokio::test]
async fn whoever_waits_for_the_lock_is_next() {
    let directory = tempfile::tempdir().unwrap();
    let place = place(directory.path());
    let patience = Duration::from_secs(30);
    let first = lock::acquire(&place, patience).await.unwrap();
    let other = place.clone();
    let mut waiting = JoinSet::new();
    waiting.spawn(async move { lock::acquire(&other, patience).await });
    // It waits once nobody else can begin to.
    let turn = std::fs::File::open(place.lock("turn")).unwrap();
    while turn.try_lock().is_ok() {
        turn.unlock().unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(first);
    let again = tokio::time::timeout(Duration::from_millis(100), lock::acquire(&place, patience));
    assert!(
        again.await.is_err(),
        "who just had it comes after who waited"
    );
    drop(waiting.join_next().await);
    lock::acquire(&place, patience).await.unwrap();
}

#[tokio::test]
async fn a_lock_file_that_was_removed_is_no_lock() {
    let directory = tempfile::tempdir().unwrap();
    let place = place(directory.path());
    let _first = lock::acquire(&place, Duration::ZERO).await.unwrap();
    std::fs::remove_dir_all(directory.path().join(".hotbed")).unwrap();
    let _second = lock::acquire(&place, Duration::ZERO).await.unwrap();
    assert!(lock::acquire(&place, Duration::ZERO).await.is_err());
}

#[tokio::test]
async fn an_edit_of_hundreds_of_megabytes_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let place = place(directory.path());
    let file = std::fs::File::create(directory.path().join("bots/a.yaml")).unwrap();
    file.set_len(1 << 40).unwrap();
    let store = FileStore::open(directory.path(), FileOptions::default())
        .await
        .unwrap();
    let bots = store.collection(&CollectionName::bots()).await.unwrap();
    assert_eq!(bots.get(&Id::new("a").unwrap()).await.unwrap(), None);
    assert_eq!(store.problems().await.len(), 1);
    drop(place);
}

/// Some file systems stamp two writes alike that come soon after one another.
#[tokio::test]
async fn an_edit_that_leaves_the_stamp_as_it_was_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let place = place(directory.path());
    let options = FileOptions {
        settle: Duration::ZERO,
        ..FileOptions::default()
    };
    let desk = Desk::new(place, CollectionName::bots(), options);
    desk.place.prepare().unwrap();
    let held = desk.lock().await.unwrap();
    desk.prepare(&held).unwrap();
    let name = FileName::found("a.yaml".as_ref()).unwrap();
    let mut looks = Looks::default();
    for n in 1000..2000 {
        let write = |n| {
            std::fs::write(desk.place.path(&name), format!("config: {{n: {n}}}\n")).unwrap();
            desk.place.stamp(&name)
        };
        let before = write(n);
        let (suspicion, _) = looks.survey(&desk, Scope::All).unwrap();
        looks.tell(&desk, &held, suspicion).unwrap();
        if write(n + 1) == before {
            let (suspicion, _) = looks.survey(&desk, Scope::All).unwrap();
            assert!(!suspicion.is_empty());
            return;
        }
    }
}

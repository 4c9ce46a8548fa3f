use super::*;
use chrono::{TimeDelta, Utc};
use hotbed_registry::PortableConfig;
use hotbed_registry::{Draft, Revision};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// The registry that these snapshots are of.
const OF: &str = "sqlite:bots.db";

fn id(name: &str) -> Id {
    Id::new(name).unwrap()
}

fn registration(name: &str, revision: u64, config: Value) -> Registration {
    let draft = Draft {
        metadata: json!({"team": ["a", null]}).as_object().cloned(),
        ..Draft::active(PortableConfig::from_value(config).unwrap())
    };
    draft.apply(&id(name), None, Revision(revision), Utc::now())
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("cache/snapshot.json")
    }

    fn bad(&self) -> PathBuf {
        self.0.path().join("cache/snapshot.json.bad")
    }

    /// A snapshot that was written and closed.
    async fn with(registrations: &[Registration]) -> Self {
        let place = Self::new();
        let snapshot = Arc::new(DiskSnapshot::open(&place.path(), OF).await.unwrap());
        for registration in registrations {
            snapshot.save(registration);
        }
        let ended = CancellationToken::new();
        ended.cancel();
        snapshot.run(ended).await;
        place
    }

    /// What is in the file now, whoever has it open.
    fn stored(&self) -> HashMap<Id, Registration> {
        match file::load(&self.path(), OF) {
            Loaded::Registrations(found) => {
                found.into_iter().map(|it| (it.id.clone(), it)).collect()
            }
            _ => panic!("the file cannot be read"),
        }
    }
}

#[tokio::test]
async fn what_was_saved_is_there_after_a_restart() {
    let deep = (1..120).fold(json!({"leaf": "\0"}), |inner, _| json!({ "a": inner }));
    let mut saved = [
        registration("a", 7, json!({"n": 0.1})),
        registration("ä'\"🤖", 9, deep),
    ];
    saved[1].last_accessed_at += TimeDelta::microseconds(3);
    let place = Place::with(&saved).await;
    let snapshot = DiskSnapshot::open(&place.path(), OF).await.unwrap();
    assert_eq!(snapshot.len(), 2);
    for registration in saved {
        assert_eq!(snapshot.load(&registration.id), Some(registration));
    }
}

#[tokio::test]
async fn no_file_is_an_empty_snapshot() {
    let place = Place::new();
    let snapshot = DiskSnapshot::open(&place.path(), OF).await.unwrap();
    assert!(snapshot.is_empty());
    assert_eq!(snapshot.load(&id("a")), None);
    assert!(!place.path().exists());
}

#[tokio::test]
async fn what_was_forgotten_stays_forgotten() {
    let place = Place::with(&[
        registration("a", 1, json!({})),
        registration("b", 2, json!({})),
    ])
    .await;
    let snapshot = Arc::new(DiskSnapshot::open(&place.path(), OF).await.unwrap());
    snapshot.forget(&id("a"));
    snapshot.forget(&id("unknown"));
    let ended = CancellationToken::new();
    ended.cancel();
    snapshot.run(ended).await;
    let snapshot = DiskSnapshot::open(&place.path(), OF).await.unwrap();
    assert_eq!((snapshot.len(), snapshot.load(&id("a"))), (1, None));
}

#[tokio::test]
async fn what_the_registry_said_last_counts_even_if_its_revisions_began_anew() {
    let place = Place::new();
    let snapshot = DiskSnapshot::open(&place.path(), OF).await.unwrap();
    snapshot.save(&registration("a", 7, json!({"n": "before the restore"})));
    snapshot.save(&registration("a", 6, json!({"n": "restored"})));
    assert_eq!(snapshot.load(&id("a")).unwrap().revision, Revision(6));
}

#[tokio::test]
async fn a_snapshot_of_another_registry_is_put_aside_whole() {
    let place = Place::with(&[registration("a", 7, json!({}))]).await;
    let other = DiskSnapshot::open(&place.path(), "sqlite:other.db")
        .await
        .unwrap();
    assert!(other.is_empty());
    let aside = place.path().with_file_name("snapshot.json.other");
    assert!(matches!(file::load(&aside, OF), Loaded::Registrations(found) if found.len() == 1));
}

#[tokio::test]
async fn one_process_at_a_time_uses_a_snapshot() {
    let place = Place::new();
    let first = DiskSnapshot::open(&place.path(), OF).await.unwrap();
    let refused = DiskSnapshot::open(&place.path(), OF).await.unwrap_err();
    assert!(matches!(refused, SnapshotError::InUse { .. }), "{refused}");
    drop(first);
    DiskSnapshot::open(&place.path(), OF).await.unwrap();
}

#[tokio::test]
async fn a_torn_file_is_put_aside() {
    let place = Place::with(&[registration("a", 1, json!({}))]).await;
    let whole = std::fs::read(place.path()).unwrap();
    for length in 0..whole.len() {
        std::fs::write(place.path(), &whole[..length]).unwrap();
        assert!(
            DiskSnapshot::open(&place.path(), OF)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(std::fs::read(place.bad()).unwrap(), whole[..length]);
        assert!(!place.path().exists());
    }
}

#[tokio::test]
async fn a_single_altered_byte_is_noticed() {
    let place = Place::with(&[registration("a", 1, json!({"text": "hello"}))]).await;
    let whole = std::fs::read(place.path()).unwrap();
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 0x01;
        std::fs::write(place.path(), &altered).unwrap();
        assert!(
            DiskSnapshot::open(&place.path(), OF)
                .await
                .unwrap()
                .is_empty(),
            "byte {at}"
        );
    }
}

#[tokio::test]
async fn what_was_put_aside_does_not_hinder_the_next_write() {
    let place = Place::with(&[registration("a", 1, json!({}))]).await;
    std::fs::write(place.path(), "not a snapshot").unwrap();
    let snapshot = Arc::new(DiskSnapshot::open(&place.path(), OF).await.unwrap());
    snapshot.save(&registration("b", 2, json!({})));
    let ended = CancellationToken::new();
    ended.cancel();
    snapshot.run(ended).await;
    assert_eq!(place.stored().len(), 1);
    assert_eq!(
        std::fs::read_to_string(place.bad()).unwrap(),
        "not a snapshot"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::with(&[registration("a", 1, json!({}))]).await;
    assert_eq!(
        std::fs::metadata(place.path())
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
}

#[tokio::test]
async fn the_file_is_written_soon_after_a_note_and_not_only_at_the_end() {
    let place = Place::new();
    let snapshot = Arc::new(DiskSnapshot::open(&place.path(), OF).await.unwrap());
    let shutdown = CancellationToken::new();
    let mut running = JoinSet::new();
    running.spawn(Arc::clone(&snapshot).run(shutdown.clone()));
    for revision in 1..=3 {
        snapshot.save(&registration("a", revision, json!({})));
        let written = async {
            while snapshot.held().written < revision {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), written)
            .await
            .unwrap();
        assert_eq!(place.stored()[&id("a")].revision, Revision(revision));
    }
    snapshot.save(&registration("b", 4, json!({})));
    shutdown.cancel();
    running.join_all().await;
    assert_eq!(place.stored().len(), 2);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_tried_again() {
    let place = Place::new();
    let snapshot = DiskSnapshot::open(&place.path(), OF).await.unwrap();
    // A directory cannot be replaced by a file.
    std::fs::create_dir(place.path()).unwrap();
    snapshot.save(&registration("a", 1, json!({})));
    snapshot.noted.notified().await;
    assert!(snapshot.write(false).await);
    // It asks to be woken again, though nothing was noted since.
    snapshot.noted.notified().await;
    std::fs::remove_dir(place.path()).unwrap();
    assert!(!snapshot.write(true).await);
    assert_eq!(place.stored().len(), 1);
}

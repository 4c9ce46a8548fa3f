mod damage;
mod disk;
mod secrets;

use super::*;
use chrono::{TimeDelta, Utc};
use hotbed_registry::{Draft, PortableConfig, Revision};
use serde_json::{Value, json};
use std::fs;
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

fn key(digit: char) -> SnapshotKey {
    digit.to_string().repeat(64).parse().unwrap()
}

/// A directory of a snapshot.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn path(&self) -> PathBuf {
        self.dir().join("snapshot.sealed")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    fn bad(&self) -> PathBuf {
        self.file("snapshot.sealed.bad")
    }

    async fn open(&self) -> Arc<DiskSnapshot> {
        Arc::new(DiskSnapshot::open(&self.path(), OF, None).await.unwrap())
    }

    /// A snapshot that was written and closed.
    async fn with(registrations: &[Registration]) -> Self {
        let home = Self::new();
        let snapshot = home.open().await;
        for registration in registrations {
            snapshot.save(registration);
        }
        snapshot.close().await;
        home
    }

    /// The same files elsewhere, as they are at this moment: what the death of a process would leave.
    fn copy(&self) -> Self {
        let copy = Self::new();
        fs::create_dir(copy.dir()).unwrap();
        for file in fs::read_dir(self.dir()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), copy.file(file.file_name().to_str().unwrap())).unwrap();
        }
        copy
    }

    /// The names of its files, but for the lock and the key.
    fn files(&self) -> Vec<String> {
        let files = fs::read_dir(self.dir()).unwrap();
        let mut names: Vec<_> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| !["snapshot.json.lock", "snapshot.key"].contains(&&**name))
            .collect();
        names.sort();
        names
    }
}

impl DiskSnapshot {
    async fn close(self: Arc<Self>) {
        let ended = CancellationToken::new();
        ended.cancel();
        self.run(ended).await;
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
    let home = Home::with(&saved).await;
    assert_eq!(home.files(), ["snapshot.sealed"]);
    let snapshot = home.open().await;
    assert_eq!(snapshot.len(), 2);
    for registration in saved {
        assert_eq!(snapshot.load(&registration.id), Some(registration));
    }
    assert!(snapshot.warnings().is_empty());
}

#[tokio::test]
async fn no_file_is_an_empty_snapshot() {
    let home = Home::new();
    let snapshot = home.open().await;
    assert!(snapshot.is_empty());
    assert_eq!(snapshot.load(&id("a")), None);
    snapshot.close().await;
    assert!(home.files().is_empty());
}

/// Caught: `save` or `forget` that leaves the file to be written later.
#[tokio::test]
async fn what_was_saved_or_forgotten_is_in_the_files_when_the_call_returns() {
    let home = Home::with(&[registration("gone", 1, json!({}))]).await;
    let snapshot = home.open().await;
    for revision in 2..5 {
        snapshot.save(&registration("a", revision, json!({})));
        let left = home.copy().open().await;
        assert_eq!(left.revision(&id("a")), Some(Revision(revision)));
        assert!(left.warnings().is_empty());
    }
    snapshot.forget(&id("gone"));
    assert_eq!(home.copy().open().await.load(&id("gone")), None);
}

#[tokio::test]
async fn what_was_forgotten_stays_forgotten() {
    let home = Home::with(&[
        registration("a", 1, json!({})),
        registration("b", 2, json!({})),
    ])
    .await;
    let snapshot = home.open().await;
    snapshot.forget(&id("a"));
    snapshot.forget(&id("unknown"));
    snapshot.close().await;
    let snapshot = home.open().await;
    assert_eq!((snapshot.len(), snapshot.load(&id("a"))), (1, None));
}

/// What is newer is decided by who calls it.
#[tokio::test]
async fn what_is_saved_replaces_what_was_saved() {
    let home = Home::new();
    let snapshot = home.open().await;
    snapshot.save(&registration("a", 7, json!({"n": "before the restore"})));
    snapshot.save(&registration("a", 6, json!({"n": "restored"})));
    let same_revision = registration("a", 6, json!({"n": "restored again"}));
    snapshot.save(&same_revision);
    assert_eq!(snapshot.load(&id("a")).unwrap(), same_revision);
    snapshot.close().await;
    assert_eq!(home.open().await.load(&id("a")).unwrap(), same_revision);
}

#[tokio::test]
async fn a_snapshot_of_another_registry_is_put_aside_whole() {
    let home = Home::with(&[registration("a", 7, json!({}))]).await;
    let other = DiskSnapshot::open(&home.path(), "sqlite:other.db", None).await;
    let other = Arc::new(other.unwrap());
    assert!(other.is_empty() && other.warnings().is_empty());
    other.close().await;
    let aside = home.file("snapshot.sealed.other");
    fs::rename(aside, home.path()).unwrap();
    assert_eq!(home.open().await.len(), 1);
}

#[tokio::test]
async fn one_process_at_a_time_uses_a_snapshot() {
    let home = Home::new();
    let first = home.open().await;
    let refused = DiskSnapshot::open(&home.path(), OF, None).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, SnapshotError::InUse { .. }), "{refused}");
    drop(first);
    home.open().await;
}

#[tokio::test]
async fn the_file_of_version_1_is_read_and_replaced() {
    let golden = include_str!("golden/version-1.json");
    let home = Home::new();
    fs::create_dir(home.dir()).unwrap();
    fs::write(home.file("snapshot.json"), golden).unwrap();
    for leftover in ["bad", "other", "tmp"] {
        fs::write(home.file(&format!("snapshot.json.{leftover}")), golden).unwrap();
    }
    for _ in 0..2 {
        let snapshot = home.open().await;
        assert!(snapshot.warnings().is_empty());
        assert_eq!(snapshot.len(), 2);
        let first = snapshot.load(&id("a")).unwrap();
        assert_eq!((first.revision, first.version), (Revision(1), 1));
        assert_eq!(
            first.config.as_map()["api_key"],
            "literal-secret-of-version-1"
        );
        assert_eq!(
            snapshot.revision(&id("ä\"🤖")),
            Some(Revision(2)),
            "as the program of that version wrote it"
        );
        assert_eq!(home.files(), ["snapshot.sealed"]);
    }
}

/// A base and a journal after it, as the first program that sealed them wrote them under a key of ones.
#[tokio::test]
async fn the_files_of_version_2_are_read() {
    let home = Home::new();
    fs::create_dir(home.dir()).unwrap();
    fs::write(home.path(), include_bytes!("golden/version-2.sealed")).unwrap();
    fs::write(
        home.file("snapshot.sealed.journal-2"),
        include_bytes!("golden/version-2.sealed.journal-2"),
    )
    .unwrap();
    let snapshot = DiskSnapshot::open(&home.path(), OF, Some(key('1'))).await;
    let snapshot = snapshot.unwrap();
    assert!(snapshot.warnings().is_empty());
    assert_eq!(snapshot.len(), 2);
    assert_eq!(snapshot.revision(&id("kept")), Some(Revision(1)));
    let updated = snapshot.load(&id("updated")).unwrap();
    assert_eq!(updated.revision, Revision(4));
    assert_eq!(updated.config.as_map()["text"], "new");
    assert_eq!(updated.metadata["team"], json!(["a", null]));
    assert_eq!(updated.updated_at, updated.created_at);
}

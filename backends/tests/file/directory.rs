//! A directory of registrations, as people and programs work on it.

use hotbed_backends::{FileOptions, FileStore};
use hotbed_registry::{
    Changes, CollectionName, Draft, Error, Id, PortableConfig, Precondition, Registration,
    RegistryBackend, Revision,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Longer than any of it takes where nothing is wrong.
const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Directory {
    _temporary: Option<TempDir>,
    pub(crate) path: PathBuf,
}

pub(crate) struct Opened {
    pub(crate) store: FileStore,
    pub(crate) bots: Arc<dyn RegistryBackend>,
}

impl Directory {
    pub(crate) fn new() -> Self {
        let temporary = tempfile::tempdir().expect("a directory");
        let path = temporary.path().join("registry");
        std::fs::create_dir_all(path.join("bots")).expect("a directory");
        Self {
            path,
            _temporary: Some(temporary),
        }
    }

    pub(crate) fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            _temporary: None,
        }
    }

    pub(crate) async fn open(&self) -> Opened {
        self.open_with(FileOptions::default()).await
    }

    pub(crate) async fn open_with(&self, options: FileOptions) -> Opened {
        let store = FileStore::open(&self.path, options).await.expect("a store");
        let bots = store.collection(&CollectionName::bots()).await;
        Opened {
            store,
            bots: bots.expect("a collection"),
        }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join("bots").join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).expect("a file");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).expect("a file")
    }

    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.file(name)).expect("a file");
    }

    /// The names of all files beside one another.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path.join("bots")).expect("a directory");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }

    /// Runs git here, and answers what it says.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let run = Command::new("git")
            .args([
                "-c",
                "user.name=x",
                "-c",
                "user.email=x@example.com",
                "-c",
                "init.defaultBranch=main",
            ])
            .args(arguments)
            .current_dir(&self.path)
            .output()
            .expect("git is installed");
        assert!(
            run.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&run.stderr)
        );
        String::from_utf8(run.stdout).expect("text")
    }
}

impl Opened {
    pub(crate) async fn put(&self, name: &str, config: Value) -> Result<Registration, Error> {
        let draft = Draft::active(PortableConfig::from_value(config).expect("a good config"));
        self.bots.put(&id(name), draft, Precondition::Any).await
    }

    pub(crate) async fn find(&self, name: &str) -> Option<Registration> {
        self.bots.get(&id(name)).await.expect("a read is answered")
    }

    /// The configuration that is served.
    pub(crate) async fn config(&self, name: &str) -> Option<Value> {
        self.find(name).await.map(|it| it.config.into_value())
    }

    /// The log as `id:kind` words.
    pub(crate) async fn told(&self) -> Vec<String> {
        self.told_after(self.first().await).await
    }

    pub(crate) async fn told_after(&self, after: Revision) -> Vec<String> {
        match self.bots.changes(after, usize::MAX).await.expect("the log") {
            Changes::Log { changes, .. } => changes
                .iter()
                .map(|change| format!("{}:{}", change.id, change.kind))
                .collect(),
            compacted @ Changes::Compacted { .. } => panic!("{compacted:?}"),
        }
    }

    /// The revision before the first of the log.
    async fn first(&self) -> Revision {
        match self.bots.changes(Revision::ZERO, 0).await.expect("the log") {
            Changes::Log { .. } => Revision::ZERO,
            Changes::Compacted { oldest, .. } => Revision(oldest.0 - 1),
        }
    }

    pub(crate) async fn head(&self) -> Revision {
        self.bots.head().await.expect("the head")
    }

    pub(crate) async fn problems(&self) -> Vec<String> {
        let problems = self.store.problems().await;
        problems
            .into_iter()
            .map(|problem| problem.message)
            .collect()
    }

    pub(crate) async fn serves(&self, name: &str, config: Value) {
        eventually(&format!("{name} is {config}"), async || {
            self.config(name).await.as_ref() == Some(&config)
        })
        .await;
    }

    pub(crate) async fn serves_none(&self, name: &str) {
        eventually(&format!("{name} is gone"), async || {
            self.find(name).await.is_none()
        })
        .await;
    }
}

/// Waits until something is so; that it never will be is a failure.
pub(crate) async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let done = tokio::time::timeout(DEADLINE, waiting).await;
    assert!(done.is_ok(), "not within {} s: {what}", DEADLINE.as_secs());
}

pub(crate) fn id(name: &str) -> Id {
    Id::new(name).expect("a good id")
}

/// A file of one number.
pub(crate) fn numbered(n: u64) -> String {
    format!("config:\n  n: {n}\n")
}

/// What such a file says.
pub(crate) fn number(n: u64) -> Value {
    json!({ "n": n })
}

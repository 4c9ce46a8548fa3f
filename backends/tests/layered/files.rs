use hotbed_backends::{OpenError, Store, open};
use hotbed_registry::{
    ChangeNote, Changes, CollectionName, Draft, Error, Id, PortableConfig, Precondition, Query,
    RegistryBackend, Revision,
};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Longer than any of it takes where nothing is wrong.
const DEADLINE: Duration = Duration::from_secs(30);

/// A directory of files and whatever is above it.
struct Layers {
    directory: TempDir,
    overlay: &'static str,
}

impl Layers {
    fn new(overlay: &'static str) -> Self {
        let it = Self {
            directory: tempfile::tempdir().expect("a directory"),
            overlay,
        };
        fs::create_dir_all(it.path("base/bots")).expect("a directory");
        it
    }

    fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path("base/bots").join(name), text).expect("a file");
    }

    fn url(&self) -> String {
        let overlay = self.path("overlay");
        let base = self.path("base");
        format!(
            "layered:{}:{},file:{}",
            self.overlay,
            overlay.display(),
            base.display()
        )
    }

    async fn open(&self) -> (Store, Arc<dyn RegistryBackend>) {
        let store = open(&self.url()).await.expect("a store");
        let bots = store.collection(&CollectionName::bots()).await;
        (store, bots.expect("a collection"))
    }
}

fn id(name: &str) -> Id {
    Id::new(name).expect("a good id")
}

async fn put(to: &dyn RegistryBackend, name: &str, config: Value) {
    let draft = Draft::active(PortableConfig::from_value(config).expect("a good config"));
    let written = to.put(&id(name), draft, Precondition::Any).await;
    written.expect("it is written");
}

async fn config(from: &dyn RegistryBackend, name: &str) -> Option<Value> {
    let found = from.get(&id(name)).await.expect("a read is answered");
    found.map(|it| it.config.into_value())
}

async fn serves(it: &dyn RegistryBackend, name: &str, wanted: Option<Value>) {
    let waiting = async {
        while config(it, name).await != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let done = tokio::time::timeout(DEADLINE, waiting).await;
    assert!(done.is_ok(), "{name} is not {wanted:?}");
}

async fn told_after(it: &dyn RegistryBackend, after: Revision) -> Vec<String> {
    let told = it.changes(after, usize::MAX).await.expect("the log");
    let Changes::Log { changes, .. } = told else {
        panic!("nothing is compacted")
    };
    let word = |change: hotbed_registry::Change| format!("{}:{}", change.id, change.kind);
    changes.into_iter().map(word).collect()
}

async fn edits_show_where_nothing_overrides_them(overlay: &'static str) {
    let layers = Layers::new(overlay);
    layers.write("a.yaml", "metadata: {team: red}\nconfig: {n: 1}\n");
    layers.write("b.yaml", "config: {n: 1}\n");
    layers.write("c.yaml", "config: {n: 1}\n");
    let (store, it) = layers.open().await;
    let (other_store, other) = layers.open().await;
    put(&*it, "b", json!({"n": "local"})).await;
    it.delete(&id("c"), Precondition::Present, &ChangeNote::NONE)
        .await
        .expect("it is hidden");
    let before = it.head().await.expect("a head");
    for name in ["a", "b", "c"] {
        layers.write(
            &format!("{name}.yaml"),
            "metadata: {team: red}\nconfig: {n: 2}\n",
        );
    }
    for it in [&*it, &*other] {
        serves(it, "a", Some(json!({"n": 2}))).await;
        assert_eq!(config(it, "b").await, Some(json!({"n": "local"})));
        assert_eq!(config(it, "c").await, None);
        assert_eq!(told_after(it, before).await, ["a:updated"]);
        let red = Query {
            metadata: json!({"team": "red"})
                .as_object()
                .expect("an object")
                .clone(),
            ..Query::default()
        };
        assert_eq!(it.count(&red).await.expect("a count"), 1);
    }
    store.close().await;
    other_store.close().await;

    // Nobody was there; and the override is taken back.
    layers.write("b.yaml", "config: {n: 3}\n");
    fs::remove_file(layers.path("base/bots/a.yaml")).expect("a file");
    let (_store, it) = layers.open().await;
    assert_eq!(told_after(&*it, before.next()).await, ["a:deleted"]);
    it.delete(&id("b"), Precondition::Present, &ChangeNote::NONE)
        .await
        .expect("it is deleted");
    assert_eq!(config(&*it, "b").await, Some(json!({"n": 3})));
    let told = told_after(&*it, before.next().next()).await;
    assert_eq!(told, ["b:deleted", "b:created"]);
    let base = fs::read_to_string(layers.path("base/bots/b.yaml")).expect("a file");
    assert_eq!(base, "config: {n: 3}\n");
    assert_eq!(
        fs::read_dir(layers.path("base/bots"))
            .expect("a directory")
            .count(),
        2
    );
}

#[tokio::test]
async fn edits_show_where_no_row_of_a_database_overrides_them() {
    edits_show_where_nothing_overrides_them("sqlite").await;
}

#[tokio::test]
async fn edits_show_where_no_file_of_another_directory_overrides_them() {
    edits_show_where_nothing_overrides_them("file").await;
}

#[tokio::test]
async fn a_base_that_is_not_there_is_not_taken_for_an_empty_one() {
    let layers = Layers::new("sqlite");
    layers.write("a.yaml", "config: {n: 1}\n");
    let (store, it) = layers.open().await;
    assert_eq!(config(&*it, "a").await, Some(json!({"n": 1})));
    // While it is open, and at a start.
    fs::rename(layers.path("base"), layers.path("away")).expect("a directory");
    assert_eq!(config(&*it, "a").await, Some(json!({"n": 1})));
    store.close().await;
    let refused = open(&layers.url()).await.expect_err("there is no base");
    let OpenError::Registry(refused @ Error::Unavailable { .. }) = refused else {
        panic!("{refused}")
    };
    let base = layers.path("base");
    assert_eq!(
        refused.to_string(),
        format!(
            "registry cannot open its base: file:{0} is missing: restore it, or name another",
            base.display()
        )
    );
    assert!(!base.exists());
    fs::rename(layers.path("away"), &base).expect("a directory");
    let (_store, it) = layers.open().await;
    assert_eq!(told_after(&*it, Revision::ZERO).await, ["a:created"]);
}

#[tokio::test]
async fn what_is_broken_in_a_layer_is_a_problem_of_the_whole() {
    let layers = Layers::new("file");
    layers.write("a.yaml", "config:\n");
    let (store, it) = layers.open().await;
    assert_eq!(config(&*it, "a").await, None);
    let problems = store.problems().await;
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[tokio::test]
async fn a_copy_in_a_directory_says_so_and_may_be_edited() {
    let layers = Layers::new("file");
    layers.write("a.yaml", "config: {n: 1}\n");
    let (_store, it) = layers.open().await;
    assert_eq!(config(&*it, "a").await, Some(json!({"n": 1})));
    let copy = layers.path("overlay/bots/a.yaml");
    let text = fs::read_to_string(&copy).expect("a copy");
    assert!(text.starts_with("metadata:\n  hotbed.base: "), "{text}");
    fs::write(&copy, text.replace("n: 1", "n: 9")).expect("a copy");
    serves(&*it, "a", Some(json!({"n": 9}))).await;
    layers.write("a.yaml", "config: {n: 2}\n");
    layers.write("b.yaml", "config: {n: 2}\n");
    serves(&*it, "b", Some(json!({"n": 2}))).await;
    assert_eq!(config(&*it, "a").await, Some(json!({"n": 9})));
}

//! What a service without revisions can be had to promise, and what not.

use crate::hotbed::{bots_of, store_at};
use hotbed_backends::HttpStore;
use hotbed_registry::{
    Change, ChangeNote, Changes, CollectionName, Draft, Error, Id, PortableConfig, Precondition,
    RegistryBackend, Revision,
};
use hotbed_testkit::ConfigService;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

struct Service {
    path: String,
}

impl Service {
    fn new() -> Self {
        Self {
            path: ConfigService::shared().registry(),
        }
    }

    async fn store(&self, options: &str) -> HttpStore {
        store_at(ConfigService::shared().port(), &self.path, options).await
    }

    /// A process that keeps its book in a directory.
    async fn keeping(&self, dir: &Path) -> (HttpStore, Arc<dyn RegistryBackend>) {
        let store = self.store(&format!("state={}", dir.display())).await;
        let bots = bots_of(&store).await;
        (store, bots)
    }

    /// Somebody else who writes there.
    async fn stranger(&self) -> Arc<dyn RegistryBackend> {
        bots_of(&self.store("").await).await
    }
}

fn id(name: &str) -> Id {
    Id::new(name).unwrap()
}

fn draft(config: Value) -> Draft {
    Draft::active(PortableConfig::from_value(config).unwrap())
}

async fn log(it: &Arc<dyn RegistryBackend>, after: Revision) -> Vec<String> {
    match it.changes(after, usize::MAX).await.unwrap() {
        Changes::Log { changes, .. } => {
            let word =
                |change: &Change| format!("{}:{}:{}", change.revision, change.id, change.kind);
            changes.iter().map(word).collect()
        }
        compacted @ Changes::Compacted { .. } => panic!("{compacted:?}"),
    }
}

#[tokio::test]
async fn what_others_write_is_seen_by_the_next_read_and_is_one_change() {
    let service = Service::new();
    let dir = tempfile::tempdir().unwrap();
    let (_store, it) = service.keeping(dir.path()).await;
    let stranger = service.stranger().await;
    stranger
        .put(&id("a"), draft(json!({"n": 1})), Precondition::Any)
        .await
        .unwrap();
    assert_eq!(
        it.get(&id("a")).await.unwrap().unwrap().revision,
        Revision(1)
    );
    stranger
        .put(&id("a"), draft(json!({"n": 2})), Precondition::Any)
        .await
        .unwrap();
    stranger
        .put(&id("b"), draft(json!({"n": 1})), Precondition::Any)
        .await
        .unwrap();
    assert_eq!(it.head().await.unwrap(), Revision(3));
    stranger
        .delete(&id("a"), Precondition::Any, &ChangeNote::NONE)
        .await
        .unwrap();
    // Written without a difference: nothing to see.
    stranger
        .put(&id("b"), draft(json!({"n": 1})), Precondition::Any)
        .await
        .unwrap();
    assert_eq!(
        log(&it, Revision::ZERO).await,
        ["1:a:created", "2:a:updated", "3:b:created", "4:a:deleted"]
    );
}

#[tokio::test]
async fn a_precondition_protects_from_what_others_wrote_before() {
    let service = Service::new();
    let (it, stranger) = (service.stranger().await, service.stranger().await);
    let first = it
        .put(&id("a"), draft(json!({"n": 1})), Precondition::Absent)
        .await
        .unwrap();
    stranger
        .put(&id("a"), draft(json!({"n": 2})), Precondition::Any)
        .await
        .unwrap();
    let refused = it
        .put(
            &id("a"),
            draft(json!({"n": 3})),
            Precondition::At(first.revision),
        )
        .await;
    let Err(Error::Conflict {
        actual: Some(actual),
        ..
    }) = refused
    else {
        panic!("{refused:?}")
    };
    assert!(actual > first.revision);
    let there = it.get(&id("a")).await.unwrap().unwrap();
    assert_eq!(
        (there.revision, there.config.get("n")),
        (actual, Some(&json!(2)))
    );
    it.put(&id("a"), draft(json!({"n": 3})), Precondition::At(actual))
        .await
        .unwrap();
}

#[tokio::test]
async fn metadata_that_a_write_does_not_name_stays() {
    let service = Service::new();
    let it = service.stranger().await;
    let noted = Draft {
        metadata: json!({"team": "a"}).as_object().cloned(),
        ..draft(json!({}))
    };
    service
        .stranger()
        .await
        .put(&id("a"), noted, Precondition::Any)
        .await
        .unwrap();
    let written = it
        .put(&id("a"), draft(json!({"n": 1})), Precondition::Any)
        .await
        .unwrap();
    assert_eq!(json!(written.metadata), json!({"team": "a"}));
}

#[tokio::test]
async fn revisions_go_on_after_a_restart_where_they_were() {
    let service = Service::new();
    let dir = tempfile::tempdir().unwrap();
    let (store, it) = service.keeping(dir.path()).await;
    for n in 0..3 {
        it.put(&id("a"), draft(json!({"n": n})), Precondition::Any)
            .await
            .unwrap();
    }
    let kept = it
        .put(&id("b"), draft(json!({})), Precondition::Any)
        .await
        .unwrap();
    store.close().await;
    service
        .stranger()
        .await
        .delete(&id("a"), Precondition::Any, &ChangeNote::NONE)
        .await
        .unwrap();

    let (_store, it) = service.keeping(dir.path()).await;
    assert_eq!(it.get(&id("b")).await.unwrap(), Some(kept.clone()));
    assert_eq!(
        log(&it, Revision::ZERO).await,
        [
            "1:a:created",
            "2:a:updated",
            "3:a:updated",
            "4:b:created",
            "5:a:deleted"
        ]
    );
    let again = it
        .put(&id("b"), draft(json!({})), Precondition::At(kept.revision))
        .await;
    assert_eq!(again.unwrap().revision, Revision(6));
}

#[tokio::test]
async fn without_a_state_directory_a_run_begins_beyond_all_earlier_ones() {
    let service = Service::new();
    let before = service.stranger().await;
    let old = before
        .put(&id("a"), draft(json!({})), Precondition::Any)
        .await
        .unwrap()
        .revision;
    drop(before);
    let it = service.stranger().await;
    let head = it.head().await.unwrap();
    assert!(head > old);
    assert!(matches!(
        it.changes(old, 10).await.unwrap(),
        Changes::Compacted { .. }
    ));
    assert_eq!(it.get(&id("a")).await.unwrap().unwrap().revision, head);
}

#[tokio::test]
async fn two_processes_do_not_share_a_state_directory() {
    let service = Service::new();
    let dir = tempfile::tempdir().unwrap();
    let (_store, _it) = service.keeping(dir.path()).await;
    let other = service
        .store(&format!("state={}", dir.path().display()))
        .await;
    let refused = other
        .collection(&CollectionName::bots())
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("another process uses it"), "{refused}");
}

#[tokio::test]
async fn readers_who_wait_together_share_one_look() {
    use crate::hostile_server::{HostileServer, Reply};
    let server = HostileServer::start(|asked| {
        if asked.head.starts_with("GET /api/configs ") {
            Reply::json("[]")
        } else {
            Reply::whole("404 Not Found", "application/json", "{}")
        }
    });
    let server = server.await;
    let it = bots_of(&store_at(server.port, "/api", "").await).await;
    let before = server.asked();
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let it = Arc::clone(&it);
        readers.spawn(async move { it.head().await.unwrap() });
    }
    readers.join_all().await;
    let looks = server.asked() - before;
    assert!(looks < 20, "{looks} looks for 100 readers");
}

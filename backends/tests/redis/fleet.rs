//! A node that announces on Redis and listens to it.

use async_trait::async_trait;
use hotbed_backends::open_bus;
use hotbed_cache::{BoxError, CachingRegistryManager, InstanceFactory};
use hotbed_configs::ResolvedConfig;
use hotbed_events::{Interest, Topic};
use hotbed_hotreload::{Handle, HotReloadManager, ReloadMode};
use hotbed_registry::{
    Access, ChangeNote, Changes, CollectionName, Draft, Error, Id, MemoryBackend, Page, Past,
    PortableConfig, Precondition, Query, Registration, Registry, RegistryBackend, Retention,
    Revision,
};
use hotbed_testkit::{FaultProxy, NetworkFault, RedisServer};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

const DEADLINE: Duration = Duration::from_secs(20);
const TOPICS: [&str; 3] = ["registry:bots", "registry:instances", "registry:configs"];

/// A store whose log is counted when it is read.
#[derive(Debug, Default)]
struct Counted {
    truth: MemoryBackend,
    log_reads: AtomicUsize,
}

#[async_trait]
impl RegistryBackend for Counted {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        self.truth.get(id).await
    }

    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error> {
        self.truth.put(id, draft, when).await
    }

    async fn delete(
        &self,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        self.truth.delete(id, when, note).await
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        self.truth.list(query).await
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        self.truth.count(query).await
    }

    async fn head(&self) -> Result<Revision, Error> {
        self.truth.head().await
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        self.truth.heads(after, limit).await
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        self.log_reads.fetch_add(1, Ordering::SeqCst);
        self.truth.changes(after, limit).await
    }

    async fn touch(&self, accesses: &[Access]) -> Result<(), Error> {
        self.truth.touch(accesses).await
    }

    async fn compact(&self, keep: Retention) -> Result<Revision, Error> {
        self.truth.compact(keep).await
    }

    async fn history(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        self.truth.history(id, before, limit).await
    }

    async fn past(&self, id: &Id, revision: Revision) -> Result<Option<Past>, Error> {
        self.truth.past(id, revision).await
    }
}

/// Makes revisions.
#[derive(Debug, Clone, Default)]
struct Builds(Arc<AtomicUsize>);

#[async_trait]
impl InstanceFactory<Revision> for Builds {
    async fn create(
        &self,
        _: &Id,
        revision: Revision,
        _: ResolvedConfig,
    ) -> Result<Revision, BoxError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(revision)
    }
}

/// A node that goes by events alone.
struct Node {
    store: Arc<Counted>,
    registry: Registry,
    bots: Arc<CachingRegistryManager<Revision>>,
    builds: Builds,
    handle: Handle,
    _runs: DropGuard,
}

impl Node {
    fn start(port: u16) -> Self {
        let store = Arc::new(Counted::default());
        let url = format!("redis://127.0.0.1:{port}");
        let bus = open_bus(&url.parse().unwrap());
        let topics = TOPICS.map(|name| Topic::new(name).unwrap());
        let registry = Registry::builder(
            CollectionName::bots(),
            Arc::clone(&store) as _,
            Arc::clone(&bus),
        )
        .topics(topics.clone())
        .build();
        let builds = Builds::default();
        let bots = CachingRegistryManager::builder(registry.reader(), builds.clone()).build();
        let bots = Arc::new(bots);
        registry.add_observer(Arc::clone(&bots) as _);
        let mode = ReloadMode::EventDriven {
            bus,
            topics: topics.into_iter().collect::<Interest>(),
        };
        let manager = HotReloadManager::new(registry.reader(), mode, vec![Arc::clone(&bots) as _]);
        let handle = manager.handle();
        let stop = CancellationToken::new();
        drop(TaskTracker::new().spawn(manager.run(stop.clone())));
        Self {
            store,
            registry,
            bots,
            builds,
            handle,
            _runs: stop.drop_guard(),
        }
    }

    async fn write(&self) -> Revision {
        let draft = Draft::active(PortableConfig::from_value(json!({})).unwrap());
        let id = Id::new("bot").unwrap();
        let put = self.registry.put(&id, draft, Precondition::Any).await;
        put.unwrap().registration.revision
    }

    async fn served(&self) -> Revision {
        *self.bots.get_or_create("bot").await.unwrap()
    }

    fn log_reads(&self) -> usize {
        self.store.log_reads.load(Ordering::SeqCst)
    }

    /// Waits until the loop has reached a revision.
    async fn follows(&self, revision: Revision) {
        let mut reached = self.handle.reached();
        let following = reached.wait_for(|reached| *reached >= revision);
        let followed = timeout(DEADLINE, following).await;
        followed.expect("the loop follows in time").unwrap();
    }

    /// Waits until all is read that was asked for.
    async fn is_calm(&self) {
        let calm = async {
            while self.handle.freshness().stale {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(DEADLINE, calm).await.expect("it hears the bus");
    }
}

/// Mutations it catches: invalidating on every event; `Step::OldNews` or `Step::Next` that has the log read.
#[tokio::test(flavor = "multi_thread")]
async fn a_nodes_own_echo_builds_nothing_anew_and_reads_no_log() {
    let server = RedisServer::start(&[]);
    let node = Node::start(server.port());
    node.is_calm().await;
    let first = node.write().await;
    assert_eq!(node.served().await, first);
    node.follows(first).await;
    node.is_calm().await;
    let (builds, log_reads) = (node.builds.0.load(Ordering::SeqCst), node.log_reads());
    let mut last = first;
    for _ in 0..20 {
        last = node.write().await;
        assert_eq!(node.served().await, last);
        node.follows(last).await;
        assert_eq!(node.served().await, last);
    }
    assert_eq!(last, Revision(first.0 + 20));
    // Each write is announced on three topics, in order: once the next is heard, so are all copies of those before. A
    // read that one of them asked for would come now.
    let fence = node.write().await;
    node.follows(fence).await;
    node.is_calm().await;
    assert_eq!(node.served().await, fence);
    assert_eq!(
        node.builds.0.load(Ordering::SeqCst),
        builds + 21,
        "one each"
    );
    assert_eq!(node.log_reads(), log_reads, "its own writes are no news");
}

/// Mutation it catches: announcing before the writer is answered.
#[tokio::test(flavor = "multi_thread")]
async fn with_redis_down_a_write_is_answered_promptly() {
    let server = RedisServer::start(&[]);
    let proxy = FaultProxy::to(server.port());
    let node = Node::start(proxy.port());
    node.is_calm().await;
    // Connected, so that what comes next waits for an answer.
    node.write().await;
    node.follows(Revision(1)).await;
    proxy.set(NetworkFault::Silence);
    for n in 0..20 {
        if n == 10 {
            proxy.set(NetworkFault::None);
            server.kill();
        }
        let began = Instant::now();
        let written = node.write().await;
        let took = began.elapsed();
        assert!(took < Duration::from_millis(900), "{took:?}");
        assert_eq!(node.served().await, written);
    }
    // And what could not be announced is known as soon as the bus is heard again.
    server.resume();
    node.follows(Revision(21)).await;
    // Once that connection is made anew too, the others are told.
    let told = async {
        let mut reached = node.handle.reached();
        loop {
            let written = node.write().await;
            let following = reached.wait_for(|reached| *reached >= written);
            if timeout(Duration::from_secs(1), following).await.is_ok() {
                break;
            }
        }
    };
    timeout(DEADLINE, told)
        .await
        .expect("it is announced again");
}

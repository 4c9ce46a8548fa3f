//! A real hotbed in this process, over SQLite.

use crate::mods_harness::Mods;
use async_trait::async_trait;
use chrono::Utc;
use hotbed_api::Readiness;
use hotbed_backends::{HttpStore, RegistryUrl, SqliteOptions, SqliteStore};
use hotbed_bots::{Bot, BotFactory, ConversationLimits, Conversations, ProviderKeys};
use hotbed_cache::{CacheSettings, CachingRegistryManager};
use hotbed_events::MemoryBus;
use hotbed_fleet::{Member, NodeId, Pace};
use hotbed_hotreload::{HotReloadManager, ReloadMode, ReloadTarget};
use hotbed_registry::{
    Access as Noted, Admission, ChangeNote, Changes, CollectionName, Draft, Error, Id, Page, Past,
    Precondition, Query, Registration, Registry, RegistryBackend, Retention, Revision,
};
use hotbed_server::{Access, Authority, Chats, Limits, NodeInfo, Reporter, ServerState, serve};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A server that listens, gone when this is dropped.
pub(crate) struct Hotbed {
    pub(crate) port: u16,
    /// What it keeps its registrations in.
    pub(crate) behind: Arc<dyn RegistryBackend>,
    _tasks: JoinSet<()>,
    _readiness: watch::Sender<Readiness>,
    _warnings: watch::Sender<Vec<String>>,
    _dir: TempDir,
}

impl Hotbed {
    pub(crate) async fn start() -> Self {
        Self::with(Admission::Permissive).await
    }

    pub(crate) async fn with(admission: Admission) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hotbed.db");
        let store = SqliteStore::open(&file, SqliteOptions::default());
        let behind = store.await.unwrap().collection(&CollectionName::bots());
        let bus = Arc::new(MemoryBus::new());
        let name = CollectionName::bots();
        let topic = Registry::topic_of(&name);
        let registry = Registry::builder(name, Arc::clone(&behind), Arc::clone(&bus) as _)
            .admission(admission)
            .build();
        let factory = BotFactory::new(
            ProviderKeys::default(),
            Conversations::new(ConversationLimits::default()),
        );
        let bots = CachingRegistryManager::<Bot>::builder(registry.reader(), factory);
        let bots = Arc::new(bots.settings(CacheSettings::default()).build());
        registry.add_observer(Arc::clone(&bots) as _);
        registry.add_check(Arc::new(bots.door_check()));
        let mode = ReloadMode::Hybrid {
            bus: Arc::clone(&bus) as _,
            topics: topic.into(),
            every: Duration::from_secs(5),
        };
        let targets: Vec<Arc<dyn ReloadTarget>> = vec![Arc::clone(&bots) as _];
        let manager = HotReloadManager::new(registry.reader(), mode, targets);
        let hot_reload = manager.handle();
        let mut tasks = JoinSet::new();
        tasks.spawn(manager.run(CancellationToken::new()));
        hot_reload.sync().await.unwrap();
        let (readiness, ready) = watch::channel(Readiness::Ready);
        let (warnings, warned) = watch::channel(Vec::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let info = NodeInfo {
            node: NodeId::new("node-1").unwrap(),
            version: "1.2.3".into(),
            started: Instant::now(),
            environment: "test".into(),
            registry: "sqlite:".into(),
            bus: "memory:".into(),
            admission,
            warnings: warned,
        };
        let kept = Mods::follow(&mut tasks).await;
        let reporter = Reporter {
            info: info.clone(),
            incarnation: Uuid::new_v4(),
            host: "host".into(),
            address,
            started_at: Utc::now(),
            collection: registry.collection().clone(),
            bots: Arc::clone(&bots),
            hot_reload: hot_reload.clone(),
            mods_collection: CollectionName::new("mods").unwrap(),
            mods: kept.desk.clone(),
            mods_reload: kept.handle.clone(),
            readiness: ready.clone(),
        };
        let steps = hot_reload.reached();
        let member = Member::new(bus as _, None, Arc::new(reporter), steps, Pace::default());
        let state = ServerState {
            registry,
            bots,
            hot_reload,
            mods: kept.desk,
            mods_reload: kept.handle,
            agents: kept.network,
            authority: Authority::new(address, None),
            chats: Chats::default(),
            fleet: member.fleet(),
            info,
            access: Access {
                listen: address,
                hosts: Vec::new(),
            },
            limits: watch::channel(Limits::default()).1,
            readiness: ready,
            shutdown: CancellationToken::new(),
        };
        tasks.spawn(async move {
            serve(listener, state).await.unwrap();
        });
        Self {
            port: address.port(),
            behind,
            _tasks: tasks,
            _readiness: readiness,
            _warnings: warnings,
            _dir: dir,
        }
    }

    /// A store at this server, with connections of its own.
    pub(crate) async fn store(&self, options: &str) -> HttpStore {
        store_at(self.port, "/api/v1", options).await
    }

    /// A handle on its bots, with connections of its own.
    pub(crate) async fn bots(&self) -> Arc<dyn RegistryBackend> {
        bots_of(&self.store("").await).await
    }
}

/// A store at a port of this machine.
pub(crate) async fn store_at(port: u16, path: &str, options: &str) -> HttpStore {
    let url = format!("http://127.0.0.1:{port}{path}?{options}");
    let Ok(RegistryUrl::Http(url)) = url.parse() else {
        panic!("a good URL")
    };
    HttpStore::open(&url).await.unwrap()
}

pub(crate) async fn bots_of(store: &HttpStore) -> Arc<dyn RegistryBackend> {
    store.collection(&CollectionName::bots()).await.unwrap()
}

/// A handle across the network, whose compaction is that of what is behind the server: a client cannot have another
/// hotbed compact its log, and the cases that need a compacted one are about how it is told.
#[derive(Debug)]
pub(crate) struct CompactedBehind {
    pub(crate) http: Arc<dyn RegistryBackend>,
    pub(crate) behind: Arc<dyn RegistryBackend>,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl RegistryBackend for CompactedBehind {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        self.http.get(id).await
    }

    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error> {
        self.http.put(id, draft, when).await
    }

    async fn delete(
        &self,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        self.http.delete(id, when, note).await
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        self.http.list(query).await
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        self.http.count(query).await
    }

    async fn head(&self) -> Result<Revision, Error> {
        self.http.head().await
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        self.http.heads(after, limit).await
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        self.http.changes(after, limit).await
    }

    async fn touch(&self, accesses: &[Noted]) -> Result<(), Error> {
        self.http.touch(accesses).await
    }

    async fn compact(&self, keep: Retention) -> Result<Revision, Error> {
        let oldest = self.behind.compact(keep).await?;
        // What a client answers: the oldest revision that the other side tells.
        assert_eq!(self.http.compact(keep).await?, oldest);
        Ok(oldest)
    }

    async fn history(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        self.http.history(id, before, limit).await
    }

    async fn past(&self, id: &Id, revision: Revision) -> Result<Option<Past>, Error> {
        self.http.past(id, revision).await
    }
}

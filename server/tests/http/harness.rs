//! One node over a memory registry that can be put out of order.

use crate::mods_harness::Mods;
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use chrono::Utc;
use hotbed_api::Readiness;
use hotbed_bots::{Bot, BotFactory, ConversationLimits, Conversations, ProviderKeys};
use hotbed_cache::{CacheSettings, CachingRegistryManager};
use hotbed_events::MemoryBus;
use hotbed_fleet::{Member, NodeId, Pace};
use hotbed_hotreload::{HotReloadManager, ReloadMode, ReloadTarget};
use hotbed_registry::{
    Access as Noted, Admission, ChangeNote, Changes, CollectionName, Draft, Error, Id,
    MemoryBackend, Page, Past, Precondition, Query, Registration, Registry, RegistryBackend,
    Retention, Revision, Snapshot,
};
use hotbed_server::{Access, Authority, Chats, Limits, NodeInfo, Reporter, ServerState, router};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;

/// No step of a test takes so long; what does is stuck.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct Node {
    pub(crate) state: ServerState,
    pub(crate) router: Router,
    pub(crate) backend: Arc<Switch>,
    pub(crate) mods_registry: Registry,
    pub(crate) readiness: watch::Sender<Readiness>,
    pub(crate) warnings: watch::Sender<Vec<String>>,
    _loop: JoinSet<()>,
}

/// What a request was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.bytes);
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn detail(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(
            problem["type"]
                .as_str()
                .unwrap()
                .starts_with("urn:hotbed:problem:")
        );
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        problem["detail"].as_str().unwrap().to_owned()
    }
}

impl Node {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default(), Admission::Permissive).await
    }

    pub(crate) async fn with(limits: Limits, admission: Admission) -> Self {
        Self::over(Arc::default(), None, limits, admission).await
    }

    /// Another node on the same registry, which hears nothing from this one.
    pub(crate) async fn beside(&self) -> Self {
        let backend = Arc::clone(&self.backend);
        Self::over(backend, None, Limits::default(), Admission::Permissive).await
    }

    #[expect(clippy::too_many_lines, reason = "one list of all parts")]
    pub(crate) async fn over(
        backend: Arc<Switch>,
        snapshot: Option<Arc<dyn Snapshot>>,
        limits: Limits,
        admission: Admission,
    ) -> Self {
        let bus = Arc::new(MemoryBus::new());
        let collection = CollectionName::bots();
        let topic = Registry::topic_of(&collection);
        let mut registry =
            Registry::builder(collection, Arc::clone(&backend) as _, Arc::clone(&bus) as _)
                .admission(admission);
        if let Some(snapshot) = snapshot {
            registry = registry.snapshot(snapshot);
        }
        let registry = registry.build();
        let factory = BotFactory::new(
            ProviderKeys::default(),
            Conversations::new(ConversationLimits::default()),
        );
        let settings = CacheSettings {
            backoff: Duration::from_mins(1),
            ..CacheSettings::default()
        };
        let bots = Arc::new(
            CachingRegistryManager::<Bot>::builder(registry.reader(), factory)
                .settings(settings)
                .build(),
        );
        registry.add_observer(Arc::clone(&bots) as _);
        registry.add_check(Arc::new(bots.door_check()));
        let mode = ReloadMode::Hybrid {
            bus: Arc::clone(&bus) as _,
            topics: topic.into(),
            every: Duration::from_hours(1),
        };
        let targets: Vec<Arc<dyn ReloadTarget>> = vec![Arc::clone(&bots) as _];
        let manager = HotReloadManager::new(registry.reader(), mode, targets);
        let hot_reload = manager.handle();
        let shutdown = CancellationToken::new();
        let mut following = JoinSet::new();
        following.spawn(manager.run(CancellationToken::new()));
        hot_reload.sync().await.unwrap();
        let (readiness, ready) = watch::channel(Readiness::Ready);
        let (warnings, warned) = watch::channel(vec!["a warning".to_owned()]);
        let info = NodeInfo {
            node: NodeId::new("node-1").unwrap(),
            version: "1.2.3".into(),
            started: Instant::now(),
            environment: "test".into(),
            registry: "memory:".into(),
            bus: "memory:".into(),
            admission,
            warnings: warned,
        };
        let Mods {
            desk,
            handle: mods_reload,
            network,
            registry: mods_registry,
        } = Mods::follow(&mut following).await;
        let reporter = Reporter {
            info: info.clone(),
            incarnation: Uuid::new_v4(),
            host: "host".into(),
            address: "127.0.0.1:8700".parse().unwrap(),
            started_at: Utc::now(),
            collection: CollectionName::bots(),
            bots: Arc::clone(&bots),
            hot_reload: hot_reload.clone(),
            mods_collection: mods_registry.collection().clone(),
            mods: desk.clone(),
            mods_reload: mods_reload.clone(),
            readiness: ready.clone(),
        };
        let steps = hot_reload.reached();
        let member = Member::new(bus, None, Arc::new(reporter), steps, Pace::default());
        let fleet = member.fleet();
        following.spawn(member.run(CancellationToken::new()));
        let access = Access {
            listen: "127.0.0.1:8700".parse().unwrap(),
            hosts: Vec::new(),
        };
        let state = ServerState {
            registry,
            bots,
            hot_reload,
            mods: desk,
            mods_reload,
            agents: network,
            authority: Authority::new(access.listen, None),
            chats: Chats::default(),
            fleet,
            info,
            access,
            limits: watch::channel(limits).1,
            readiness: ready,
            shutdown,
        };
        let router = router(state.clone());
        Self {
            state,
            router,
            backend,
            mods_registry,
            readiness,
            warnings,
            _loop: following,
        }
    }

    /// Makes sure that there is a wiki of this name, and that it runs.
    pub(crate) async fn wiki(&self, id: &str) {
        let registration = serde_json::json!({"path": "openagents.mods.core.wiki"});
        let Value::Object(registration) = registration else {
            unreachable!("it is written here")
        };
        let (id, when) = (Id::new(id).unwrap(), Precondition::Any);
        let put = self
            .state
            .mods
            .put(&id, registration, None, when, ChangeNote::NONE);
        put.await.unwrap();
    }

    /// Sends a request and begins to read the answer.
    pub(crate) async fn open(&self, request: Request<Body>) -> Response<Body> {
        timeout(DEADLINE, self.router.clone().oneshot(request))
            .await
            .expect("answered in time")
            .unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.open(request).await;
        let (parts, body) = response.into_parts();
        let bytes = timeout(DEADLINE, to_bytes(body, usize::MAX))
            .await
            .expect("answered whole in time")
            .unwrap();
        let answer = Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            bytes: bytes.to_vec(),
        };
        assert!(answer.header("x-request-id").is_some());
        assert!(answer.header("x-hotbed-revision").is_some());
        let is_error = parts.status.is_client_error() || parts.status.is_server_error();
        if is_error && !is_health(&answer) && !is_malformed(&answer) {
            answer.detail();
        }
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(request(Method::DELETE, path)).await
    }

    /// A POST without a body, as the Python client sends it.
    pub(crate) async fn post_nothing(&self, path: &str) -> Answer {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("content-length", "0");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(with_json(Method::POST, path, &body.to_string()))
            .await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(with_json(Method::PUT, path, &body.to_string()))
            .await
    }

    pub(crate) async fn head(&self) -> Revision {
        self.state.registry.reader().head().await.unwrap()
    }

    /// Talks to a bot: which revision answered, or the status of the refusal.
    pub(crate) async fn chat(&self, id: &str) -> Result<u64, u16> {
        let message = serde_json::json!({"message": "hello"});
        let answer = self
            .post(&format!("/api/v1/bots/{id}/chat"), &message)
            .await;
        match answer.status {
            OK => Ok(answer.json()["revision"].as_u64().unwrap()),
            status => Err(status),
        }
    }

    /// An echo bot, at its revision.
    pub(crate) async fn bot(&self, id: &str) -> u64 {
        let config = serde_json::json!({"config": {"llm": {"provider": "echo"}, "system_prompt": "Be kind."}});
        let answer = self.put(&format!("/api/v1/bots/{id}"), &config).await;
        assert!(answer.status < 300, "{answer:?}");
        answer.json()["revision"].as_u64().unwrap()
    }
}

fn is_health(answer: &Answer) -> bool {
    answer.status >= 500 && answer.header("content-type") == Some("application/json")
}

/// Whether it is what agents are told whose request cannot be understood.
fn is_malformed(answer: &Answer) -> bool {
    answer.status == 400 && answer.header("content-type") == Some("application/json")
}

pub(crate) fn request(method: Method, path: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .body(Body::empty())
        .unwrap()
}

pub(crate) fn with_json(method: Method, path: &str, body: &str) -> Request<Body> {
    with_bytes(method, path, body.as_bytes().to_vec())
}

pub(crate) fn with_bytes(method: Method, path: &str, body: Vec<u8>) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap()
}

pub(crate) fn with_header(
    mut request: Request<Body>,
    name: &'static str,
    value: &str,
) -> Request<Body> {
    request.headers_mut().append(name, value.parse().unwrap());
    request
}

pub(crate) const OK: u16 = StatusCode::OK.as_u16();

/// A memory backend that can be put out of order.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    memory: MemoryBackend,
    order: Mutex<Order>,
    log_reads: AtomicUsize,
    /// The limit of each list that was read.
    lists: Mutex<Vec<Option<u64>>>,
    /// After so many more lists there is no other.
    lists_left: Mutex<Option<usize>>,
    /// The next answer to a read of one registration waits for this, on its way.
    on_its_way: Mutex<Option<Arc<Semaphore>>>,
}

/// What becomes of a call to a [`Switch`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Order {
    #[default]
    Works,
    Fails,
    /// Only the log does.
    LogFails,
    /// Works, but keeps no history.
    Forgets,
    Hangs,
    Panics,
}

impl Switch {
    pub(crate) fn turn(&self, order: Order) {
        *self.order.lock().unwrap() = order;
    }

    /// How often the log was read.
    pub(crate) fn log_reads(&self) -> usize {
        self.log_reads.load(Ordering::SeqCst)
    }

    /// The limits of the lists that were read since this was asked for last.
    pub(crate) fn lists(&self) -> Vec<Option<u64>> {
        std::mem::take(&mut self.lists.lock().unwrap())
    }

    /// Has every list fail but the next few.
    pub(crate) fn fail_lists_after(&self, count: usize) {
        *self.lists_left.lock().unwrap() = Some(count);
    }

    /// Holds the answer to the next read of one registration back until the semaphore has a permit.
    pub(crate) fn hold_next_answer(&self) -> Arc<Semaphore> {
        let held = Arc::new(Semaphore::new(0));
        *self.on_its_way.lock().unwrap() = Some(Arc::clone(&held));
        held
    }

    /// Whether an answer is held back.
    pub(crate) fn holds_an_answer(&self) -> bool {
        self.on_its_way.lock().unwrap().is_none()
    }

    fn note_list(&self, query: &Query) -> Result<(), Error> {
        self.lists.lock().unwrap().push(query.limit);
        match &mut *self.lists_left.lock().unwrap() {
            None => Ok(()),
            Some(0) => Err(out_of_order()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn remembering(&self) -> Result<(), Error> {
        match *self.order.lock().unwrap() {
            Order::Forgets => Err(Error::Unsupported {
                operation: "remember",
                reason: "it keeps nothing".into(),
            }),
            _ => Ok(()),
        }
    }

    async fn on(&self) -> Result<&MemoryBackend, Error> {
        let order = *self.order.lock().unwrap();
        match order {
            Order::Works | Order::LogFails | Order::Forgets => Ok(&self.memory),
            Order::Fails => Err(out_of_order()),
            Order::Hangs => std::future::pending().await,
            Order::Panics => panic!("a secret"),
        }
    }
}

fn out_of_order() -> Error {
    Error::Unavailable {
        operation: "do this",
        reason: "/secret/path is full".into(),
        source: Some("inner secret".into()),
    }
}

#[async_trait]
impl RegistryBackend for Switch {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        let answer = self.on().await?.get(id).await;
        let held = self.on_its_way.lock().unwrap().take();
        if let Some(held) = held {
            drop(held.acquire().await);
        }
        answer
    }

    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error> {
        self.on().await?.put(id, draft, when).await
    }

    async fn delete(
        &self,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        self.on().await?.delete(id, when, note).await
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        self.note_list(query)?;
        self.on().await?.list(query).await
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        self.on().await?.count(query).await
    }

    async fn head(&self) -> Result<Revision, Error> {
        self.on().await?.head().await
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        self.on().await?.heads(after, limit).await
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        self.log_reads.fetch_add(1, Ordering::SeqCst);
        // As a store that is elsewhere: others run meanwhile.
        tokio::task::yield_now().await;
        if matches!(*self.order.lock().unwrap(), Order::LogFails) {
            return Err(out_of_order());
        }
        self.on().await?.changes(after, limit).await
    }

    async fn touch(&self, accesses: &[Noted]) -> Result<(), Error> {
        self.on().await?.touch(accesses).await
    }

    async fn compact(&self, keep: Retention) -> Result<Revision, Error> {
        self.on().await?.compact(keep).await
    }

    async fn history(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        self.remembering()?;
        self.on().await?.history(id, before, limit).await
    }

    async fn past(&self, id: &Id, revision: Revision) -> Result<Option<Past>, Error> {
        self.remembering()?;
        self.on().await?.past(id, revision).await
    }
}

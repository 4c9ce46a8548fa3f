//! Collections in memory, and one that does what a test says before each call.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hotbed_registry::moving::{Migration, MigrationReport, MoveError, Verdict};
use hotbed_registry::{
    Access, ChangeNote, Changes, Draft, Error, Id, MemoryBackend, Page, PortableConfig,
    Precondition, Query, Registration, RegistryBackend, Retention, Revision, Status,
};
use serde_json::{Value, json};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub(crate) type Backend = Arc<dyn RegistryBackend>;

pub(crate) fn id(name: &str) -> Id {
    Id::new(name).unwrap()
}

pub(crate) fn config(value: Value) -> PortableConfig {
    PortableConfig::from_value(value).unwrap()
}

pub(crate) fn draft(value: impl Into<Value>) -> Draft {
    Draft::active(config(json!({ "value": value.into() })))
}

pub(crate) async fn put(backend: &dyn RegistryBackend, name: &str, value: impl Into<Value>) {
    let id = id(name);
    let written = backend.put(&id, draft(value), Precondition::Any);
    written.await.unwrap();
}

pub(crate) async fn remove(backend: &dyn RegistryBackend, name: &str) {
    let removed = backend
        .delete(&id(name), Precondition::Any, &ChangeNote::NONE)
        .await;
    removed.unwrap();
}

/// A collection of so many registrations, no two alike.
pub(crate) async fn filled(count: usize) -> Backend {
    let backend = MemoryBackend::new();
    for n in 0..count {
        let written = Draft {
            config: config(json!({"n": n, "x": 0.5})),
            status: [Status::Active, Status::Inactive, Status::Error][n % 3],
            metadata: json!({"team": n % 7, "b": {"d": 1, "c": [n]}})
                .as_object()
                .cloned(),
            created_at: Some(day(n)),
        };
        let id = name(n);
        let written = backend.put(&id, written, Precondition::Absent);
        written.await.unwrap();
    }
    Arc::new(backend)
}

pub(crate) fn day(n: usize) -> DateTime<Utc> {
    DateTime::from_timestamp(1_600_000_000 + i64::try_from(n).unwrap() * 86_400, 0).unwrap()
}

pub(crate) fn name(n: usize) -> Id {
    id(&format!("bot-{n:05}"))
}

pub(crate) fn empty() -> Backend {
    Arc::new(MemoryBackend::new())
}

/// What is to be equal on both sides.
pub(crate) type Content = (Id, Value, Status, Value);

pub(crate) async fn content(backend: &dyn RegistryBackend) -> Vec<Content> {
    let all = backend.list(&Query::default()).await.unwrap().items;
    let content = |it: Registration| {
        (
            it.id,
            it.config.into_value(),
            it.status,
            Value::Object(it.metadata),
        )
    };
    all.into_iter().map(content).collect()
}

pub(crate) async fn migrate(
    source: &Backend,
    target: &Backend,
) -> Result<MigrationReport, MoveError> {
    Migration::new(Arc::clone(source), Arc::clone(target))
        .run(&|_| {})
        .await
}

#[track_caller]
pub(crate) fn assert_equal(report: &MigrationReport) {
    assert!(
        matches!(report.verdict, Some(Verdict::Equal { .. })) && report.failures.is_empty(),
        "{report:?}"
    );
}

/// What is about to be done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Call {
    Put(Id),
    List,
    Changes,
}

type Rule = Box<dyn Fn(&MemoryBackend, &Call) -> Result<(), Error> + Send + Sync>;

/// A collection that does something before some of the calls, or refuses them.
pub(crate) struct Ruled {
    pub(crate) inner: Arc<MemoryBackend>,
    rule: Rule,
    /// What is stored instead of what was written.
    alter: Mutex<Option<Draft>>,
    pub(crate) puts: AtomicUsize,
}

impl Ruled {
    pub(crate) fn new(
        rule: impl Fn(&MemoryBackend, &Call) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::over(MemoryBackend::new(), rule)
    }

    pub(crate) fn over(
        inner: MemoryBackend,
        rule: impl Fn(&MemoryBackend, &Call) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::new(inner),
            rule: Box::new(rule),
            alter: Mutex::new(None),
            puts: AtomicUsize::new(0),
        })
    }

    pub(crate) fn alter_next(&self, stored: Draft) {
        *self.alter.lock().unwrap() = Some(stored);
    }
}

impl fmt::Debug for Ruled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ruled").finish_non_exhaustive()
    }
}

#[async_trait]
impl RegistryBackend for Ruled {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        self.inner.get(id).await
    }

    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error> {
        self.puts.fetch_add(1, Ordering::Relaxed);
        (self.rule)(&self.inner, &Call::Put(id.clone()))?;
        let altered = self.alter.lock().unwrap().take();
        self.inner.put(id, altered.unwrap_or(draft), when).await
    }

    async fn delete(
        &self,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        self.inner.delete(id, when, note).await
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        (self.rule)(&self.inner, &Call::List)?;
        self.inner.list(query).await
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        self.inner.count(query).await
    }

    async fn head(&self) -> Result<Revision, Error> {
        self.inner.head().await
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        self.inner.heads(after, limit).await
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        (self.rule)(&self.inner, &Call::Changes)?;
        self.inner.changes(after, limit).await
    }

    async fn touch(&self, accesses: &[Access]) -> Result<(), Error> {
        self.inner.touch(accesses).await
    }

    async fn compact(&self, keep: Retention) -> Result<Revision, Error> {
        self.inner.compact(keep).await
    }
}

/// Runs what a collection in memory does at once.
pub(crate) fn now<T>(work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match work.as_mut().poll(&mut context) {
        std::task::Poll::Ready(done) => done,
        std::task::Poll::Pending => panic!("memory waits for nothing"),
    }
}

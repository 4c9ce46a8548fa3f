//! A memory backend that counts what it is asked, misbehaves by a rule, and can be replaced by another.

use async_trait::async_trait;
use hotbed_registry::{
    Access, ChangeNote, Changes, Draft, Error, Id, MemoryBackend, Page, Past, Precondition, Query,
    Registration, RegistryBackend, Retention, Revision,
};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a backend is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    Head,
    Heads,
    Changes,
    Get,
    Write,
    Other,
}

/// How a call goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    None,
    /// It does not happen.
    Fail,
    /// It happens, and nobody learns of it.
    LoseAnswer,
    /// It never ends.
    Hang,
    /// It happens now, and the answer is old when it arrives.
    Late(Duration),
}

type Rule = dyn FnMut(Call) -> Fault + Send;

pub(crate) struct FaultyBackend {
    inner: Mutex<Arc<MemoryBackend>>,
    rule: Mutex<Box<Rule>>,
    calls: Mutex<HashMap<Call, usize>>,
}

impl FaultyBackend {
    /// One that does as well as any.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::default(),
            rule: Mutex::new(Box::new(|_| Fault::None)),
            calls: Mutex::default(),
        })
    }

    /// From now on calls go by this rule.
    pub(crate) fn rule(&self, rule: impl FnMut(Call) -> Fault + Send + 'static) {
        *self.rule.lock().unwrap() = Box::new(rule);
    }

    pub(crate) fn repair(&self) {
        self.rule(|_| Fault::None);
    }

    /// An empty collection takes the place of this one.
    pub(crate) fn replace(&self) {
        *self.inner.lock().unwrap() = Arc::default();
    }

    /// What is stored, whatever the rule.
    pub(crate) fn truth(&self) -> Arc<MemoryBackend> {
        Arc::clone(&self.inner.lock().unwrap())
    }

    /// The calls of a kind so far.
    pub(crate) fn calls(&self, call: Call) -> usize {
        self.calls.lock().unwrap().get(&call).copied().unwrap_or(0)
    }

    /// All calls so far.
    pub(crate) fn all_calls(&self) -> usize {
        self.calls.lock().unwrap().values().sum()
    }

    async fn serve<R>(
        &self,
        call: Call,
        work: impl Future<Output = Result<R, Error>>,
    ) -> Result<R, Error> {
        *self.calls.lock().unwrap().entry(call).or_default() += 1;
        let fault = (self.rule.lock().unwrap())(call);
        match fault {
            Fault::None => work.await,
            Fault::Fail => Err(told_to_fail()),
            Fault::LoseAnswer => work.await.and(Err(told_to_fail())),
            Fault::Hang => std::future::pending().await,
            Fault::Late(by) => {
                let answer = work.await;
                tokio::time::sleep(by).await;
                answer
            }
        }
    }
}

fn told_to_fail() -> Error {
    Error::Unavailable {
        operation: "do anything",
        reason: "told to fail".into(),
        source: None,
    }
}

impl fmt::Debug for FaultyBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyBackend").finish_non_exhaustive()
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl RegistryBackend for FaultyBackend {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        self.serve(Call::Get, self.truth().get(id)).await
    }

    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error> {
        self.serve(Call::Write, self.truth().put(id, draft, when))
            .await
    }

    async fn delete(
        &self,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        self.serve(Call::Write, self.truth().delete(id, when, note))
            .await
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        self.serve(Call::Other, self.truth().list(query)).await
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        self.serve(Call::Other, self.truth().count(query)).await
    }

    async fn head(&self) -> Result<Revision, Error> {
        self.serve(Call::Head, self.truth().head()).await
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        self.serve(Call::Heads, self.truth().heads(after, limit))
            .await
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        self.serve(Call::Changes, self.truth().changes(after, limit))
            .await
    }

    async fn touch(&self, accesses: &[Access]) -> Result<(), Error> {
        self.serve(Call::Other, self.truth().touch(accesses)).await
    }

    async fn compact(&self, keep: Retention) -> Result<Revision, Error> {
        self.serve(Call::Other, self.truth().compact(keep)).await
    }

    async fn history(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        let truth = self.truth();
        self.serve(Call::Other, truth.history(id, before, limit))
            .await
    }

    async fn past(&self, id: &Id, revision: Revision) -> Result<Option<Past>, Error> {
        self.serve(Call::Other, self.truth().past(id, revision))
            .await
    }
}

//! One node's line to a registry: by a rule it fails, loses answers, holds calls back, or is dead.

use async_trait::async_trait;
use hotbed_registry::{
    Access, ChangeNote, Changes, Draft, Error, Id, MemoryBackend, Page, Past, Precondition, Query,
    Registration, RegistryBackend, Retention, Revision,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;

/// What a registry is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Heads,
    Get,
    Put,
    Delete,
    Other,
}

/// How a call goes.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    None,
    /// It does not happen.
    Fail,
    /// What is stored there is no registration.
    Corrupt,
    /// It happens, and nobody learns of it.
    LoseAnswer,
    /// It panics.
    Panic,
    /// It never ends.
    Hang,
    /// It happens once there is a permit.
    Gate(Arc<Semaphore>),
    /// It happens after so long, and the answer arrives after so long again.
    Slow(Duration, Duration),
}

type Rule = dyn FnMut(Call, Option<&Id>) -> Fault + Send;

/// Each node has a line of its own to one and the same store.
pub(crate) struct Line {
    store: Mutex<Arc<MemoryBackend>>,
    rule: Mutex<Box<Rule>>,
    failures: AtomicUsize,
}

impl Line {
    pub(crate) fn to(store: Arc<MemoryBackend>) -> Arc<Self> {
        Arc::new(Self {
            store: Mutex::new(store),
            rule: Mutex::new(Box::new(|_, _| Fault::None)),
            failures: AtomicUsize::new(0),
        })
    }

    /// From now on calls go by this rule.
    pub(crate) fn rule(&self, rule: impl FnMut(Call, Option<&Id>) -> Fault + Send + 'static) {
        *self.rule.lock().unwrap() = Box::new(rule);
    }

    /// From now on calls of one kind go like this.
    pub(crate) fn fault(&self, of: Call, fault: Fault) {
        let fault = move |call| {
            if call == of {
                fault.clone()
            } else {
                Fault::None
            }
        };
        self.rule(move |call, _| fault(call));
    }

    /// From now on nothing gets through.
    pub(crate) fn cut(&self) {
        self.rule(|_, _| Fault::Fail);
    }

    /// From now on each call takes its time, by chance.
    pub(crate) fn slow(&self, seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        let mut way = move || Duration::from_micros(random.random_range(0..20_000));
        self.rule(move |_, _| Fault::Slow(way(), way()));
    }

    /// How many calls failed so far.
    pub(crate) fn failures(&self) -> usize {
        self.failures.load(SeqCst)
    }

    pub(crate) fn mend(&self) {
        self.rule(|_, _| Fault::None);
    }

    /// Another registry takes the place of this one.
    pub(crate) fn replace(&self, by: Arc<MemoryBackend>) {
        *self.store.lock().unwrap() = by;
    }

    /// What is stored, whatever the rule.
    pub(crate) fn truth(&self) -> Arc<MemoryBackend> {
        Arc::clone(&self.store.lock().unwrap())
    }

    async fn serve<R>(
        &self,
        call: Call,
        id: Option<&Id>,
        work: impl Future<Output = Result<R, Error>>,
    ) -> Result<R, Error> {
        let fault = (self.rule.lock().unwrap())(call, id);
        match fault {
            Fault::None => work.await,
            Fault::Fail => {
                self.failures.fetch_add(1, SeqCst);
                Err(told_to_fail())
            }
            Fault::Corrupt => Err(Error::Corrupt {
                place: "/secret/place".to_owned(),
                reason: "told to be".to_owned(),
            }),
            Fault::LoseAnswer => work.await.and(Err(told_to_fail())),
            Fault::Panic => panic!("told to panic"),
            Fault::Hang => std::future::pending().await,
            Fault::Gate(gate) => {
                gate.acquire().await.unwrap().forget();
                work.await
            }
            Fault::Slow(before, after) => {
                tokio::time::sleep(before).await;
                let answer = work.await;
                tokio::time::sleep(after).await;
                answer
            }
        }
    }
}

fn told_to_fail() -> Error {
    Error::Unavailable {
        operation: "do anything",
        reason: "/secret/place does not answer".into(),
        source: None,
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl RegistryBackend for Line {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        let truth = self.truth();
        self.serve(Call::Get, Some(id), truth.get(id)).await
    }

    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error> {
        let truth = self.truth();
        self.serve(Call::Put, Some(id), truth.put(id, draft, when))
            .await
    }

    async fn delete(
        &self,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        let truth = self.truth();
        self.serve(Call::Delete, Some(id), truth.delete(id, when, note))
            .await
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        let truth = self.truth();
        self.serve(Call::Other, None, truth.list(query)).await
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        let truth = self.truth();
        self.serve(Call::Other, None, truth.count(query)).await
    }

    async fn head(&self) -> Result<Revision, Error> {
        let truth = self.truth();
        self.serve(Call::Other, None, truth.head()).await
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        let truth = self.truth();
        self.serve(Call::Heads, None, truth.heads(after, limit))
            .await
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        let truth = self.truth();
        self.serve(Call::Other, None, truth.changes(after, limit))
            .await
    }

    async fn touch(&self, accesses: &[Access]) -> Result<(), Error> {
        let truth = self.truth();
        self.serve(Call::Other, None, truth.touch(accesses)).await
    }

    async fn compact(&self, keep: Retention) -> Result<Revision, Error> {
        let truth = self.truth();
        self.serve(Call::Other, None, truth.compact(keep)).await
    }

    async fn history(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        let truth = self.truth();
        let history = truth.history(id, before, limit);
        self.serve(Call::Other, Some(id), history).await
    }

    async fn past(&self, id: &Id, revision: Revision) -> Result<Option<Past>, Error> {
        let truth = self.truth();
        self.serve(Call::Other, Some(id), truth.past(id, revision))
            .await
    }
}

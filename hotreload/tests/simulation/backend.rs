//! The registry as one node reaches it.

use crate::census::Census;
use crate::dice::Dice;
use crate::trace::Trace;
use crate::truth::Truth;
use crate::weather::{Reads, Weather};
use async_trait::async_trait;
use hotbed_registry::{
    Access, ChangeNote, Changes, Draft, Error, Id, Page, Past, Precondition, Query, Registration,
    RegistryBackend, Retention, Revision,
};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A node's way to the registry: what is asked on it takes time there and back, or goes as the weather says.
#[derive(Debug)]
pub(crate) struct Road {
    pub(crate) node: usize,
    pub(crate) truth: Arc<Truth>,
    pub(crate) weather: Arc<Weather>,
    pub(crate) trace: Arc<Trace>,
    pub(crate) census: Arc<Census>,
    pub(crate) dice: Mutex<Dice>,
    /// Where the registry stood when it was last asked for registrations rather than for its log.
    pub(crate) looked_at: AtomicU64,
    /// How long each way takes at most when all is well.
    pub(crate) latency: Duration,
}

impl Road {
    async fn travel<R>(
        &self,
        what: &'static str,
        read: impl FnOnce(&Truth) -> R,
    ) -> Result<R, Error> {
        self.census.note(what);
        let reads = self.weather.reads();
        self.trace.note(("call", self.node, what, reads));
        let (there, back) = match self.fate(reads) {
            Reads::Well => (self.time(self.latency), self.time(self.latency)),
            Reads::Slow(most) | Reads::Mixed(most) => (self.time(most), self.time(most)),
            Reads::Fail => {
                pass(self.time(self.latency)).await;
                return Err(Error::Unavailable {
                    operation: "do anything",
                    reason: "told to fail".into(),
                    source: None,
                });
            }
            Reads::Hang => std::future::pending().await,
        };
        pass(there).await;
        let answer = read(&self.truth);
        pass(back).await;
        self.trace.note(("answer", self.node, what));
        Ok(answer)
    }

    fn fate(&self, reads: Reads) -> Reads {
        match reads {
            Reads::Mixed(most) => self.dice().pick(&[
                Reads::Well,
                Reads::Fail,
                Reads::Hang,
                Reads::Slow(most),
                Reads::Slow(most),
            ]),
            simple => simple,
        }
    }

    fn time(&self, most: Duration) -> Duration {
        self.dice().time(most)
    }

    fn dice(&self) -> std::sync::MutexGuard<'_, Dice> {
        self.dice.lock().unwrap()
    }
}

async fn pass(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn not_here<R>() -> Result<R, Error> {
    Err(Error::Unsupported {
        operation: "do that",
        reason: "no node of a simulation does".into(),
    })
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl RegistryBackend for Road {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        self.travel("get", |truth| {
            self.looked_at.store(truth.head().0, Relaxed);
            truth.get(id)
        })
        .await
    }

    async fn put(&self, _: &Id, _: Draft, _: Precondition) -> Result<Registration, Error> {
        not_here()
    }

    async fn delete(&self, _: &Id, _: Precondition, _: &ChangeNote) -> Result<Revision, Error> {
        not_here()
    }

    async fn list(&self, _: &Query) -> Result<Page, Error> {
        let items = self.travel("list", |truth| {
            self.looked_at.store(truth.head().0, Relaxed);
            truth.registrations()
        });
        let items = items.await?;
        Ok(Page { items, next: None })
    }

    async fn count(&self, _: &Query) -> Result<u64, Error> {
        not_here()
    }

    async fn head(&self) -> Result<Revision, Error> {
        self.travel("head", Truth::head).await
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        self.travel("heads", |truth| truth.heads(after, limit))
            .await
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        self.travel("changes", |truth| truth.changes(after, limit))
            .await
    }

    async fn touch(&self, _: &[Access]) -> Result<(), Error> {
        Ok(())
    }

    async fn compact(&self, _: Retention) -> Result<Revision, Error> {
        not_here()
    }

    async fn history(&self, _: &Id, _: Option<Revision>, _: usize) -> Result<Vec<Past>, Error> {
        not_here()
    }

    async fn past(&self, _: &Id, _: Revision) -> Result<Option<Past>, Error> {
        not_here()
    }
}

use crate::{
    Access, ChangeNote, Changes, Draft, Error, Id, Page, Past, Precondition, Query, Registration,
    RegistryBackend, Retention, Revision,
};
use async_trait::async_trait;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The longest wait between two attempts to connect.
const MAX_BACKOFF: Duration = Duration::from_secs(15);

/// Makes the connection that a [`ConnectingBackend`] waits for.
#[async_trait]
pub trait Connect: fmt::Debug + Send + Sync + 'static {
    /// Tries once.
    async fn connect(&self) -> Result<Arc<dyn RegistryBackend>, Error>;
}

/// A backend that was down at start: answers [`Error::Unavailable`] until it can be reached, and is that
/// backend from then on.
#[derive(Debug)]
pub struct ConnectingBackend {
    connect: Box<dyn Connect>,
    connected: OnceLock<Arc<dyn RegistryBackend>>,
    last_failure: Mutex<String>,
}

impl ConnectingBackend {
    /// A backend that is not there yet, because of `failure`.
    pub fn new(connect: Box<dyn Connect>, failure: &Error) -> Self {
        Self {
            connect,
            connected: OnceLock::new(),
            last_failure: Mutex::new(failure.to_string()),
        }
    }

    /// Tries again and again, backing off up to 15 s, until connected or shut down.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut wait = Duration::from_millis(250);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            match self.connect.connect().await {
                Ok(backend) => {
                    tracing::info!("registry is reachable");
                    // Only this loop sets it, once.
                    drop(self.connected.set(backend));
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "registry is not reachable yet");
                    *self
                        .last_failure
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner) = error.to_string();
                }
            }
            wait = (wait * 2).min(MAX_BACKOFF);
        }
    }

    fn backend(&self, operation: &'static str) -> Result<&Arc<dyn RegistryBackend>, Error> {
        self.connected.get().ok_or_else(|| Error::Unavailable {
            operation,
            reason: self
                .last_failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            source: None,
        })
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl RegistryBackend for ConnectingBackend {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        self.backend("read a registration")?.get(id).await
    }

    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error> {
        self.backend("write a registration")?
            .put(id, draft, when)
            .await
    }

    async fn delete(
        &self,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        self.backend("delete a registration")?
            .delete(id, when, note)
            .await
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        self.backend("list registrations")?.list(query).await
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        self.backend("count registrations")?.count(query).await
    }

    async fn head(&self) -> Result<Revision, Error> {
        self.backend("read its revision")?.head().await
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        self.backend("list its heads")?.heads(after, limit).await
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        self.backend("read its log")?.changes(after, limit).await
    }

    async fn touch(&self, accesses: &[Access]) -> Result<(), Error> {
        self.backend("note accesses")?.touch(accesses).await
    }

    async fn compact(&self, keep: Retention) -> Result<Revision, Error> {
        self.backend("compact its log")?.compact(keep).await
    }

    async fn history(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        self.backend("tell the past of a registration")?
            .history(id, before, limit)
            .await
    }

    async fn past(&self, id: &Id, revision: Revision) -> Result<Option<Past>, Error> {
        self.backend("tell the past of a registration")?
            .past(id, revision)
            .await
    }
}

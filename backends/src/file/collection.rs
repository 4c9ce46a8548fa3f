use super::desk::Desk;
use super::fault::Fault;
use super::replica::State;
use crate::job::Jobs;
use async_trait::async_trait;
use chrono::Utc;
use hotbed_registry::{
    Access, ChangeNote, Changes, CollectionName, Draft, Error, Id, Page, Past, Precondition, Query,
    Registration, RegistryBackend, Retention, Revision, matches, page,
};
use std::fmt;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

/// One collection of a directory.
pub(super) struct FileCollection {
    pub(super) desk: Arc<Desk>,
    pub(super) jobs: Jobs,
    pub(super) name: CollectionName,
    pub(super) closed: CancellationToken,
    /// Whose turn it is to learn what others wrote.
    pub(super) catching_up: Mutex<()>,
}

impl FileCollection {
    /// Reads what is stored now, whoever wrote it.
    async fn read<T>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&State) -> T,
    ) -> Result<T, Error> {
        if self.closed.is_cancelled() {
            return Err(Error::Unavailable {
                operation,
                reason: "it is closed".into(),
                source: None,
            });
        }
        if !self.desk.is_current() {
            self.catch_up()
                .await
                .map_err(|fault| fault.during(operation))?;
        }
        Ok(read(&self.desk.state()))
    }

    /// Learns what others wrote: one for all who wait.
    async fn catch_up(&self) -> Result<(), Fault> {
        let _turn = self.catching_up.lock().await;
        if self.desk.is_current() {
            return Ok(());
        }
        let desk = Arc::clone(&self.desk);
        let caught_up = spawn_blocking(move || desk.catch_up()).await;
        caught_up.unwrap_or_else(|error| Err(Fault::interrupted(&error)))
    }

    fn no_history(&self) -> Error {
        Error::Unsupported {
            operation: "tell the past of a registration",
            reason: format!(
                "a directory of files is made to be kept in git, which remembers it: git log -p {}/",
                self.desk.place.shown_folder()
            ),
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl RegistryBackend for FileCollection {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        let found = |state: &State| {
            state
                .entries
                .get(id)
                .map(|entry| entry.registration.clone())
        };
        self.read("read a registration", found).await
    }

    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error> {
        self.jobs.put(&self.name, id, draft, when).await
    }

    async fn delete(
        &self,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        self.jobs.delete(&self.name, id, when, note).await
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        self.read("list registrations", |state| {
            page(query, state.registrations())
        })
        .await
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        let count = |state: &State| {
            state
                .registrations()
                .filter(|it| matches(query, it))
                .count()
        };
        Ok(self.read("count registrations", count).await? as u64)
    }

    async fn head(&self) -> Result<Revision, Error> {
        self.read("read its revision", |state| state.head).await
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        self.read("list its heads", |state| state.heads(after, limit))
            .await
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        self.read("read its log", |state| state.changes(after, limit))
            .await
    }

    async fn touch(&self, accesses: &[Access]) -> Result<(), Error> {
        self.jobs.touch(&self.name, accesses).await
    }

    async fn compact(&self, keep: Retention) -> Result<Revision, Error> {
        let horizon = keep.horizon(Utc::now());
        let extent = |state: &State| {
            let young = state.log.iter().find(|change| change.at >= horizon);
            let young = young.map_or(state.head.next(), |change| change.revision);
            let first_kept = Revision(state.head.next().0.saturating_sub(keep.entries)).max(young);
            (state.oldest(), first_kept)
        };
        let (oldest, before) = self.read("compact its log", extent).await?;
        self.jobs.forget(&self.name, oldest, before).await
    }

    async fn history(&self, _: &Id, _: Option<Revision>, _: usize) -> Result<Vec<Past>, Error> {
        Err(self.no_history())
    }

    async fn past(&self, _: &Id, _: Revision) -> Result<Option<Past>, Error> {
        Err(self.no_history())
    }
}

impl fmt::Debug for FileCollection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileCollection")
            .field("folder", &self.desk.place.folder())
            .finish_non_exhaustive()
    }
}

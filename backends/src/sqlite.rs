//! The registry in one SQLite file.
//!
//! All writes of a process go through one task that owns one connection; it puts whatever waits into one
//! transaction, decides each condition on its own, and commits once. Readers have connections that cannot
//! write. Two processes on one file are safe: the revision counter is read and written under the file's write
//! lock.

mod batch;
mod collection;
mod connector;
mod fault;
mod history;
mod listing;
mod roster;
mod row;
#[cfg(test)]
mod tests;
mod writer;

use crate::job::Jobs;
use collection::SqliteCollection;
use connector::Connector;
use hotbed_fleet::Roster;
use hotbed_registry::{CollectionName, Error, RegistryBackend};
use sqlx::SqlitePool;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use writer::Writer;

/// How a [`SqliteStore`] treats its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqliteOptions {
    /// How long to wait for another process that has locked the file, before [`Error::Unavailable`]. 5 s.
    pub busy_timeout: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
        }
    }
}

/// Many collections in one SQLite file. Clones are the same store.
///
/// # Guarantees
/// - What was acknowledged is on the disk (WAL, one fsync per commit) and survives the death of the process
///   and of the machine.
/// - Several processes may have the file open.
/// - A row that cannot be understood, because something else wrote it, is [`Error::Corrupt`] with its table and
///   id, for who reads it, lists it or writes over it. It can be deleted. Others are not affected.
///
/// Dropping the last handle ends the writer once its queue is empty; [`close`](Self::close) also waits for it.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
    writer: TaskTracker,
}

/// What every handle on the file holds.
#[derive(Debug)]
struct Shared {
    connector: Connector,
    readers: SqlitePool,
    jobs: Jobs,
    closing: CancellationToken,
}

impl Shared {
    /// Says what a failed read means.
    fn fault(&self, operation: &'static str) -> impl Fn(sqlx::Error) -> Error {
        move |error| self.connector.fault(error).during(operation)
    }
}

impl SqliteStore {
    /// Opens a file, and creates it and the directories above it if there are none.
    pub async fn open(path: &Path, options: SqliteOptions) -> Result<Self, Error> {
        let connector = Connector::new(path, options)?;
        let connection = connector.prepare().await?;
        let readers = connector.readers();
        let (jobs, queue) = Jobs::channel();
        let closing = CancellationToken::new();
        let writer = Writer::new(connector.clone(), connection, readers.clone());
        let tracker = TaskTracker::new();
        tracker.spawn(writer.run(queue, closing.clone()));
        tracker.close();
        let shared = Arc::new(Shared {
            connector,
            readers,
            jobs,
            closing,
        });
        Ok(Self {
            shared,
            writer: tracker,
        })
    }

    /// A handle on one collection, which is created by its first write.
    pub fn collection(&self, name: &CollectionName) -> Arc<dyn RegistryBackend> {
        Arc::new(SqliteCollection::new(
            Arc::clone(&self.shared),
            name.clone(),
        ))
    }

    /// Where the nodes on this store see each other.
    pub fn roster(&self) -> Arc<dyn Roster> {
        Arc::new(roster::SqliteRoster::new(self.shared.connector.clone()))
    }

    /// Completes the writes that were begun and closes the file, with nothing left in its write-ahead log.
    /// Handles that are still held answer [`Error::Unavailable`] from then on.
    pub async fn close(&self) {
        self.shared.closing.cancel();
        self.writer.wait().await;
    }
}

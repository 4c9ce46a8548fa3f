//! The registry in tables of one PostgreSQL database, which many nodes share.
//!
//! All writes of a process go through one task that owns one connection; it locks the revision counter, puts
//! whatever waits into one transaction, decides each condition on its own, and commits once. The lock is what makes
//! revisions become visible in their order, whichever node writes. Reads are single statements on a few connections.
//!
//! Each commit rings a bell: `NOTIFY` on the channel `TABLE_changes`, with `{"collection": …, "revision": …}`, the
//! head that it made. It says that there is something to read, never what. Tables of one name in two schemas share a
//! channel, so a ring may be for somebody else.

mod arguments;
mod batch;
mod collection;
mod connector;
mod fault;
mod history;
mod listing;
mod readers;
mod roster;
mod row;
mod schema;
mod search;
mod statements;
mod tables;
#[cfg(test)]
mod tests;
mod url;
mod writer;

use crate::job::Jobs;
use collection::PostgresCollection;
use connector::Connector;
pub(crate) use fault::is_stale;
use hotbed_fleet::Roster;
use hotbed_registry::{CollectionName, Error, RegistryBackend};
use readers::Readers;
use statements::Statements;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
pub use url::PostgresUrl;
use writer::Writer;

/// How a [`PostgresStore`] treats its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostgresOptions {
    /// How long to wait for a connection, a lock or an answer before [`Error::Unavailable`]. 5 s.
    pub patience: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(5),
        }
    }
}

/// Many collections in one PostgreSQL database. Clones are the same store.
///
/// # Guarantees
/// - What was acknowledged is as durable as the server makes it, with at least one flush to its disk.
/// - Many nodes, of this version and of others, may use the same tables.
/// - A server that restarts, fails over or is away for a while is used again as soon as it is back.
/// - A write whose connection breaks before the commit was not done; during the commit, the error says that nobody
///   knows.
/// - A row that cannot be understood, because something else wrote it, is [`Error::Corrupt`] for who reads it, lists
///   it or writes over it. It can be deleted. Others are not affected.
///
/// Dropping the last handle ends the writer once its queue is empty; [`close`](Self::close) also waits for it.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    shared: Arc<Shared>,
    writer: TaskTracker,
}

/// What every handle on the database holds.
#[derive(Debug)]
struct Shared {
    connector: Connector,
    statements: Arc<Statements>,
    readers: Arc<Readers>,
    jobs: Jobs,
    closing: CancellationToken,
}

impl PostgresStore {
    /// Connects, and makes the tables, and their schema, if there are none.
    pub async fn open(url: &PostgresUrl, options: PostgresOptions) -> Result<Self, Error> {
        let connector = Connector::new(url, options)?;
        let connection = schema::prepare(&connector).await?;
        let statements = Arc::new(Statements::new(url.table()));
        let readers = Arc::new(Readers::new(connector.clone()));
        let (jobs, queue) = Jobs::channel();
        let closing = CancellationToken::new();
        let writer = Writer::new(
            connector.clone(),
            Arc::clone(&statements),
            connection,
            Arc::clone(&readers),
        );
        let tracker = TaskTracker::new();
        tracker.spawn(writer.run(queue, closing.clone()));
        tracker.close();
        let shared = Arc::new(Shared {
            connector,
            statements,
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
        Arc::new(PostgresCollection::new(
            Arc::clone(&self.shared),
            name.clone(),
        ))
    }

    /// Where the nodes on this store see each other.
    pub fn roster(&self) -> Arc<dyn Roster> {
        Arc::new(roster::PostgresRoster::new(self.shared.connector.clone()))
    }

    /// Completes the writes and reads that were begun and closes the connections. Handles that are still held answer
    /// [`Error::Unavailable`] from then on.
    pub async fn close(&self) {
        self.shared.closing.cancel();
        self.writer.wait().await;
    }
}

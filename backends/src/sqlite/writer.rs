use super::batch;
use super::connector::Connector;
use super::fault::Fault;
use crate::job::Job;
use sqlx::{Connection, SqliteConnection, SqlitePool};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Jobs that one transaction takes at most.
const BATCH: usize = 256;
/// Bytes after which a transaction takes no further job.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Owns the one connection that writes.
pub(super) struct Writer {
    connector: Connector,
    /// `None` after a failure, until the next job: what failed may have left a transaction open.
    connection: Option<SqliteConnection>,
    readers: SqlitePool,
}

impl Writer {
    pub(super) fn new(
        connector: Connector,
        connection: SqliteConnection,
        readers: SqlitePool,
    ) -> Self {
        Self {
            connector,
            connection: Some(connection),
            readers,
        }
    }

    /// Does jobs until there can be no more, then closes the file.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Job>, closing: CancellationToken) {
        loop {
            let first = tokio::select! {
                biased;
                () = closing.cancelled(), if !queue.is_closed() => {
                    queue.close();
                    continue;
                }
                job = queue.recv() => job,
            };
            let Some(first) = first else { break };
            self.transact(first, &mut queue).await;
        }
        self.close().await;
    }

    async fn transact(&mut self, first: Job, queue: &mut mpsc::Receiver<Job>) {
        let mut jobs = vec![first];
        let fault = match self.begin().await {
            Ok(connection) => {
                // Only now: whoever came while the lock was waited for comes along.
                let mut bytes = jobs[0].size();
                while jobs.len() < BATCH && bytes < BATCH_BYTES {
                    let Ok(job) = queue.try_recv() else { break };
                    bytes += job.size();
                    jobs.push(job);
                }
                match commit(connection, &mut jobs).await {
                    Ok(()) => {
                        jobs.into_iter().for_each(Job::answer);
                        return;
                    }
                    Err(error) => {
                        let fault = self.connector.fault(error);
                        self.disconnect().await;
                        fault
                    }
                }
            }
            Err(fault) => {
                // They waited for the lock as well. Should each wait for it again?
                while let Ok(job) = queue.try_recv() {
                    jobs.push(job);
                }
                fault
            }
        };
        for job in jobs {
            job.fail(|operation| fault.during(operation));
        }
    }

    async fn begin(&mut self) -> Result<&mut SqliteConnection, Fault> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self
                .connector
                .reconnect()
                .await
                .map_err(|error| self.connector.fault(error))?,
        };
        let connection = self.connection.insert(connection);
        match sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut *connection)
            .await
        {
            Ok(_) => Ok(self.connection.as_mut().expect("it was put there above")),
            Err(error) => {
                let fault = self.connector.fault(error);
                if !fault.is_busy() {
                    self.disconnect().await;
                }
                Err(fault)
            }
        }
    }

    /// Lets go of a connection in an unknown state; whatever it had begun is rolled back.
    async fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::debug!(%error, path = %self.connector.path().display(), "broken connection is dropped");
        }
    }

    /// Closes the readers first: the last connection to close tidies up, and they could not.
    async fn close(mut self) {
        self.readers.close().await;
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut connection)
            .await;
        if let Err(error) = checkpoint.map(drop).and(connection.close().await) {
            let path = self.connector.path().display();
            tracing::warn!(%error, %path, "write-ahead log is left for the next start; nothing is lost");
        }
    }
}

async fn commit(connection: &mut SqliteConnection, jobs: &mut [Job]) -> Result<(), sqlx::Error> {
    batch::apply(connection, jobs).await?;
    sqlx::query("COMMIT").execute(connection).await?;
    Ok(())
}

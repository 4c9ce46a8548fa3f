use super::batch::{self, Locked};
use super::connector::Connector;
use super::fault::{Fault, is_stale};
use super::readers::Readers;
use super::statements::Statements;
use crate::job::Job;
use hotbed_registry::CollectionName;
use sqlx::{Connection, PgConnection};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// Jobs that one transaction takes at most.
const BATCH: usize = 256;
/// Bytes after which a transaction takes no further job.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// What a commit gets even if everything before it took long: cut short, nobody would know what became of it.
const COMMIT: Duration = Duration::from_secs(1);

/// Does all writes of this process, on one connection.
pub(super) struct Writer {
    connector: Connector,
    statements: Arc<Statements>,
    channel: String,
    /// `None` after a failure, until the next job: what failed may have left a transaction open.
    connection: Option<PgConnection>,
    readers: Arc<Readers>,
    /// A job that was taken from the queue but did not fit into the last transaction.
    next: Option<Job>,
}

impl Writer {
    pub(super) fn new(
        connector: Connector,
        statements: Arc<Statements>,
        connection: PgConnection,
        readers: Arc<Readers>,
    ) -> Self {
        Self {
            channel: connector.url().table().channel(),
            connector,
            statements,
            connection: Some(connection),
            readers,
            next: None,
        }
    }

    /// Does jobs until there can be no more, then closes the connections.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Job>, closing: CancellationToken) {
        while let Some(first) = self.first(&mut queue, &closing).await {
            self.transact(first, &mut queue).await;
        }
        self.readers.close().await;
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::debug!(%error, url = %self.connector.url(), "broken connection is dropped");
        }
    }

    /// Waits for the job that the next transaction begins with. After the closing only what waits already is done.
    async fn first(
        &mut self,
        queue: &mut mpsc::Receiver<Job>,
        closing: &CancellationToken,
    ) -> Option<Job> {
        if let Some(job) = self.next.take() {
            return Some(job);
        }
        tokio::select! {
            biased;
            () = closing.cancelled(), if !queue.is_closed() => queue.close(),
            job = queue.recv() => return job,
        }
        queue.recv().await
    }

    async fn transact(&mut self, first: Job, queue: &mut mpsc::Receiver<Job>) {
        let deadline = Instant::now() + self.connector.patience();
        let mut jobs = vec![first];
        self.gather(queue, &mut jobs, |_| true);
        let collections = jobs.iter().map(|job| job.collection.clone()).collect();
        let begun = timeout_at(deadline, self.begin(&collections)).await;
        let (connection, locked) = match begun.unwrap_or_else(|_| Err(self.connector.late())) {
            Ok(begun) => begun,
            Err(fault) => {
                // They waited for the server as well. Should each wait for it again?
                jobs.extend(self.next.take());
                while let Ok(job) = queue.try_recv() {
                    jobs.push(job);
                }
                return fail(jobs, &fault);
            }
        };
        // Whoever came while the lock was waited for comes along.
        self.gather(queue, &mut jobs, |job| locked.contains_key(&job.collection));
        match self
            .complete(connection, &locked, &mut jobs, deadline)
            .await
        {
            Ok(connection) => {
                self.connection = Some(connection);
                jobs.into_iter().for_each(Job::answer);
            }
            Err(fault) => fail(jobs, &fault),
        }
    }

    /// Takes what waits, up to the first that does not fit.
    fn gather(
        &mut self,
        queue: &mut mpsc::Receiver<Job>,
        jobs: &mut Vec<Job>,
        fits: impl Fn(&Job) -> bool,
    ) {
        let mut bytes: usize = jobs.iter().map(Job::size).sum();
        while jobs.len() < BATCH && bytes < BATCH_BYTES {
            let Some(job) = self.next.take().or_else(|| queue.try_recv().ok()) else {
                break;
            };
            if !fits(&job) {
                self.next = Some(job);
                break;
            }
            bytes += job.size();
            jobs.push(job);
        }
    }

    async fn begin(
        &mut self,
        collections: &BTreeSet<CollectionName>,
    ) -> Result<(PgConnection, Locked), Fault> {
        let (connector, statements) = (&self.connector, &self.statements);
        if let Some(mut connection) = self.connection.take() {
            match batch::begin(&mut connection, connector, statements, collections).await {
                Ok(locked) => return Ok((connection, locked)),
                // Nothing was written yet, so that the server was away meanwhile need not trouble anybody.
                Err(error) if is_stale(&error) => {
                    tracing::debug!(%error, url = %connector.url(), "writer connects again");
                }
                Err(error) => return Err(connector.fault(error)),
            }
        }
        let fresh = async {
            let mut connection = connector.connect_to_write().await?;
            let locked = batch::begin(&mut connection, connector, statements, collections).await?;
            Ok((connection, locked))
        };
        fresh.await.map_err(|error| connector.fault(error))
    }

    /// Writes and commits. After a failure the connection is dropped, which rolls back whatever is open.
    async fn complete(
        &self,
        mut connection: PgConnection,
        locked: &Locked,
        jobs: &mut [Job],
        deadline: Instant,
    ) -> Result<PgConnection, Fault> {
        let write = batch::apply(
            &mut connection,
            &self.statements,
            &self.channel,
            locked,
            jobs,
        );
        self.by(deadline, write).await?;
        let deadline = deadline.max(Instant::now() + COMMIT);
        let commit = batch::commit(&mut connection);
        self.by(deadline, commit).await.map_err(Fault::at_commit)?;
        Ok(connection)
    }

    async fn by<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, Fault> {
        match timeout_at(deadline, work).await {
            Ok(done) => done.map_err(|error| self.connector.fault(error)),
            Err(_) => Err(self.connector.late()),
        }
    }
}

fn fail(jobs: Vec<Job>, fault: &Fault) {
    for job in jobs {
        job.fail(|operation| fault.during(operation));
    }
}

use super::arguments::Bound;
use super::connector::Connector;
use super::fault::{Fault, is_stale};
use hotbed_registry::Error;
use sqlx::postgres::PgRow;
use sqlx::{Connection, PgConnection, SqlStr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Connections that read, made when they are needed. More would only wait for the server's cores together.
const READERS: u32 = 8;

/// The connections that read.
///
/// Not sqlx's pool: that asks the server for a sign of life after each use, which costs as much as most reads. Here
/// a connection comes back only after a read that succeeded, and a read that finds its connection dead, or out of
/// date, is asked again on a fresh one.
#[derive(Debug)]
pub(super) struct Readers {
    connector: Connector,
    idle: Mutex<Vec<PgConnection>>,
    permits: Semaphore,
}

impl Readers {
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            connector,
            idle: Mutex::new(Vec::new()),
            permits: Semaphore::new(READERS as usize),
        }
    }

    /// The rows that a statement answers, which must change nothing: it may be asked twice.
    pub(super) async fn rows(
        &self,
        operation: &'static str,
        sql: SqlStr,
        bound: Bound,
    ) -> Result<Vec<PgRow>, Error> {
        let reading = async {
            let Ok(_permit) = self.permits.acquire().await else {
                return Err(Fault::said("it is closed".into()));
            };
            self.read(sql, bound)
                .await
                .map_err(|error| self.connector.fault(error))
        };
        match timeout(self.connector.patience(), reading).await {
            Ok(read) => read.map_err(|fault| fault.during(operation)),
            Err(_) => Err(self.connector.late().during(operation)),
        }
    }

    async fn read(&self, sql: SqlStr, bound: Bound) -> Result<Vec<PgRow>, sqlx::Error> {
        let idle = self.idle().pop();
        if let Some(connection) = idle {
            match self.ask(connection, sql.clone(), bound.clone()).await {
                // The others have gone the same way: they were idle for longer.
                Err(error) if is_stale(&error) => self.idle().clear(),
                answered => return answered,
            }
        }
        let connection = self.connector.connect().await?;
        self.ask(connection, sql, bound).await
    }

    /// Keeps the connection only if all is well: after an error, or when nobody waits for it any more, it is dropped.
    async fn ask(
        &self,
        mut connection: PgConnection,
        sql: SqlStr,
        bound: Bound,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let rows = sqlx::query_with(sql, bound.into_arguments())
            .fetch_all(&mut connection)
            .await?;
        self.idle().push(connection);
        Ok(rows)
    }

    /// Lets those who read finish, and refuses those who come later.
    pub(super) async fn close(&self) {
        let all = self.permits.acquire_many(READERS).await;
        self.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            if let Err(error) = connection.close().await {
                tracing::debug!(%error, url = %self.connector.url(), "broken connection is dropped");
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<PgConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

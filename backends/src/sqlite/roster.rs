use super::connector::Connector;
use crate::nodes::{MAX_ROWS, fault, from_rows, to_row};
use async_trait::async_trait;
use hotbed_fleet::{NodeReport, Roster, RosterError};
use sqlx::SqliteConnection;
use tokio::sync::Mutex;
use uuid::Uuid;

/// The nodes on one SQLite file, each of which writes a row now and then.
///
/// Through a connection of its own, whose commits are not flushed: what they say is old a moment later anyhow.
#[derive(Debug)]
pub(crate) struct SqliteRoster {
    connector: Connector,
    connection: Mutex<Option<SqliteConnection>>,
}

impl SqliteRoster {
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            connector,
            connection: Mutex::default(),
        }
    }

    /// Does something with the connection, which is kept only if all went well.
    async fn with<T>(
        &self,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, RosterError> {
        let mut kept = self.connection.lock().await;
        let fault = |error| fault(operation, error);
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => self.connector.unflushed().await.map_err(fault)?,
        };
        let done = work(&mut connection).await.map_err(fault)?;
        *kept = Some(connection);
        Ok(done)
    }
}

#[async_trait]
impl Roster for SqliteRoster {
    async fn tell(&self, report: &NodeReport) -> Result<(), RosterError> {
        let (incarnation, row) = (report.incarnation.to_string(), to_row(report));
        self.with("report a node", async |connection| {
            sqlx::query("INSERT INTO nodes VALUES ($1, $2) ON CONFLICT DO UPDATE SET report = excluded.report")
                .bind(incarnation)
                .bind(row)
                .execute(connection)
                .await
        })
        .await
        .map(drop)
    }

    async fn all(&self) -> Result<Vec<NodeReport>, RosterError> {
        self.with("list the nodes", async |connection| {
            sqlx::query_scalar("SELECT report FROM nodes LIMIT $1")
                .bind(MAX_ROWS)
                .fetch_all(connection)
                .await
        })
        .await
        .map(|rows: Vec<String>| from_rows(rows))
    }

    async fn forget(&self, incarnation: Uuid) -> Result<(), RosterError> {
        self.with("remove a node", async |connection| {
            sqlx::query("DELETE FROM nodes WHERE incarnation = $1")
                .bind(incarnation.to_string())
                .execute(connection)
                .await
        })
        .await
        .map(drop)
    }
}

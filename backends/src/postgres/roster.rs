use super::connector::Connector;
use crate::nodes::{MAX_ROWS, fault, from_rows, to_row};
use async_trait::async_trait;
use hotbed_fleet::{NodeReport, Roster, RosterError};
use sqlx::PgConnection;
use tokio::sync::Mutex;
use tokio::time::timeout;
use uuid::Uuid;

/// The nodes on the tables of one PostgreSQL database, each of which writes a row now and then. Through a connection of
/// its own.
#[derive(Debug)]
pub(crate) struct PostgresRoster {
    connector: Connector,
    connection: Mutex<Option<PgConnection>>,
}

impl PostgresRoster {
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
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, RosterError> {
        let mut kept = self.connection.lock().await;
        let mut working = kept.take();
        let done = async {
            let mut connection = match working.take() {
                Some(connection) => connection,
                None => self.connector.connect().await?,
            };
            let done = work(&mut connection).await?;
            Ok((done, connection))
        };
        match timeout(self.connector.patience(), done).await {
            Ok(Ok((done, connection))) => {
                *kept = Some(connection);
                Ok(done)
            }
            Ok(Err(error)) => {
                let error: sqlx::Error = error;
                Err(fault(operation, error))
            }
            Err(late) => Err(fault(operation, late)),
        }
    }
}

#[async_trait]
impl Roster for PostgresRoster {
    async fn tell(&self, report: &NodeReport) -> Result<(), RosterError> {
        let (incarnation, row) = (report.incarnation.to_string(), to_row(report));
        let sql = self.connector.sql(
            "INSERT INTO {nodes} VALUES ($1::uuid, $2::json)
             ON CONFLICT (incarnation) DO UPDATE SET report = excluded.report",
        );
        self.with("report a node", async |connection| {
            let query = sqlx::query(sql).bind(incarnation).bind(row);
            query.execute(connection).await
        })
        .await
        .map(drop)
    }

    async fn all(&self) -> Result<Vec<NodeReport>, RosterError> {
        let sql = self
            .connector
            .sql("SELECT report::text FROM {nodes} LIMIT $1");
        self.with("list the nodes", async |connection| {
            sqlx::query_scalar(sql)
                .bind(MAX_ROWS)
                .fetch_all(connection)
                .await
        })
        .await
        .map(|rows: Vec<String>| from_rows(rows))
    }

    async fn forget(&self, incarnation: Uuid) -> Result<(), RosterError> {
        let sql = self
            .connector
            .sql("DELETE FROM {nodes} WHERE incarnation = $1::uuid");
        self.with("remove a node", async |connection| {
            let query = sqlx::query(sql).bind(incarnation.to_string());
            query.execute(connection).await
        })
        .await
        .map(drop)
    }
}

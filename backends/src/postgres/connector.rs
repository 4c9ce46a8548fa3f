use super::PostgresOptions;
use super::fault::Fault;
use super::url::PostgresUrl;
use hotbed_registry::Error;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection, SqlStr};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Whoever acknowledges a write promises that it survives. A server whose default is weaker is asked for it; a
/// stronger one, which waits for standbys, is left alone.
const KEEP: &str = "\
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Makes connections to one database. Its `Debug` shows no password.
#[derive(Clone)]
pub(super) struct Connector {
    url: Arc<PostgresUrl>,
    options: Arc<PgConnectOptions>,
    patience: Duration,
}

impl Connector {
    pub(super) fn new(url: &PostgresUrl, options: PostgresOptions) -> Result<Self, Error> {
        let patience = options.patience;
        let statement = statement_limit(patience).as_millis();
        let options = url
            .options()
            .map_err(|error| Fault::new(error, url, patience).during("open its database"))?
            .options([
                ("statement_timeout", statement),
                ("lock_timeout", lock_limit(patience).as_millis()),
                // Should this node vanish with the counter locked, the others need not wait for its TCP to notice.
                ("idle_in_transaction_session_timeout", statement),
            ]);
        Ok(Self {
            url: Arc::new(url.clone()),
            options: Arc::new(options),
            patience,
        })
    }

    pub(super) fn url(&self) -> &PostgresUrl {
        &self.url
    }

    /// How long anything may take.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) fn fault(&self, error: sqlx::Error) -> Fault {
        Fault::new(error, &self.url, self.patience)
    }

    pub(super) fn late(&self) -> Fault {
        Fault::late(&self.url, self.patience)
    }

    /// Does something with a connection as long as patience lasts.
    pub(super) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, Fault> {
        match timeout(self.patience, work).await {
            Ok(done) => done.map_err(|error| self.fault(error)),
            Err(_) => Err(self.late()),
        }
    }

    pub(super) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        self.options.connect().await
    }

    pub(super) async fn connect_to_write(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = self.connect().await?;
        sqlx::raw_sql(KEEP).execute(&mut connection).await?;
        Ok(connection)
    }

    /// The SQL with this store's tables in it.
    pub(super) fn sql(&self, template: &str) -> SqlStr {
        self.url.table().sql(template)
    }
}

/// What the server itself may take for a statement: a little less than patience, so that its own reason comes first.
pub(super) fn statement_limit(patience: Duration) -> Duration {
    (patience * 4 / 5).max(Duration::from_millis(2))
}

/// How long a statement of that may wait for a lock.
pub(super) fn lock_limit(patience: Duration) -> Duration {
    (patience * 3 / 5).max(Duration::from_millis(1))
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("url", &self.url)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

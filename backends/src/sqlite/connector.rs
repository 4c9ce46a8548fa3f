use super::SqliteOptions;
use super::fault::Fault;
use hotbed_registry::Error;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

const OPEN: &str = "open its database";
/// Connections that read. More would only wait for the disk together.
const READERS: u32 = 4;
/// How often the first opening of a file is tried while somebody else creates it.
const RETRY: Duration = Duration::from_millis(20);

/// Migrations of a newer version are no reason to refuse: they only ever add.
static MIGRATIONS: Migrator = Migrator {
    ignore_missing: true,
    ..sqlx::migrate!("src/sqlite/migrations")
};

/// Makes connections to one file.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    path: PathBuf,
    busy_timeout: Duration,
    options: SqliteConnectOptions,
}

impl Connector {
    pub(super) fn new(path: &Path, options: SqliteOptions) -> Result<Self, Error> {
        let refuse = |reason: String| Error::Unavailable {
            operation: OPEN,
            reason,
            source: None,
        };
        // SQLite takes what begins with `file:` for a URI; an absolute path never does.
        let path = std::path::absolute(path)
            .map_err(|error| refuse(format!("{} is no path: {error}", path.display())))?;
        if path.to_str().is_none_or(|text| text.contains('\0')) {
            return Err(refuse(format!(
                "{} is not UTF-8 without NUL: name another file",
                path.display()
            )));
        }
        let busy_timeout = options.busy_timeout.min(Duration::from_hours(1));
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(busy_timeout)
            .disable_statement_logging();
        Ok(Self {
            path,
            busy_timeout,
            options,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn fault(&self, error: sqlx::Error) -> Fault {
        Fault::new(error, &self.path, self.busy_timeout)
    }

    /// Makes directories, file and tables as needed, and answers a connection that may write.
    pub(super) async fn prepare(&self) -> Result<SqliteConnection, Error> {
        if let Some(directory) = self.path.parent() {
            tokio::fs::create_dir_all(directory)
                .await
                .map_err(|source| Error::Unavailable {
                    operation: OPEN,
                    reason: format!(
                        "{} cannot be made: name a directory that this user may write to",
                        directory.display()
                    ),
                    source: Some(source.into()),
                })?;
        }
        let deadline = Instant::now() + self.busy_timeout;
        loop {
            let fault = match self.try_prepare().await {
                Ok(connection) => return Ok(connection),
                Err(error) => self.fault(error),
            };
            // Going over to WAL does not wait for a lock, so the first to open a file may be in the way of the second.
            if !fault.is_busy() || Instant::now() >= deadline {
                return Err(fault.during(OPEN));
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn try_prepare(&self) -> Result<SqliteConnection, sqlx::Error> {
        let mut connection = self.writer(true).await?;
        // Under the write lock, since another process may be at the same.
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        // What `run` does, without a bound that no compiler can prove here (launchbadge/sqlx#2016).
        MIGRATIONS
            .run_direct(None, &mut *transaction, false)
            .await
            .map_err(cause)?;
        transaction.commit().await?;
        Ok(connection)
    }

    /// A connection that may write to the file, which must be there.
    pub(super) async fn reconnect(&self) -> Result<SqliteConnection, sqlx::Error> {
        self.writer(false).await
    }

    /// The same, for what need not survive the machine: its commits are not flushed, and it leaves it to the others to
    /// move the write-ahead log into the file, which must be flushed first.
    pub(super) async fn unflushed(&self) -> Result<SqliteConnection, sqlx::Error> {
        self.options
            .clone()
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .pragma("wal_autocheckpoint", "0")
            .connect()
            .await
    }

    async fn writer(&self, create: bool) -> Result<SqliteConnection, sqlx::Error> {
        self.options
            .clone()
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .connect()
            .await
    }

    /// Connections that cannot write, made when they are needed.
    pub(super) fn readers(&self) -> SqlitePool {
        SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(self.busy_timeout.max(Duration::from_secs(1)))
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(self.options.clone().read_only(true))
    }
}

/// What the database said, unless it is that its tables are not ours.
fn cause(error: MigrateError) -> sqlx::Error {
    match error {
        MigrateError::ExecuteMigration(cause, version) if super::fault::is_mistaken(&cause) => {
            MigrateError::ExecuteMigration(cause, version).into()
        }
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => cause,
        other => other.into(),
    }
}

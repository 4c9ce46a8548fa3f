//! Makes the tables, and brings older ones up to date.

use super::connector::Connector;
use super::fault::Fault;
use hotbed_registry::Error;
use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use std::time::Duration;
use tokio::time::timeout;

const OPEN: &str = "open its database";
/// Only whoever makes tables takes it, and not for long: one number for all tables of a database.
const LOCK: i64 = 0x686f_7462_6564;
/// How long a migration of large tables may take, once nobody else is at it.
const MIGRATION: Duration = Duration::from_mins(10);

/// Migrations that still lack the names of their tables.
static TEMPLATES: Migrator = sqlx::migrate!("src/postgres/migrations");

const STATE: &str = "\
    SELECT pg_is_in_recovery() AS standby, current_setting('server_encoding') AS encoding,
           to_regclass($1) IS NOT NULL AS made";

/// Checks that the database is fit, and answers a connection to write on, once the tables are there.
pub(super) async fn prepare(connector: &Connector) -> Result<PgConnection, Error> {
    let checked = connector.in_time(check(connector)).await;
    let (mut connection, state) = checked.map_err(|fault| fault.during(OPEN))?;
    let url = connector.url();
    if state.standby {
        let reason = format!("{url} is a standby: name the primary server");
        return Err(Fault::said(reason).during(OPEN));
    }
    if state.encoding != "UTF8" {
        let reason = format!(
            "{url} stores {} and not every character: create a database with ENCODING 'UTF8'",
            state.encoding
        );
        return Err(Fault::said(reason).during(OPEN));
    }
    if !state.done {
        let migrated = timeout(MIGRATION, migrate(connector, &mut connection)).await;
        migrated
            .unwrap_or_else(|_| Err(connector.late()))
            .map_err(|fault| fault.during(OPEN))?;
    }
    Ok(connection)
}

struct State {
    standby: bool,
    encoding: String,
    /// Whether all our migrations were done. Then nothing is locked, and no right to make tables is needed.
    done: bool,
}

async fn check(connector: &Connector) -> Result<(PgConnection, State), sqlx::Error> {
    let mut connection = connector.connect_to_write().await?;
    let migrations = connector.url().table().migrations();
    let row = sqlx::query(STATE)
        .bind(&migrations)
        .fetch_one(&mut connection)
        .await?;
    let mut state = State {
        standby: row.try_get("standby")?,
        encoding: row.try_get("encoding")?,
        done: false,
    };
    if row.try_get("made")? {
        let applied: Vec<(i64, Vec<u8>)> =
            sqlx::query_as(connector.sql("SELECT version, checksum FROM {migrations}"))
                .fetch_all(&mut connection)
                .await?;
        state.done = TEMPLATES.iter().all(|ours| {
            applied
                .iter()
                .any(|(version, checksum)| *version == ours.version && *checksum == *ours.checksum)
        });
    }
    Ok((connection, state))
}

async fn migrate(connector: &Connector, connection: &mut PgConnection) -> Result<(), Fault> {
    let migrating = async {
        let mut transaction = connection.begin().await?;
        // Another node may be at the same. Waits as long as for any lock.
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(LOCK)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("SET LOCAL statement_timeout = 0")
            .execute(&mut *transaction)
            .await?;
        if let Some(schema) = connector.url().table().schema() {
            make_schema(&mut transaction, schema).await?;
        }
        // What `run` does, without a bound that no compiler can prove here (launchbadge/sqlx#2016).
        migrator(connector)
            .run_direct(None, &mut *transaction, false)
            .await
            .map_err(cause)?;
        transaction.commit().await
    };
    migrating.await.map_err(|error| connector.fault(error))
}

/// Not `IF NOT EXISTS`, for which the right to make schemas is needed even if there is nothing to make.
async fn make_schema(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    let exists: bool = sqlx::query_scalar("SELECT to_regnamespace($1) IS NOT NULL")
        .bind(schema)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA \"{schema}\"")))
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Migrations of a newer version are no reason to refuse: they only ever add.
fn migrator(connector: &Connector) -> Migrator {
    let migrations = TEMPLATES.iter().map(|template| Migration {
        sql: connector.sql(template.sql.as_str()),
        ..template.clone()
    });
    Migrator {
        migrations: migrations.collect(),
        ignore_missing: true,
        locking: false,
        table_name: connector.url().table().migrations().into(),
        ..Migrator::DEFAULT
    }
}

/// What the database said, unless it is that its tables are not ours.
fn cause(error: MigrateError) -> sqlx::Error {
    match error {
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => cause,
        other => other.into(),
    }
}

//! Registrations and changes as rows, and back.

use crate::prune::Replaced;
use crate::stored::{self, StoredChange, StoredRegistration, Unreadable};
use chrono::{DateTime, Utc};
use hotbed_registry::{Change, Error, Id, Past, Registration, Revision};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

/// What [`registration`] reads, in its order.
macro_rules! columns {
    () => {
        "id, revision, version, status, created_at, updated_at, last_accessed_at, metadata, config"
    };
}
pub(super) use columns;

/// Reads a registration from a row of all its columns.
pub(super) fn registration(row: &SqliteRow) -> Result<Registration, Error> {
    let read = || stored(row, Some(get(row, "config")?))?.understand();
    Ok(read().map_err(|reason| unreadable(row, reason))?)
}

/// Reads a registration from a row without its configuration, which is left empty.
pub(super) fn without_config(row: &SqliteRow) -> Result<Registration, Unreadable> {
    let read = || stored(row, None)?.understand();
    read().map_err(|reason| unreadable(row, reason))
}

fn stored<'r>(
    row: &'r SqliteRow,
    config: Option<&'r str>,
) -> Result<StoredRegistration<'r>, String> {
    Ok(StoredRegistration {
        id: get(row, "id")?,
        revision: get(row, "revision")?,
        version: get(row, "version")?,
        status: get(row, "status")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        last_accessed_at: time(row, "last_accessed_at")?,
        metadata: get(row, "metadata")?,
        config,
    })
}

/// Reads an entry of the log.
pub(super) fn change(row: &SqliteRow) -> Result<Change, Error> {
    let read = || {
        let stored = StoredChange {
            id: get(row, "id")?,
            revision: get(row, "revision")?,
            kind: get(row, "kind")?,
            at: time(row, "at")?,
        };
        stored.understand()
    };
    read().map_err(|reason| {
        let revision = get::<i64>(row, "revision").unwrap_or_default();
        Error::Corrupt {
            place: format!("table changes, revision {revision}"),
            reason,
        }
    })
}

/// Reads an id and its revision.
pub(super) fn head(row: &SqliteRow) -> Result<(Id, Revision), Error> {
    let read = || {
        let id = Id::new(get(row, "id")?).map_err(|error| error.to_string())?;
        Ok((id, Revision(counter(row, "revision")?)))
    };
    Ok(read().map_err(|reason| unreadable(row, reason))?)
}

/// Reads a version of a registration, or its deletion.
pub(super) fn past(row: &SqliteRow) -> Result<Past, Error> {
    let read = || {
        if get::<Option<&str>>(row, "status")?.is_some() {
            let version = stored(row, Some(get(row, "config")?))?;
            return Ok(version.understand()?.into());
        }
        Ok(Past::Deleted {
            id: Id::new(get(row, "id")?).map_err(|error| error.to_string())?,
            revision: Revision(counter(row, "revision")?),
            at: time(row, "replaced_at")?,
            note: stored::note(get(row, "metadata")?)?,
        })
    };
    read().map_err(|reason: String| past_unreadable(row, reason))
}

/// Reads when a version was replaced.
pub(super) fn replaced(row: &SqliteRow) -> Result<Replaced, Error> {
    let read = || {
        Ok(Replaced {
            id: get(row, "id")?,
            revision: Revision(counter(row, "revision")?),
            by: Revision(counter(row, "replaced_by")?),
            at: time(row, "replaced_at")?,
        })
    };
    read().map_err(|reason: String| past_unreadable(row, reason))
}

fn past_unreadable(row: &SqliteRow, reason: String) -> Error {
    let id = get::<&str>(row, "id").unwrap_or("?");
    let revision = get::<i64>(row, "revision").unwrap_or_default();
    Error::Corrupt {
        place: format!("table history, id {id:?}, revision {revision}"),
        reason,
    }
}

fn unreadable(row: &SqliteRow, reason: String) -> Unreadable {
    let id = get::<&str>(row, "id").unwrap_or("?");
    Unreadable {
        place: format!("table registrations, id {id:?}"),
        reason,
    }
}

pub(super) fn counter(row: &SqliteRow, column: &str) -> Result<u64, String> {
    stored::counter(column, get(row, column)?)
}

fn time(row: &SqliteRow, column: &str) -> Result<DateTime<Utc>, String> {
    let micros: i64 = get(row, column)?;
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| format!("its {column} {micros} is no time"))
}

/// Reads a column. Fails only for text that is not UTF-8: the tables are STRICT.
fn get<'r, T>(row: &'r SqliteRow, column: &str) -> Result<T, String>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(column)
        .map_err(|error| format!("its {column}: {error}"))
}

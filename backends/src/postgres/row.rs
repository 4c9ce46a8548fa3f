//! Registrations and changes as rows, and back.

use crate::prune::Replaced;
use crate::stored::{StoredChange, StoredRegistration, Unreadable, counter, note};
use hotbed_registry::{Change, Error, Id, Past, Registration, Revision};
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row, Type};

/// Reads a registration from a row of all its columns.
pub(super) fn registration(row: &PgRow) -> Result<Registration, Error> {
    let read = || stored(row, Some(get(row, "config")?))?.understand();
    Ok(read().map_err(|reason| unreadable(row, reason))?)
}

/// Reads a registration from a row without its configuration, which is left empty.
pub(super) fn without_config(row: &PgRow) -> Result<Registration, Unreadable> {
    let read = || stored(row, None)?.understand();
    read().map_err(|reason| unreadable(row, reason))
}

fn stored<'r>(row: &'r PgRow, config: Option<&'r str>) -> Result<StoredRegistration<'r>, String> {
    Ok(StoredRegistration {
        id: get(row, "id")?,
        revision: get(row, "revision")?,
        version: get(row, "version")?,
        status: get(row, "status")?,
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
        last_accessed_at: get(row, "last_accessed_at")?,
        metadata: get(row, "metadata")?,
        config,
    })
}

/// Reads an entry of the log.
pub(super) fn change(row: &PgRow) -> Result<Change, Error> {
    let read = || {
        let stored = StoredChange {
            id: get(row, "id")?,
            revision: get(row, "revision")?,
            kind: get(row, "kind")?,
            at: get(row, "at")?,
        };
        stored.understand()
    };
    read().map_err(|reason| {
        let revision = get::<i64>(row, "revision").unwrap_or_default();
        Error::Corrupt {
            place: format!("the log, revision {revision}"),
            reason,
        }
    })
}

/// Reads an id and its revision.
pub(super) fn head(row: &PgRow) -> Result<(Id, Revision), Error> {
    let read = || {
        let id = Id::new(get(row, "id")?).map_err(|error| error.to_string())?;
        Ok((id, Revision(counter("revision", get(row, "revision")?)?)))
    };
    Ok(read().map_err(|reason| unreadable(row, reason))?)
}

/// Reads the revision of an entry of the log.
pub(super) fn revision(row: &PgRow) -> Result<Revision, Error> {
    let revision = get(row, "revision").and_then(|it| counter("revision", it));
    revision.map(Revision).map_err(|reason| Error::Corrupt {
        place: "the log".into(),
        reason,
    })
}

/// Reads a version of a registration, or its deletion.
pub(super) fn past(row: &PgRow) -> Result<Past, Error> {
    let read = || {
        if get::<Option<&str>>(row, "status")?.is_some() {
            let version = stored(row, Some(get(row, "config")?))?;
            return Ok(version.understand()?.into());
        }
        Ok(Past::Deleted {
            id: Id::new(get(row, "id")?).map_err(|error| error.to_string())?,
            revision: Revision(counter("revision", get(row, "revision")?)?),
            at: get(row, "replaced_at")?,
            note: note(get(row, "metadata")?)?,
        })
    };
    read().map_err(|reason: String| past_unreadable(row, reason))
}

/// Reads when a version was replaced.
pub(super) fn replaced(row: &PgRow) -> Result<Replaced, Error> {
    let (id, revision) = version(row)?;
    let read = || {
        Ok(Replaced {
            id,
            revision,
            by: Revision(counter("replaced_by", get(row, "replaced_by")?)?),
            at: get(row, "replaced_at")?,
        })
    };
    read().map_err(|reason: String| past_unreadable(row, reason))
}

/// Reads the id, as it is stored, and the revision of a version.
pub(super) fn version(row: &PgRow) -> Result<(String, Revision), Error> {
    let read = || {
        let revision = counter("revision", get(row, "revision")?)?;
        Ok((get(row, "id")?, Revision(revision)))
    };
    read().map_err(|reason: String| past_unreadable(row, reason))
}

fn past_unreadable(row: &PgRow, reason: String) -> Error {
    let id = get::<&str>(row, "id").unwrap_or("?");
    let revision = get::<i64>(row, "revision").unwrap_or_default();
    Error::Corrupt {
        place: format!("the past of {id:?}, revision {revision}"),
        reason,
    }
}

/// How far a collection and its log reach.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// The newest revision.
    pub(super) head: Revision,
    /// The newest revision that the log no longer tells.
    pub(super) forgotten: Revision,
}

impl Extent {
    /// Of a collection that nobody has written to yet.
    pub(super) const NONE: Self = Self {
        head: Revision::ZERO,
        forgotten: Revision::ZERO,
    };

    pub(super) fn of(row: &PgRow) -> Result<Self, Unreadable> {
        let read = || {
            Ok(Self {
                head: Revision(counter("head", get(row, "head")?)?),
                forgotten: Revision(counter("forgotten", get(row, "forgotten")?)?),
            })
        };
        read().map_err(|reason| Unreadable {
            place: "the counter of a collection".into(),
            reason,
        })
    }
}

/// Whether a row of a joined table is there at all.
pub(super) fn is_there(row: &PgRow) -> bool {
    row.try_get::<Option<i64>, _>("revision")
        .is_ok_and(|it| it.is_some())
}

fn unreadable(row: &PgRow, reason: String) -> Unreadable {
    let id = get::<&str>(row, "id").unwrap_or("?");
    Unreadable {
        place: format!("the registration {id:?}"),
        reason,
    }
}

fn get<'r, T: Decode<'r, Postgres> + Type<Postgres>>(
    row: &'r PgRow,
    column: &str,
) -> Result<T, String> {
    row.try_get(column)
        .map_err(|error| format!("its {column}: {error}"))
}

use hotbed_registry::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What went wrong in the database, in words that say what to do. Can be told to many callers.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    kind: Kind,
    reason: String,
    source: Arc<sqlx::Error>,
}

#[derive(Debug, Clone)]
enum Kind {
    Unavailable,
    Corrupt { place: String },
}

/// SQLite's primary result codes, <https://sqlite.org/rescode.html>.
mod code {
    pub(super) const ERROR: i32 = 1;
    pub(super) const PERM: i32 = 3;
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const READONLY: i32 = 8;
    pub(super) const IOERR: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    /// The locks of the write-ahead log could not be had, however often it was tried.
    pub(super) const PROTOCOL: i32 = 15;
    pub(super) const NOTADB: i32 = 26;
}

impl Fault {
    pub(super) fn new(error: sqlx::Error, path: &Path, busy_timeout: Duration) -> Self {
        let path = path.display();
        let corrupt = |reason: &str| {
            (
                Kind::Corrupt {
                    place: path.to_string(),
                },
                reason.to_owned(),
            )
        };
        let unavailable = |reason: String| (Kind::Unavailable, reason);
        let (kind, reason) = match (primary_code(&error), &error) {
            (Some(code::BUSY | code::LOCKED | code::PROTOCOL), _) => unavailable(format!(
                "{path} has been locked by another process for {busy_timeout:?}: see what holds it, or try again"
            )),
            (Some(code::READONLY | code::PERM), _) => unavailable(format!(
                "{path} may not be written: give this user write access to the file and to its directory"
            )),
            (Some(code::FULL), _) => unavailable(format!(
                "the disk with {path} is full: make room, then try again"
            )),
            (Some(code::IOERR), _) => unavailable(format!(
                "the disk with {path} fails: check its health, its free space and this user's quota"
            )),
            (Some(code::CANTOPEN), _) => unavailable(format!(
                "{path} cannot be opened: check that it is a file, and that this user may write to it and to its \
                 directory"
            )),
            (Some(code::NOTADB), _) => corrupt("it is not a SQLite database: name another file"),
            (Some(code::CORRUPT), _) => corrupt(
                "the database is damaged: restore a backup, or save what is left with `sqlite3 FILE .recover`",
            ),
            (Some(code::ERROR), sqlx::Error::Database(said))
                if said.message() == "malformed JSON" =>
            {
                corrupt(
                    "some row's metadata is not JSON: `SELECT id FROM registrations WHERE NOT json_valid(metadata)`",
                )
            }
            (_, sqlx::Error::Migrate(_)) => corrupt(
                "its tables were made by something else than this program: name another file",
            ),
            (_, sqlx::Error::PoolTimedOut) => {
                unavailable("every reader is busy: try again".to_owned())
            }
            (_, sqlx::Error::PoolClosed) => unavailable("it is closed".to_owned()),
            _ => unavailable(format!("{path} does not do what it is asked for")),
        };
        Self {
            kind,
            reason,
            source: Arc::new(error),
        }
    }

    /// Whether somebody else held the lock, so that the connection itself is in order.
    pub(super) fn is_busy(&self) -> bool {
        matches!(primary_code(&self.source), Some(code::BUSY | code::LOCKED))
    }

    /// What a caller is told whose operation this ended.
    pub(super) fn during(&self, operation: &'static str) -> Error {
        match &self.kind {
            Kind::Unavailable => Error::Unavailable {
                operation,
                reason: self.reason.clone(),
                source: Some(Box::new(Arc::clone(&self.source))),
            },
            Kind::Corrupt { place } => Error::Corrupt {
                place: place.clone(),
                reason: self.reason.clone(),
            },
        }
    }
}

/// Whether the statement was wrong for this database, rather than the database in trouble.
pub(super) fn is_mistaken(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(code::ERROR)
}

/// The low byte of an extended result code.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

use super::connector::{lock_limit, statement_limit};
use super::url::PostgresUrl;
use hotbed_registry::Error;
use std::sync::Arc;
use std::time::Duration;

/// What went wrong at the server or on the way to it, in words that say what to do. Can be told to many callers.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    kind: Kind,
    reason: String,
    source: Option<Arc<sqlx::Error>>,
}

#[derive(Debug, Clone)]
enum Kind {
    Unavailable,
    Corrupt { place: String },
}

impl Fault {
    pub(super) fn new(error: sqlx::Error, url: &PostgresUrl, patience: Duration) -> Self {
        let (kind, reason) = match code(&error).as_deref() {
            Some(code) => explain(code, url, patience),
            None => match &error {
                sqlx::Error::Tls(_) => unavailable(format!(
                    "{url} does not do TLS as it is asked for: check its certificate, and sslmode and sslrootcert in \
                     the URL"
                )),
                sqlx::Error::Migrate(_) => corrupt(
                    format!("{url}"),
                    "its tables were made by something else than this program: name another table",
                ),
                sqlx::Error::Configuration(_) => unavailable(format!(
                    "{url} cannot be used as it stands: check its parameters"
                )),
                sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => unavailable(format!(
                    "{url} is not reached: see whether the server runs, and whether the way to it is open"
                )),
                _ => unavailable(format!("{url} does not do what it is asked for")),
            },
        };
        Self {
            kind,
            reason,
            source: Some(Arc::new(error)),
        }
    }

    /// There was no answer in time.
    pub(super) fn late(url: &PostgresUrl, patience: Duration) -> Self {
        Self::said(format!(
            "{url} has not answered for {patience:?}: see whether it is overloaded, or the way to it cut"
        ))
    }

    /// The connection broke, or something else went wrong, while the transaction was being committed.
    #[must_use]
    pub(super) fn at_commit(self) -> Self {
        let reason = format!(
            "whether it was done is not known, for it went wrong during the commit: read before you try again; {}",
            self.reason
        );
        Self { reason, ..self }
    }

    pub(super) fn said(reason: String) -> Self {
        Self {
            kind: Kind::Unavailable,
            reason,
            source: None,
        }
    }

    /// What a caller is told whose operation this ended.
    pub(super) fn during(&self, operation: &'static str) -> Error {
        match &self.kind {
            Kind::Unavailable => Error::Unavailable {
                operation,
                reason: self.reason.clone(),
                source: self
                    .source
                    .as_ref()
                    .map(|source| Box::new(Arc::clone(source)).into()),
            },
            Kind::Corrupt { place } => Error::Corrupt {
                place: place.clone(),
                reason: self.reason.clone(),
            },
        }
    }
}

/// What a SQLSTATE means here, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn explain(code: &str, url: &PostgresUrl, patience: Duration) -> (Kind, String) {
    match code {
        "28P01" | "28000" => unavailable(format!(
            "{url} lets nobody in with this user and password: mend the URL, or pg_hba.conf"
        )),
        "3D000" => unavailable(format!("{url} has no such database: create it")),
        "42501" => unavailable(format!(
            "{url} does not let this user do that: grant CREATE on the schema, or have the owner of the tables start \
             this program once"
        )),
        "3F000" => unavailable(format!("{url} has no such schema: create it")),
        "53300" => unavailable(format!(
            "{url} has too many connections: raise max_connections, or close others"
        )),
        "53100" | "58030" => unavailable(format!(
            "the disk of {url} is full or fails: make room, then try again"
        )),
        "55P03" => unavailable(format!(
            "another writer has held {url} for {:?}: see in pg_stat_activity what holds it, or try again",
            lock_limit(patience)
        )),
        "57014" => unavailable(format!(
            "{url} took longer than {:?}: ask for less, for example with a limit, or see what keeps it busy",
            statement_limit(patience)
        )),
        "25006" => unavailable(format!(
            "{url} is a standby or read-only: name the primary server"
        )),
        "57P01" | "57P02" | "57P03" => unavailable(format!(
            "{url} is starting or stopping: try again in a moment"
        )),
        "40001" | "40P01" | "25P03" => unavailable(format!(
            "{url} gave another transaction precedence: try again"
        )),
        "42P01" | "42703" | "42P07" | "42710" | "42804" => corrupt(
            url.to_string(),
            "its tables were made or changed by something else than this program: name another table",
        ),
        "XX001" | "XX002" => corrupt(url.to_string(), "the database is damaged: restore a backup"),
        _ => unavailable(format!("{url} does not do what it is asked for")),
    }
}

fn unavailable(reason: String) -> (Kind, String) {
    (Kind::Unavailable, reason)
}

fn corrupt(place: String, reason: &str) -> (Kind, String) {
    (Kind::Corrupt { place }, reason.to_owned())
}

/// Whether the connection went away or out of date while it lay idle, so that the same may succeed on a fresh one.
pub(crate) fn is_stale(error: &sqlx::Error) -> bool {
    match code(error).as_deref() {
        // Shutdown and its like, a broken connection, and statements prepared for tables that have changed since.
        Some(code) => {
            code.starts_with("57P")
                || code.starts_with("08")
                || ["25P03", "0A000", "26000"].contains(&code)
        }
        None => matches!(
            error,
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_)
        ),
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

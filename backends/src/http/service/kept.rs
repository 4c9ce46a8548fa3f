//! The book of a service on disk, so that revisions go on after a restart where they were.

use super::book::{Book, Row};
use super::digest::digest;
use chrono::{DateTime, Utc};
use hotbed_registry::{Change, CollectionName, Error, Id, Revision};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// The form of the file. A later one has another number.
const FORMAT: u32 = 1;
/// Entries of the log that are kept: who is further behind lists the heads.
const KEPT_LOG: usize = 1_000;

/// The file of one book, which no other process uses meanwhile.
#[derive(Debug)]
pub(super) struct KeptBook {
    path: PathBuf,
    service: String,
    /// Held for as long as this lives.
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct Document {
    format: u32,
    service: String,
    head: u64,
    /// Oldest first.
    log: Vec<KeptChange>,
    rows: Vec<KeptRow>,
}

#[derive(Serialize, Deserialize)]
struct KeptChange {
    id: String,
    revision: u64,
    kind: String,
    at: DateTime<Utc>,
}

#[derive(Serialize, Deserialize)]
struct KeptRow {
    id: String,
    digest: String,
    status: String,
    revision: u64,
    version: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    last_accessed_at: DateTime<Utc>,
}

impl KeptBook {
    /// Opens the book of a collection in a directory, which is made if there is none; begins one at revision 0.
    pub(super) fn open(
        dir: &Path,
        service: &str,
        name: &CollectionName,
    ) -> Result<(Self, Book), Error> {
        let path = dir.join(format!("{name}-{:.16}.json", digest(service)));
        let failed = |error: std::io::Error| unusable(&path, &error.to_string());
        std::fs::create_dir_all(dir).map_err(failed)?;
        let lock = File::create(path.with_extension("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(unusable(
                    &path,
                    "another process uses it: give each a directory of its own",
                ));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let book = match std::fs::read(&path) {
            Ok(bytes) => read(&bytes, service).map_err(|reason| Error::Corrupt {
                place: path.display().to_string(),
                reason: format!(
                    "{reason}: remove it, and whoever follows this registry begins anew"
                ),
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => Book::new(Revision::ZERO),
            Err(error) => return Err(failed(error)),
        };
        let kept = Self {
            path,
            service: service.to_owned(),
            _lock: lock,
        };
        Ok((kept, book))
    }

    /// Writes a book down; it is there, whole, when this returns.
    pub(super) fn save(&self, book: &Book) -> Result<(), Error> {
        let bytes = write(book, &self.service);
        let saved = || {
            let beside = self.path.with_extension("new");
            let mut file = File::create(&beside)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            std::fs::rename(&beside, &self.path)?;
            // Or the rename may be undone by a crash.
            File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
        };
        saved().map_err(|error: std::io::Error| unusable(&self.path, &error.to_string()))
    }
}

fn unusable(path: &Path, reason: &str) -> Error {
    Error::Unavailable {
        operation: "keep its revisions",
        reason: format!("{} cannot be used: {reason}", path.display()),
        source: None,
    }
}

/// One line of JSON, and the SHA-256 of it.
fn write(book: &Book, service: &str) -> Vec<u8> {
    let document = Document {
        format: FORMAT,
        service: service.to_owned(),
        head: book.head.0,
        log: book
            .log
            .iter()
            .skip(book.log.len().saturating_sub(KEPT_LOG))
            .map(|change| KeptChange {
                id: change.id.to_string(),
                revision: change.revision.0,
                kind: change.kind.to_string(),
                at: change.at,
            })
            .collect(),
        rows: book
            .rows
            .iter()
            .map(|(id, row)| KeptRow {
                id: id.to_string(),
                digest: row.digest.clone(),
                status: row.status.to_string(),
                revision: row.revision.0,
                version: row.version,
                created_at: row.created_at,
                updated_at: row.updated_at,
                last_accessed_at: row.last_accessed_at,
            })
            .collect(),
    };
    let mut bytes = serde_json::to_vec(&document).expect("a book is plain data");
    let sum = digest(&bytes);
    bytes.push(b'\n');
    bytes.extend_from_slice(sum.as_bytes());
    bytes.push(b'\n');
    bytes
}

fn read(bytes: &[u8], service: &str) -> Result<Book, String> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let (document, sum) = (
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
    );
    if sum != digest(document).as_bytes() {
        return Err("its checksum does not hold".into());
    }
    let document: Document = serde_json::from_slice(document).map_err(|error| error.to_string())?;
    if document.format != FORMAT {
        return Err(format!(
            "its format {} is not known to this version",
            document.format
        ));
    }
    if document.service != service {
        return Err(format!("it is the book of {}", document.service));
    }
    let log = document
        .log
        .into_iter()
        .map(|kept| {
            Ok(Change {
                id: Id::new(&kept.id).map_err(|error| error.to_string())?,
                revision: Revision(kept.revision),
                kind: kept
                    .kind
                    .parse()
                    .map_err(|()| format!("its kind {:?} is unknown", kept.kind))?,
                at: kept.at,
            })
        })
        .collect::<Result<_, String>>()?;
    let rows = document
        .rows
        .into_iter()
        .map(|kept| {
            let row = Row {
                digest: kept.digest,
                status: kept
                    .status
                    .parse()
                    .map_err(|error: hotbed_registry::UnknownStatus| error.to_string())?,
                revision: Revision(kept.revision),
                version: kept.version,
                created_at: kept.created_at,
                updated_at: kept.updated_at,
                last_accessed_at: kept.last_accessed_at,
                content: None,
            };
            Ok((Id::new(&kept.id).map_err(|error| error.to_string())?, row))
        })
        .collect::<Result<_, String>>()?;
    Ok(Book {
        rows,
        log,
        head: Revision(document.head),
    })
}

#[cfg(test)]
mod tests {
    use super::super::book::Cause;
    use super::super::seen;
    use super::*;
    use serde_json::json;

    fn book() -> Book {
        let mut book = Book::new(Revision::ZERO);
        for (id, n) in [("a", 1), ("b", 1), ("a", 2)] {
            let seen = seen::one(json!({"bot_id": id, "config": {"n": n}}))
                .unwrap()
                .unwrap();
            book.see(seen, Cause::Found, Utc::now());
        }
        book.miss(&Id::new("b").unwrap(), Utc::now());
        book
    }

    /// As it is after a restart: nothing has been seen.
    fn unseen(mut book: Book) -> Book {
        for row in book.rows.values_mut() {
            row.content = None;
        }
        book
    }

    #[test]
    fn a_book_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let bots = CollectionName::bots();
        let (kept, empty) = KeptBook::open(dir.path(), "http://h", &bots).unwrap();
        assert_eq!(empty, Book::new(Revision::ZERO));
        kept.save(&book()).unwrap();
        let written = book();
        kept.save(&written).unwrap();
        drop(kept);
        let (_, read) = KeptBook::open(dir.path(), "http://h", &bots).unwrap();
        assert_eq!(read, unseen(written));
        let (_, other) = KeptBook::open(dir.path(), "http://other", &bots).unwrap();
        assert_eq!(other.head, Revision::ZERO);
    }

    #[test]
    fn two_do_not_keep_one_book() {
        let dir = tempfile::tempdir().unwrap();
        let bots = CollectionName::bots();
        let _kept = KeptBook::open(dir.path(), "http://h", &bots).unwrap();
        let refused = KeptBook::open(dir.path(), "http://h", &bots)
            .unwrap_err()
            .to_string();
        assert!(refused.contains("another process uses it"), "{refused}");
    }

    #[test]
    fn a_damaged_book_is_refused_wherever_it_is_damaged() {
        let whole = write(&book(), "http://h");
        assert!(read(&whole, "http://h").is_ok());
        assert!(read(&whole, "http://other").is_err());
        for length in 0..whole.len() - 1 {
            assert!(read(&whole[..length], "http://h").is_err(), "{length}");
        }
        for at in 0..whole.len() - 1 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert!(read(&damaged, "http://h").is_err(), "{at}");
        }
    }
}

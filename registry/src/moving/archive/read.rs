use super::line::{End, Header, Line, VERSION};
use super::write::ArchiveSummary;
use crate::moving::record::{Digesting, hex};
use crate::moving::{ContentDigest, Record};
use crate::{CollectionName, Id, Revision};
use sha2::{Digest, Sha256};
use std::io::{self, BufRead, Read};

/// The longest line: the longest configuration that a store takes, and room for what stands beside it.
const MAX_LINE: u64 = 72 * 1024 * 1024;

/// Reads an archive. Only once it has answered `None` is it known that what was read is all, and as it was written: do
/// nothing that cannot be undone before that.
#[derive(Debug)]
pub struct ArchiveReader<R> {
    input: R,
    line: u64,
    hash: Sha256,
    digest: Digesting,
    last: Option<Id>,
    collection: CollectionName,
    begun_at: Revision,
    summary: Option<ArchiveSummary>,
}

/// Why something is not an archive, or not a whole one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It cannot be read.
    #[error("cannot be read")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("is no archive of registrations: {reason}")]
    Foreign {
        /// What is wrong with its first line.
        reason: String,
    },
    /// It was written by a newer program.
    #[error("is of version {version}, which is newer than this program: use a newer one")]
    Newer {
        /// Its version.
        version: u32,
    },
    /// A line makes no sense.
    #[error("line {line} makes no sense: {reason}")]
    Malformed {
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Its end is missing: it was not written, or not copied, to the end.
    #[error("ends in line {line} without saying that it is complete: it was cut off")]
    Truncated {
        /// The last line that there is.
        line: u64,
    },
    /// What it holds is not what was written.
    #[error("was changed after it was written: its {what} is not what its last line says")]
    Changed {
        /// What does not fit.
        what: &'static str,
    },
}

impl<R: BufRead> ArchiveReader<R> {
    /// Reads the first line.
    pub fn open(mut input: R) -> Result<Self, ArchiveError> {
        let foreign = |reason: String| ArchiveError::Foreign { reason };
        let bytes = next_line(&mut input).map_err(|error| match error {
            NoLine::Io(error) => ArchiveError::Io(error),
            NoLine::End => foreign("it is empty".into()),
            NoLine::Cut => ArchiveError::Truncated { line: 1 },
            NoLine::TooLong => foreign("its first line has no end".into()),
        })?;
        let Header {
            version,
            collection,
            revision,
        } = match serde_json::from_slice(&bytes) {
            Ok(Line::Archive(header)) => header,
            Ok(_) => return Err(foreign("it does not begin with a line \"archive\"".into())),
            Err(error) => return Err(foreign(error.to_string())),
        };
        if version > VERSION {
            return Err(ArchiveError::Newer { version });
        }
        let collection = CollectionName::new(&collection);
        let mut hash = Sha256::new();
        hash.update(&bytes);
        Ok(Self {
            input,
            line: 1,
            hash,
            digest: Digesting::default(),
            last: None,
            collection: collection.map_err(|error| foreign(error.to_string()))?,
            begun_at: Revision(revision),
            summary: None,
        })
    }

    /// The collection that it was made of.
    pub fn collection(&self) -> &CollectionName {
        &self.collection
    }

    /// What it holds, once that is proven: after [`next`](Self::next) answered `None`.
    pub fn summary(&self) -> Option<&ArchiveSummary> {
        self.summary.as_ref()
    }

    /// The next record, in id order; `None` once the archive has proven to be whole.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator's next is easily taken for the end after an error"
    )]
    pub fn next(&mut self) -> Result<Option<Record>, ArchiveError> {
        if self.summary.is_some() {
            return Ok(None);
        }
        let bytes = match next_line(&mut self.input) {
            Ok(bytes) => bytes,
            Err(NoLine::Io(error)) => return Err(error.into()),
            Err(NoLine::End | NoLine::Cut) => {
                return Err(ArchiveError::Truncated { line: self.line });
            }
            Err(NoLine::TooLong) => {
                self.line += 1;
                return Err(self.malformed(format!("it is longer than {MAX_LINE} bytes")));
            }
        };
        self.line += 1;
        match serde_json::from_slice(&bytes) {
            Ok(Line::Registration(stored)) => {
                let record = stored.understand().map_err(|it| self.malformed(it))?;
                if self.last.as_ref().is_some_and(|last| *last >= record.id) {
                    return Err(self.malformed(format!("{:?} is out of order", record.id)));
                }
                self.hash.update(&bytes);
                self.digest.add(record.fingerprint());
                self.last = Some(record.id.clone());
                Ok(Some(record))
            }
            Ok(Line::End(end)) => self.prove(end).map(|()| None),
            Ok(Line::Archive(_)) => Err(self.malformed("another archive begins".into())),
            Err(error) => Err(self.malformed(error.to_string())),
        }
    }

    fn prove(&mut self, end: End) -> Result<(), ArchiveError> {
        let changed = |what| Err(ArchiveError::Changed { what });
        if end.count != self.digest.count() {
            return changed("number of registrations");
        }
        if end.sha256 != hex(&self.hash.clone().finalize()) {
            return changed("checksum");
        }
        let digest = std::mem::take(&mut self.digest).digest();
        if ContentDigest::written(end.digest) != digest {
            return changed("digest");
        }
        if !self.input.fill_buf()?.is_empty() {
            self.line += 1;
            return Err(self.malformed("something follows the end".into()));
        }
        self.summary = Some(ArchiveSummary {
            count: end.count,
            digest,
            begun_at: self.begun_at,
            ended_at: Revision(end.revision),
        });
        Ok(())
    }

    fn malformed(&self, reason: String) -> ArchiveError {
        ArchiveError::Malformed {
            line: self.line,
            reason,
        }
    }
}

enum NoLine {
    Io(io::Error),
    /// Nothing is left.
    End,
    /// The rest does not end with a line break.
    Cut,
    TooLong,
}

/// The next line with its line break.
fn next_line(input: &mut impl BufRead) -> Result<Vec<u8>, NoLine> {
    let mut bytes = Vec::new();
    let read = input.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes);
    match read.map_err(NoLine::Io)? {
        0 => Err(NoLine::End),
        _ if bytes.ends_with(b"\n") => Ok(bytes),
        read if read as u64 == MAX_LINE => Err(NoLine::TooLong),
        _ => Err(NoLine::Cut),
    }
}

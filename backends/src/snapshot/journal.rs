use super::key::SnapshotKey;
use super::line::{Kind, Line};
use super::place::private;
use super::sealed::{INCOMPLETE, MARK_AT, Sealer};
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What happened since the base was written. Only this process appends to it: another one begins another.
pub(super) struct Journal {
    pub(super) path: PathBuf,
    pub(super) number: u64,
    file: File,
    sealer: Sealer,
    bytes: u64,
}

impl Journal {
    /// A new one. It is written at once, so that it is either there as a whole or known to be unbegun.
    pub(super) fn create(
        path: PathBuf,
        number: u64,
        key: &SnapshotKey,
        registry: &str,
    ) -> io::Result<Self> {
        let (mut sealer, mut beginning) = Sealer::begin(key)?;
        let first = Line::File {
            kind: Kind::Journal,
            registry: registry.to_owned(),
            number,
        };
        beginning.extend(sealer.seal(first.to_bytes()?)?);
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&path)?;
        file.write_all(&beginning)?;
        Ok(Self {
            path,
            number,
            file,
            sealer,
            bytes: beginning.len() as u64,
        })
    }

    /// Hands a line to the system, which keeps it whatever becomes of this process. Answers its size. A journal that
    /// failed is not to be appended to again.
    pub(super) fn append(&mut self, line: Vec<u8>) -> io::Result<u64> {
        let sealed = self.sealer.seal(line)?;
        let size = sealed.len() as u64;
        match self.file.write_all(&sealed) {
            Ok(()) => {
                self.bytes += size;
                Ok(size)
            }
            Err(error) => {
                // What was written of it would do no harm, but takes room on a disk that has none.
                drop(self.file.set_len(self.bytes));
                Err(error)
            }
        }
    }

    /// The same file, to have it written to the disk elsewhere.
    pub(super) fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

/// Marks a file as one after which something is missing: in place, which takes no room.
pub(super) fn mark_incomplete(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::Start(MARK_AT as u64))?;
    file.write_all(&[INCOMPLETE])
}

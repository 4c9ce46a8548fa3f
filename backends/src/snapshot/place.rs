//! Where a snapshot's files lie, and who may use them.

use super::SnapshotError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The base file's path, and by it those of all others.
#[derive(Debug, Clone)]
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn new(base: &Path) -> Self {
        Self(base.to_owned())
    }

    pub(super) fn base(&self) -> &Path {
        &self.0
    }

    pub(super) fn journal(&self, number: u64) -> PathBuf {
        self.beside(&format!(".journal-{number}"))
    }

    /// Where a key is kept that nobody gave.
    pub(super) fn key(&self) -> PathBuf {
        self.0.with_extension("key")
    }

    pub(super) fn new_base(&self) -> PathBuf {
        self.beside(".tmp")
    }

    /// Where a file is put aside: one of each kind.
    pub(super) fn aside(&self, file: &Path, ending: &str) -> PathBuf {
        if file == self.0 {
            self.beside(ending)
        } else {
            self.beside(&format!(".journal{ending}"))
        }
    }

    pub(super) fn version1(&self) -> PathBuf {
        self.0.with_extension("json")
    }

    /// What version 1 put aside or did not finish: in clear.
    pub(super) fn leftovers_of_version1(&self) -> Vec<PathBuf> {
        ["json.bad", "json.other", "json.tmp"]
            .map(|ending| self.0.with_extension(ending))
            .into_iter()
            .filter(|path| path.exists())
            .collect()
    }

    /// The journals that are there, oldest first.
    pub(super) fn journals(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let prefix = self.journal_prefix();
        let mut found = Vec::new();
        for file in std::fs::read_dir(self.directory())? {
            let name = file?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(&*prefix));
            if let Some(number) = number.and_then(|number| number.parse().ok()) {
                found.push((number, self.journal(number)));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    pub(super) fn is_journal(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&self.journal_prefix())
    }

    fn journal_prefix(&self) -> String {
        let name = self.0.file_name().unwrap_or_default();
        format!("{}.journal-", name.to_string_lossy())
    }

    /// Makes the names of files that were made, renamed or removed durable.
    pub(super) fn sync_directory(&self) -> io::Result<()> {
        File::open(self.directory())?.sync_all()
    }

    /// Takes the files for this process, by a lock that ends with it. The lock has the name that version 1 gave it,
    /// so that programs of either version keep each other out.
    pub(super) fn lock(&self) -> Result<File, SnapshotError> {
        let failed = |source| SnapshotError::Locking {
            path: self.0.clone(),
            source,
        };
        std::fs::create_dir_all(self.directory()).map_err(failed)?;
        let lock = private(OpenOptions::new().write(true).create(true).truncate(false))
            .open(self.0.with_extension("json.lock"))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(SnapshotError::InUse {
                path: self.0.clone(),
            }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    fn directory(&self) -> &Path {
        let parent = self.0.parent().filter(|it| !it.as_os_str().is_empty());
        parent.unwrap_or(Path::new("."))
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.0.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    }
}

/// Only the owner may read what is created.
#[cfg(unix)]
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

#[cfg(not(unix))]
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

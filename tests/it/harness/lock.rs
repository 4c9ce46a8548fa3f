//! Another process that has the registry's file.

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use sqlx::{Connection, SqliteConnection};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

/// Holds the lock that a writer needs, until dropped.
#[derive(Debug)]
pub(crate) struct WriteLock(#[expect(dead_code, reason = "held for its lock")] SqliteConnection);

impl WriteLock {
    pub(crate) async fn take(registry: &Path) -> Self {
        let url = format!("sqlite:{}", registry.display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut connection)
            .await
            .unwrap();
        Self(connection)
    }
}

/// Holds every lock of a database in WAL mode, so that nobody can read or write it, until dropped.
#[derive(Debug)]
pub(crate) struct RegistryLock(#[expect(dead_code, reason = "held for its locks")] File);

impl RegistryLock {
    /// Waits for those who are at it to finish.
    pub(crate) async fn take(registry: &Path) -> Self {
        let mut index = registry.as_os_str().to_owned();
        index.push("-shm");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(PathBuf::from(index))
            .unwrap();
        // The locks of WAL mode are bytes 120 to 127 of this file: <https://sqlite.org/walformat.html#locks>.
        let locks = libc::flock {
            l_type: libc::F_WRLCK.try_into().unwrap(),
            l_whence: libc::SEEK_SET.try_into().unwrap(),
            l_start: 120,
            l_len: 8,
            l_pid: 0,
        };
        let locked = tokio::task::spawn_blocking(move || {
            fcntl(&file, FcntlArg::F_SETLKW(&locks)).unwrap();
            file
        });
        Self(locked.await.unwrap())
    }
}

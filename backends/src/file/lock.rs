//! Who may write to a collection, among the processes on its directory.
//!
//! Two files are locked in turn: who waits for the second holds the first, so that whoever unlocks the second and
//! comes again queues up behind. With one lock, a busy process would always be first to it again.

use super::fault::Fault;
use super::place::{Identity, Place};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often it is tried again.
const INTERVAL: Duration = Duration::from_millis(1);

/// The right to write, until it is dropped or its process dies.
#[derive(Debug)]
pub(super) struct Held {
    _lock: File,
}

/// Waits until nobody else may write, but not for ever.
pub(super) async fn acquire(place: &Place, patience: Duration) -> Result<Held, Fault> {
    let deadline = Instant::now() + patience;
    let path = place.lock("lock");
    loop {
        // Released when the lock is held, or has to be tried for again.
        let _turn = until_locked(place, &place.lock("turn"), deadline, patience).await?;
        let lock = until_locked(place, &path, deadline, patience).await?;
        // Somebody may have removed the sidecar: then others lock another file of this name.
        let locked = lock.metadata().map_err(|error| Fault::io(&path, error))?;
        let named = fs::metadata(&path).map(|named| Identity::of(&named)).ok();
        if named == Some(Identity::of(&locked)) {
            return Ok(Held { _lock: lock });
        }
    }
}

async fn until_locked(
    place: &Place,
    path: &Path,
    deadline: Instant,
    patience: Duration,
) -> Result<File, Fault> {
    let open = || OpenOptions::new().create(true).append(true).open(path);
    let file = open().or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            place.prepare()?;
            open().map_err(|error| Fault::io(path, error))
        }
        _ => Err(Fault::io(path, error)),
    })?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(INTERVAL).await,
            Err(TryLockError::WouldBlock) => return Err(Fault::locked(path, patience)),
            Err(TryLockError::Error(error)) => return Err(Fault::io(path, error)),
        }
    }
}

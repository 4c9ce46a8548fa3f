mod file;
#[cfg(test)]
mod tests;

use file::Loaded;
use hotbed_registry::{Id, Registration, Revision, Snapshot};
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The least time between two writes of the file.
const INTERVAL: Duration = Duration::from_secs(1);

/// Keeps what this node served last in one file, for a start while the registry is down.
///
/// Noting is done in memory; [`run`](Self::run) writes the file soon after. The file is replaced as a whole and
/// only its owner may read it: configurations may hold what others should not see. It belongs to one process at a
/// time, and to one registry.
pub struct DiskSnapshot {
    path: PathBuf,
    registry: String,
    held: Mutex<Held>,
    noted: Notify,
    /// Locked for as long as this exists.
    _lock: File,
}

#[derive(Debug, Default)]
struct Held {
    registrations: HashMap<Id, Registration>,
    /// Counts what was noted.
    notes: u64,
    /// How much of it the file holds.
    written: u64,
}

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Another process uses it.
    #[error("{} is used by another process: give each its own data directory", path.display())]
    InUse {
        /// The snapshot's file.
        path: PathBuf,
    },
    /// Its lock file cannot be made.
    #[error("{} cannot be locked: name a directory that this user may write to", path.display())]
    Locking {
        /// The snapshot's file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl DiskSnapshot {
    /// Takes the file for this process and reads it, if there is one. One that is torn, tampered with or of an
    /// unknown format is put aside under its name with `.bad` added, one of another registry with `.other`, and the
    /// snapshot begins empty: it is a help, never a reason not to start.
    pub async fn open(path: &Path, registry: &str) -> Result<Self, SnapshotError> {
        let (path, of) = (path.to_owned(), registry.to_owned());
        let place = path.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let lock = file::lock(&place)?;
            Ok((lock, file::load(&place, &of)))
        });
        let (lock, loaded) = opened.await.unwrap_or_else(|panicked| {
            let source = std::io::Error::other(panicked);
            Err(SnapshotError::Locking {
                path: path.clone(),
                source,
            })
        })?;
        let registrations = match loaded {
            Loaded::Missing => HashMap::new(),
            Loaded::Registrations(found) => {
                found.into_iter().map(|it| (it.id.clone(), it)).collect()
            }
            Loaded::Foreign(of) => {
                tracing::warn!(path = %path.display(), of, "snapshot is of another registry and put aside as .other");
                HashMap::new()
            }
            Loaded::Bad(reason) => {
                tracing::warn!(path = %path.display(), reason, "snapshot is not used and put aside as .bad");
                HashMap::new()
            }
        };
        let held = Mutex::new(Held {
            registrations,
            ..Held::default()
        });
        Ok(Self {
            path,
            registry: registry.to_owned(),
            held,
            noted: Notify::new(),
            _lock: lock,
        })
    }

    /// Which ids it holds, and at which revision.
    pub fn revisions(&self) -> Vec<(Id, Revision)> {
        let held = self.held();
        held.registrations
            .values()
            .map(|it| (it.id.clone(), it.revision))
            .collect()
    }

    /// Writes the file soon after something was noted, at most once a second, and once more when shut down.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let mut complained = false;
        while !shutdown.is_cancelled() {
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.noted.notified() => {}
            }
            complained = self.write(complained).await;
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
        self.write(complained).await;
    }

    /// Writes the file if it lacks something; answers whether that failed. Complains of the first failure in a
    /// row only.
    async fn write(&self, complained: bool) -> bool {
        let (registrations, notes) = {
            let held = self.held();
            if held.notes == held.written {
                return complained;
            }
            (
                held.registrations.values().cloned().collect::<Vec<_>>(),
                held.notes,
            )
        };
        let (path, registry) = (self.path.clone(), self.registry.clone());
        let written =
            tokio::task::spawn_blocking(move || file::store(&path, &registry, &registrations))
                .await;
        match written.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            Ok(()) => {
                self.held().written = notes;
                false
            }
            Err(error) => {
                if !complained {
                    tracing::warn!(path = %self.path.display(), %error, "snapshot cannot be written");
                }
                // Try again after the interval.
                self.noted.notify_one();
                true
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Every update below is complete before the next line can panic.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot for DiskSnapshot {
    fn load(&self, id: &Id) -> Option<Registration> {
        self.held().registrations.get(id).cloned()
    }

    fn save(&self, registration: &Registration) {
        let mut held = self.held();
        let known = held.registrations.get(&registration.id);
        // A smaller revision is taken too: the registry may have been restored from a backup, and what it says counts.
        if known.is_none_or(|known| known.revision != registration.revision) {
            held.registrations
                .insert(registration.id.clone(), registration.clone());
            held.notes += 1;
            self.noted.notify_one();
        }
    }

    fn len(&self) -> usize {
        self.held().registrations.len()
    }

    fn forget(&self, id: &Id) {
        let mut held = self.held();
        if held.registrations.remove(id).is_some() {
            held.notes += 1;
            self.noted.notify_one();
        }
    }
}

impl fmt::Debug for DiskSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskSnapshot")
            .field("path", &self.path)
            .field("len", &Snapshot::len(self))
            .finish_non_exhaustive()
    }
}

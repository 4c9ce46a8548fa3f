mod file;
#[cfg(test)]
mod tests;

use file::Loaded;
use hotbed_registry::{Id, Registration, Revision, Snapshot};
use std::collections::HashMap;
use std::fmt;
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
/// only its owner may read it: configurations may hold what others should not see.
pub struct DiskSnapshot {
    path: PathBuf,
    held: Mutex<Held>,
    noted: Notify,
}

#[derive(Debug, Default)]
struct Held {
    registrations: HashMap<Id, Registration>,
    /// Counts what was noted.
    notes: u64,
    /// How much of it the file holds.
    written: u64,
}

impl DiskSnapshot {
    /// Reads the file, if there is one. One that is torn, tampered with or of an unknown format is put aside
    /// under its name with `.bad` added, and the snapshot begins empty: it is a help, never a reason not to
    /// start.
    pub async fn open(path: &Path) -> Self {
        let path = path.to_owned();
        let place = path.clone();
        let loaded = tokio::task::spawn_blocking(move || file::load(&place)).await;
        let registrations = match loaded.unwrap_or_else(|error| Loaded::Bad(error.to_string())) {
            Loaded::Missing => HashMap::new(),
            Loaded::Registrations(found) => {
                found.into_iter().map(|it| (it.id.clone(), it)).collect()
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
        Self {
            path,
            held,
            noted: Notify::new(),
        }
    }

    /// How many registrations it holds.
    pub fn len(&self) -> usize {
        self.held().registrations.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.held().registrations.is_empty()
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
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || file::store(&path, &registrations)).await;
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
        // Two readers may come back in another order than they were answered.
        if known.is_none_or(|known| known.revision < registration.revision) {
            held.registrations
                .insert(registration.id.clone(), registration.clone());
            held.notes += 1;
            self.noted.notify_one();
        }
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
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

mod base;
mod journal;
mod key;
mod line;
mod place;
mod recover;
mod sealed;
#[cfg(test)]
mod tests;
mod version1;

use base::Base;
use hotbed_registry::{Id, Registration, Revision, Snapshot};
use journal::{Journal, mark_incomplete};
use line::Line;
use place::Place;
use recover::Recovered;
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use key::{InvalidSnapshotKey, SnapshotKey};

/// The least time between two looks at what the disk owes.
const INTERVAL: Duration = Duration::from_secs(1);
/// A journal of this size is worth no new base, however little is held.
const SMALL: u64 = 1 << 20;

/// Keeps what this node served last in files, for a start while the registry is down.
///
/// A base file holds what was kept when it was written; a journal beside it holds what was kept and forgotten since, and
/// grows by one line each time, before [`save`](Snapshot::save) and [`forget`](Snapshot::forget) return. When the
/// journal has outgrown what is held, [`run`](Self::run) writes a new base. So the death of the process loses nothing. The
/// system writes the journal to the disk at its leisure and is asked to about once a second: a power failure may undo
/// what was kept and forgotten in the last second or two, and then this node does not know that it lacks something.
///
/// All files are sealed with AES-256-GCM under a [`SnapshotKey`] and may be read by their owner only. They are of one
/// process at a time, and of one registry.
pub struct DiskSnapshot {
    place: Place,
    registry: String,
    key: SnapshotKey,
    /// Locked before `held`, and for as long as something is appended, so that both agree on the order.
    disk: Mutex<Disk>,
    held: Mutex<Held>,
    noted: Notify,
    /// Locked for as long as this exists.
    _lock: File,
}

/// One registration, and what it takes.
#[derive(Debug, Clone)]
struct Entry {
    registration: Arc<Registration>,
    /// It may be older than what was served, or gone since.
    doubtful: bool,
    bytes: u64,
}

#[derive(Debug, Default)]
struct Held {
    entries: HashMap<Id, Entry>,
    bytes: u64,
    doubtful: usize,
}

/// What is in the files.
struct Disk {
    journal: Option<Journal>,
    /// The number of the next journal.
    next: u64,
    /// The bytes of all journals since the base.
    bytes: u64,
    /// Files that the next base replaces.
    replaced: Vec<PathBuf>,
    damaged: Vec<PathBuf>,
    /// Appended to since it was written to the disk.
    unsynced: bool,
    /// Nothing is appended: it would fail again.
    paused: bool,
    /// Counts what could not be appended.
    failures: u64,
    /// Why the files are not as they should be.
    trouble: Option<String>,
}

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Another process uses it.
    #[error("{} is used by another process: give each its own data directory", path.display())]
    InUse {
        /// The snapshot's base file.
        path: PathBuf,
    },
    /// Its lock file cannot be made.
    #[error("{} cannot be locked: name a directory that this user may write to", path.display())]
    Locking {
        /// The snapshot's base file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key that it is sealed under can be neither read nor made.
    #[error("the snapshot key {} can be neither read nor made", path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl DiskSnapshot {
    /// Takes the files for this process and reads them, if there are any. Nobody's key means one that is made at random
    /// and kept beside them, in a file of the same name that ends in `.key`.
    ///
    /// What is damaged, of an unknown format or sealed under another key is put aside with `.bad` added to its name, what
    /// is of another registry with `.other`; the rest is used, as far as it is provably what was written, and
    /// [`warnings`](Snapshot::warnings) tells what of it may be outdated. It is a help, never a reason not to start.
    /// The file of version 1, `.json`, is read and replaced: it is in clear.
    pub async fn open(
        path: &Path,
        registry: &str,
        key: Option<SnapshotKey>,
    ) -> Result<Self, SnapshotError> {
        let (base, registry) = (path.to_owned(), registry.to_owned());
        let opened =
            tokio::task::spawn_blocking(move || Self::open_blocking(&base, registry, key)).await;
        opened.unwrap_or_else(|panicked| {
            Err(SnapshotError::Locking {
                path: path.to_owned(),
                source: io::Error::other(panicked),
            })
        })
    }

    fn open_blocking(
        base: &Path,
        registry: String,
        key: Option<SnapshotKey>,
    ) -> Result<Self, SnapshotError> {
        let place = Place::new(base);
        let lock = place.lock()?;
        let key = match key {
            Some(key) => key,
            None => SnapshotKey::kept_in(&place.key())?,
        };
        let Recovered {
            entries,
            next,
            replaced,
            damaged,
            is_due,
            notes,
        } = Recovered::read(&place, &registry, &key);
        for note in notes {
            tracing::warn!(note, "not all of the snapshot is as it was written");
        }
        let snapshot = Self {
            place,
            registry,
            key,
            disk: Mutex::new(Disk {
                journal: None,
                next,
                bytes: 0,
                replaced,
                damaged,
                unsynced: false,
                paused: false,
                failures: 0,
                trouble: None,
            }),
            held: Mutex::new(Held::of(entries)),
            noted: Notify::new(),
            _lock: lock,
        };
        if is_due {
            let (base, failures) = snapshot.begin_base();
            let written = base.write(&snapshot.key);
            snapshot.end_base(&base, failures, written);
        }
        Ok(snapshot)
    }

    /// Has what was appended written to the disk, and a new base when one is due, at most once a second, and a last
    /// base when shut down.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.noted.notified() => {}
            }
            self.keep().await;
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
        let is_owed = {
            let disk = self.disk();
            disk.bytes > 0 || disk.trouble.is_some()
        };
        if is_owed {
            self.write_base().await;
        }
    }

    async fn keep(&self) {
        let (is_due, file) = {
            let mut disk = self.disk();
            let is_due = disk.trouble.is_some() || disk.bytes > SMALL.max(self.held().bytes);
            let journal = disk.journal.as_ref().filter(|_| disk.unsynced);
            let file = journal.map(Journal::file);
            disk.unsynced = false;
            (is_due, file)
        };
        if is_due {
            self.write_base().await;
        } else if let Some(file) = file {
            let place = self.place.clone();
            let synced = tokio::task::spawn_blocking(move || {
                file?.sync_data()?;
                place.sync_directory()
            });
            if let Err(error) = synced.await.unwrap_or_else(|e| Err(io::Error::other(e))) {
                self.complain(&mut self.disk(), &error);
            }
        }
    }

    async fn write_base(&self) {
        let (base, failures) = self.begin_base();
        let key = self.key.clone();
        let written = tokio::task::spawn_blocking(move || {
            let written = base.write(&key);
            (base, written)
        });
        match written.await {
            Ok((base, written)) => self.end_base(&base, failures, written),
            Err(panicked) => self.complain(&mut self.disk(), &io::Error::other(panicked)),
        }
    }

    /// What is held now becomes a base; what is appended from now on goes to a journal after it.
    fn begin_base(&self) -> (Base, u64) {
        let mut disk = self.disk();
        disk.leave_journal();
        disk.bytes = 0;
        disk.unsynced = false;
        disk.paused = false;
        let base = Base {
            place: self.place.clone(),
            registry: self.registry.clone(),
            entries: self.held().entries.values().cloned().collect(),
            before: disk.next,
            replaced: disk.replaced.clone(),
            damaged: disk.damaged.clone(),
        };
        (base, disk.failures)
    }

    fn end_base(&self, base: &Base, failures: u64, written: io::Result<()>) {
        let mut disk = self.disk();
        match written {
            Ok(()) => {
                disk.replaced.retain(|path| !base.replaced.contains(path));
                disk.damaged.clear();
                if disk.failures == failures {
                    if disk.trouble.take().is_some() {
                        tracing::info!(path = %self.place.base().display(), "snapshot is written again");
                    }
                } else if let Err(error) = mark_incomplete(self.place.base()) {
                    tracing::debug!(%error, "the new base is not marked");
                }
            }
            Err(error) => self.complain(&mut disk, &error),
        }
    }

    /// Appends a line, or takes note that it could not.
    fn append(&self, disk: &mut Disk, line: serde_json::Result<Vec<u8>>) -> u64 {
        if disk.paused {
            disk.failures += 1;
            return 0;
        }
        match line
            .map_err(io::Error::from)
            .and_then(|line| self.try_append(disk, line))
        {
            Ok(size) => {
                disk.bytes += size;
                disk.unsynced = true;
                size
            }
            Err(error) => {
                disk.failures += 1;
                self.fail(disk, &error);
                0
            }
        }
    }

    fn try_append(&self, disk: &mut Disk, line: Vec<u8>) -> io::Result<u64> {
        if let Some(journal) = &mut disk.journal {
            return journal.append(line);
        }
        let path = self.place.journal(disk.next);
        let created = Journal::create(path.clone(), disk.next, &self.key, &self.registry);
        if created.is_err() && std::fs::remove_file(&path).is_err() && path.exists() {
            // Its number is taken.
            disk.next += 1;
        }
        disk.journal.insert(created?).append(line)
    }

    /// The files lack something from now on, and are marked so where anything can be written.
    fn fail(&self, disk: &mut Disk, error: &io::Error) {
        disk.leave_journal();
        disk.paused = true;
        let journals = disk.replaced.iter().rev().map(PathBuf::as_path);
        let is_marked = journals
            .filter(|path| self.place.is_journal(path))
            .chain([self.place.base()])
            .any(|path| mark_incomplete(path).is_ok());
        if !is_marked {
            tracing::debug!("there is no file of the snapshot that can be marked");
        }
        self.complain(disk, error);
    }

    /// Says once that the files are not as they should be, until they are.
    fn complain(&self, disk: &mut Disk, error: &io::Error) {
        if disk.trouble.is_none() {
            tracing::warn!(path = %self.place.base().display(), %error, "snapshot cannot be written");
        }
        disk.trouble = Some(error.to_string());
        self.noted.notify_one();
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        // Every update is complete before the next line can panic.
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // As above.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot for DiskSnapshot {
    fn load(&self, id: &Id) -> Option<Registration> {
        let found = self.held().entries.get(id).cloned();
        found.map(|entry| Registration::clone(&entry.registration))
    }

    fn revision(&self, id: &Id) -> Option<Revision> {
        let held = self.held();
        held.entries.get(id).map(|it| it.registration.revision)
    }

    fn save(&self, registration: &Registration) {
        let known = self.held().entries.get(&registration.id).cloned();
        if known.is_some_and(|known| known.is(registration)) {
            return;
        }
        let line = Line::saved(registration, false).and_then(|line| line.to_bytes());
        let mut disk = self.disk();
        let bytes = self.append(&mut disk, line);
        self.held()
            .insert(Entry::new(Arc::new(registration.clone()), bytes));
        self.noted.notify_one();
    }

    fn forget(&self, id: &Id) {
        let mut disk = self.disk();
        if self.held().entries.contains_key(id) {
            self.append(&mut disk, Line::forgotten(id).to_bytes());
            self.held().remove(id);
            self.noted.notify_one();
        }
    }

    fn revisions(&self) -> Vec<(Id, Revision)> {
        let held = self.held();
        let revision = |(id, it): (&Id, &Entry)| (id.clone(), it.registration.revision);
        held.entries.iter().map(revision).collect()
    }

    fn len(&self) -> usize {
        self.held().entries.len()
    }

    fn warnings(&self) -> Vec<String> {
        let trouble = self.disk().trouble.as_ref().map(|trouble| {
            format!(
                "the snapshot {} cannot be written ({trouble}): if this node were started again without its registry, \
                 what it served might be older than before, or deleted since",
                self.place.base().display()
            )
        });
        let doubtful = self.held().doubtful;
        let doubt = (doubtful > 0).then(|| {
            format!(
                "of this node's snapshot, {doubtful} registrations may be older than what it served last, or deleted \
                 since: part of the snapshot was lost"
            )
        });
        trouble.into_iter().chain(doubt).collect()
    }
}

impl Entry {
    fn new(registration: Arc<Registration>, bytes: u64) -> Self {
        Self {
            registration,
            doubtful: false,
            bytes,
        }
    }

    /// Whether it is the same but for when it was used last.
    fn is(&self, other: &Registration) -> bool {
        let known = &*self.registration;
        !self.doubtful
            && known.revision == other.revision
            && known.version == other.version
            && known.status == other.status
            && known.updated_at == other.updated_at
            && known.metadata == other.metadata
            && known.config == other.config
    }
}

impl Held {
    fn of(entries: HashMap<Id, Entry>) -> Self {
        Self {
            bytes: entries.values().map(|entry| entry.bytes).sum(),
            doubtful: entries.values().filter(|entry| entry.doubtful).count(),
            entries,
        }
    }

    fn insert(&mut self, entry: Entry) {
        let id = entry.registration.id.clone();
        self.remove(&id);
        self.bytes += entry.bytes;
        self.entries.insert(id, entry);
    }

    fn remove(&mut self, id: &Id) {
        if let Some(entry) = self.entries.remove(id) {
            self.bytes -= entry.bytes;
            self.doubtful -= usize::from(entry.doubtful);
        }
    }
}

impl Disk {
    /// Nothing more is appended to this journal; the next base replaces it.
    fn leave_journal(&mut self) {
        if let Some(journal) = self.journal.take() {
            self.next = journal.number + 1;
            self.replaced.push(journal.path);
        }
    }
}

impl fmt::Debug for DiskSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskSnapshot")
            .field("path", &self.place.base())
            .field("len", &Snapshot::len(self))
            .finish_non_exhaustive()
    }
}

//! The registry in a directory of YAML and JSON files, one for each registration, made to be read, edited and kept in
//! git.
//!
//! What has no place in such a file (revisions, times, the log, and what a file said when it was last in order) lies
//! in a journal beside them, in `.hotbed`. A process knows of a collection what the journal tells and nothing else:
//! its own writes, those of other processes and the edits of people all pass through it, in one order.

mod collection;
mod commit;
mod desk;
mod edits;
mod fault;
mod journal;
mod keeper;
mod lock;
mod look;
mod name;
mod patch;
mod place;
mod problem;
mod record;
mod replica;
#[cfg(test)]
mod tests;
mod text;
mod watch;

use crate::job::Jobs;
use collection::FileCollection;
use desk::Desk;
use hotbed_registry::{CollectionName, Error, RegistryBackend};
use keeper::Keeper;
use place::Place;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use watch::Watch;

pub use problem::FileProblem;

/// How a [`FileStore`] treats its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileOptions {
    /// How long a file must have stood still, or been gone, before that is believed: editors write in several steps.
    /// 100 ms.
    pub settle: Duration,
    /// How often all files are looked at, in case the system did not tell of an edit. 5 s.
    pub rescan: Duration,
    /// Whether the system is asked to tell of edits at once.
    pub watching: Watching,
    /// How long to wait for another process that writes, before [`Error::Unavailable`]. 5 s.
    pub lock_timeout: Duration,
}

/// Whether a [`FileStore`] hears of edits from the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watching {
    /// It does, where the system can.
    On,
    /// It finds them by looking, every [`FileOptions::rescan`]: for network file systems, which tell of nothing that
    /// others do.
    Off,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self {
            settle: Duration::from_millis(100),
            rescan: Duration::from_secs(5),
            watching: Watching::On,
            lock_timeout: Duration::from_secs(5),
        }
    }
}

/// Many collections in one directory: `DIR/bots/greeter.yaml`. Clones are the same store.
///
/// A file holds `config`, and where they are needed `status`, `metadata` and `id`. Its name is its id: what is not
/// `a-z 0-9 - _ .` or a space inside is percent-encoded where we name it, and taken as it is where people did.
///
/// # Guarantees
/// - What was acknowledged is on the disk, in the file and in the journal, and survives the death of the process and
///   of the machine.
/// - Several processes may have the directory open, on one machine.
/// - An edit of a file, by whatever means, becomes a revision once it has stood still for a moment. A file that cannot
///   be read keeps its last good registration, and [`problems`](Self::problems) tells why; it cannot be written over
///   ([`Error::Corrupt`]), only mended or deleted. A directory that is missing or cannot be read changes nothing.
/// - A write changes the lines of the keys whose values it changes; comments elsewhere stay.
///
/// Everything is held in memory too. Dropping the last handle on a collection ends its task once its queue is empty;
/// [`close`](Self::close) also waits for it.
#[derive(Debug, Clone)]
pub struct FileStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    options: FileOptions,
    opened: Mutex<HashMap<CollectionName, Arc<FileCollection>>>,
    closing: CancellationToken,
    keepers: TaskTracker,
}

impl FileStore {
    /// Opens a directory, and creates it if there is none.
    pub async fn open(path: &Path, options: FileOptions) -> Result<Self, Error> {
        let made = tokio::fs::create_dir_all(path).await;
        made.map_err(|error| fault::Fault::io(path, error).during("open its directory"))?;
        Ok(Self(Arc::new(Shared {
            root: path.to_owned(),
            options,
            opened: Mutex::default(),
            closing: CancellationToken::new(),
            keepers: TaskTracker::new(),
        })))
    }

    /// A handle on one collection, whose directory is created by its first write. What happened to its files since it
    /// was last open is known when this returns.
    pub async fn collection(
        &self,
        name: &CollectionName,
    ) -> Result<Arc<dyn RegistryBackend>, Error> {
        let mut opened = self.0.opened.lock().await;
        if let Some(collection) = opened.get(name) {
            return Ok(Arc::clone(collection) as Arc<dyn RegistryBackend>);
        }
        let place = Place::new(&self.0.root, name.as_str());
        let watch = match self.0.options.watching {
            Watching::On => Watch::new(&place),
            Watching::Off => Watch::off(&place),
        };
        let desk = Arc::new(Desk::new(place, name.clone(), self.0.options));
        let keeper = Keeper::begin(Arc::clone(&desk), watch).await;
        let keeper = keeper.map_err(|fault| fault.during("open a collection"))?;
        let (jobs, queue) = Jobs::channel();
        self.0
            .keepers
            .spawn(keeper.run(queue, self.0.closing.clone()));
        let collection = Arc::new(FileCollection {
            desk,
            jobs,
            name: name.clone(),
            closed: self.0.closing.clone(),
            catching_up: Mutex::default(),
        });
        opened.insert(name.clone(), Arc::clone(&collection));
        Ok(collection)
    }

    /// What is wrong with files and directories at the moment, in their order.
    pub async fn problems(&self) -> Vec<FileProblem> {
        let opened = self.0.opened.lock().await;
        let mut problems: Vec<_> = opened
            .values()
            .flat_map(|it| it.desk.problems.all())
            .collect();
        problems.sort_by(|a, b| a.file.cmp(&b.file));
        problems
    }

    /// Completes the writes that were begun. Handles that are still held answer [`Error::Unavailable`] from then on.
    pub async fn close(&self) {
        self.0.closing.cancel();
        self.0.keepers.close();
        self.0.keepers.wait().await;
    }
}

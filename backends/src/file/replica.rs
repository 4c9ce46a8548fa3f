//! A collection in memory, as its journal tells it.

use super::fault::Fault;
use super::journal::{End, Journal, News};
use super::name::FileName;
use super::record::{Batch, Entry, FORMAT, Record, Step, time};
use hotbed_registry::{Change, Changes, Id, Registration, Revision};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

/// Entries of the log that one record of a new journal holds.
const LOG_CHUNK: usize = 1000;
/// About how many bytes an entry of the log takes.
const LOG_BYTES: usize = 100;
/// A journal shorter than this is never written anew.
const LEAST_BYTES: usize = 4 * 1024 * 1024;
/// One that is so many times as long as what it has to tell is.
const GARBAGE: usize = 3;

/// What one process knows of a collection. Changes only by reading the journal.
///
/// Whoever wants to read waits for those who read too, or for a few lines to be understood, never for the disk.
#[derive(Debug)]
pub(super) struct Replica {
    /// Held from the reading of lines until the state knows of them.
    journal: Mutex<Journal>,
    state: RwLock<State>,
}

/// Whether what the journal tells is known to be on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnDisk {
    Yes,
    Perhaps,
}

/// Whether there is a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    There,
    Missing,
}

/// A collection at one moment.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) head: Revision,
    pub(super) log: VecDeque<Change>,
    pub(super) entries: BTreeMap<Id, Entry>,
    /// Whose file is whose.
    pub(super) names: HashMap<FileName, Id>,
    /// What was decided and is perhaps not yet done to the files.
    pub(super) steps: Vec<Step>,
    /// The file system which the files are on.
    pub(super) device: Option<u64>,
    bytes: usize,
}

impl Replica {
    pub(super) fn new(journal: Journal) -> Self {
        Self {
            journal: Mutex::new(journal),
            state: RwLock::default(),
        }
    }

    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        // A state that a panic left half changed is made anew: its journal counts as unread until it is whole.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(|poisoned| {
            let mut journal = poisoned.into_inner();
            journal.forget();
            self.journal.clear_poison();
            journal
        })
    }

    /// Whether the state is what the journal tells. Never waits.
    pub(super) fn is_current(&self) -> bool {
        let journal = self.journal.try_lock();
        journal.is_ok_and(|journal| journal.is_read())
    }

    /// Reads what was written since, by whomever, and has it on the disk: nobody is told what a power cut could take
    /// back.
    pub(super) fn catch_up(&self, on_disk: OnDisk) -> Result<Presence, Fault> {
        let mut journal = self.journal();
        let (mut anew, records) = match journal.read()? {
            News::Missing => return Ok(Presence::Missing),
            News::More(records) if records.is_empty() => return Ok(Presence::There),
            News::More(records) => (None, records),
            News::Anew(records) => (Some(State::default()), records),
        };
        let learn = || {
            if on_disk == OnDisk::Perhaps {
                journal.sync()?;
            }
            let corrupt = |reason: String| Fault::corrupt(journal.path(), reason);
            if let Some(state) = &mut anew {
                records.into_iter().try_for_each(|it| state.apply(it))
            } else {
                let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
                records.into_iter().try_for_each(|it| state.apply(it))
            }
            .map_err(corrupt)
        };
        if let Err(fault) = learn() {
            journal.forget();
            return Err(fault);
        }
        if let Some(anew) = anew {
            *self.state.write().unwrap_or_else(PoisonError::into_inner) = anew;
        }
        Ok(Presence::There)
    }

    /// Where a record goes next, for who holds the lock and has caught up.
    pub(super) fn end(&self) -> Result<(PathBuf, End), Fault> {
        let journal = self.journal();
        let path = journal.path().to_owned();
        match journal.end() {
            Some(end) => Ok((path, end)),
            None => Err(Fault::corrupt(&path, "it is gone: try again")),
        }
    }

    /// Whether most of the journal tells what no longer holds.
    pub(super) fn is_long(&self) -> bool {
        let bytes = self.journal().bytes();
        let state = self.state();
        let needed = state.bytes + state.log.len() * LOG_BYTES;
        bytes > (LEAST_BYTES + GARBAGE * needed) as u64
    }

    /// Writes a journal of what holds now. Needs the lock.
    pub(super) fn rewrite(&self) -> Result<(), Fault> {
        self.journal().replace(self.state().records())
    }

    /// Writes a journal of what holds now, whose revisions follow `head` and whose log begins there. Needs the lock.
    pub(super) fn begin(&self, head: Revision) -> Result<(), Fault> {
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            state.head = head.max(state.head);
            state.log.clear();
        }
        self.rewrite()
    }
}

impl State {
    /// The oldest revision that the log tells, or the one after the head.
    pub(super) fn oldest(&self) -> Revision {
        self.log
            .front()
            .map_or(self.head.next(), |change| change.revision)
    }

    pub(super) fn registrations(&self) -> impl Iterator<Item = &Registration> {
        self.entries.values().map(|entry| &entry.registration)
    }

    /// Whether a file of this name and digest is the one that was last understood.
    pub(super) fn is_stored(&self, name: &FileName, sha256: &str) -> bool {
        let entry = self.names.get(name).and_then(|id| self.entries.get(id));
        entry.is_some_and(|entry| entry.file.sha256 == sha256)
    }

    /// Whether a file that holds this, or nothing, is yet to be replaced or removed.
    pub(super) fn is_due(&self, name: &FileName, sha256: Option<&str>) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| step.name == *name && step.was.as_deref() == sha256)
    }

    pub(super) fn heads(&self, after: Option<&Id>, limit: usize) -> Vec<(Id, Revision)> {
        let from = after.map_or(Unbounded, Excluded);
        let entries = self.entries.range::<Id, _>((from, Unbounded)).take(limit);
        entries
            .map(|(id, entry)| (id.clone(), entry.registration.revision))
            .collect()
    }

    pub(super) fn changes(&self, after: Revision, limit: usize) -> Changes {
        let (oldest, head) = (self.oldest(), self.head);
        if after > head || after.next() < oldest {
            return Changes::Compacted { oldest, head };
        }
        let skip = usize::try_from(after.next().0 - oldest.0).unwrap_or(usize::MAX);
        let changes = self.log.iter().skip(skip).take(limit).cloned().collect();
        Changes::Log { changes, head }
    }

    fn apply(&mut self, record: Record) -> Result<(), String> {
        match record {
            Record::Begin { format, head } if format == FORMAT => {
                *self = Self {
                    head: Revision(head),
                    ..Self::default()
                };
            }
            Record::Begin { format, .. } => {
                return Err(format!("its format is {format:?}, not {FORMAT:?}"));
            }
            Record::Batch(batch) => self.apply_batch(batch)?,
            Record::Done => self.steps.clear(),
            Record::Touch(accesses) => {
                for (id, at) in accesses {
                    if let Some(entry) = self.entries.get_mut(id.as_str()) {
                        let last = &mut entry.registration.last_accessed_at;
                        *last = time(at)?.max(*last);
                    }
                }
            }
            Record::Forget(before) => {
                let is_old = |change: &Change| change.revision.0 < before;
                while self.log.pop_front_if(|change| is_old(change)).is_some() {}
            }
            Record::Device(device) => self.device = Some(device),
        }
        Ok(())
    }

    fn apply_batch(&mut self, batch: Batch) -> Result<(), String> {
        let batch = batch.understand()?;
        for change in batch.log {
            // The first of a log may be any; Begin says which.
            if change.revision != self.head.next() {
                return Err(format!(
                    "revision {} follows {}",
                    change.revision, self.head
                ));
            }
            self.head = change.revision;
            self.log.push_back(change);
        }
        for id in batch.deleted {
            self.remove(&id);
        }
        for entry in batch.put {
            let id = entry.registration.id.clone();
            self.remove(&id);
            self.bytes += entry.bytes;
            self.names.insert(entry.file.name.clone(), id.clone());
            self.entries.insert(id, entry);
        }
        for (id, file) in batch.seen {
            if let Some(entry) = self.entries.get_mut(&id) {
                self.names.remove(&entry.file.name);
                self.names.insert(file.name.clone(), id);
                entry.file = file;
            }
        }
        self.steps.extend(batch.steps);
        Ok(())
    }

    fn remove(&mut self, id: &Id) {
        if let Some(entry) = self.entries.remove(id) {
            self.names.remove(&entry.file.name);
            self.bytes -= entry.bytes;
        }
    }

    /// The records that tell all of this anew.
    fn records(&self) -> impl Iterator<Item = Record> {
        let begin = Record::Begin {
            format: FORMAT.to_owned(),
            head: self.oldest().0 - 1,
        };
        let chunks = (0..self.log.len()).step_by(LOG_CHUNK);
        let log = chunks.map(|from| {
            let changes = self.log.iter().skip(from).take(LOG_CHUNK);
            Record::Batch(Batch::of_log(changes))
        });
        let entries = self
            .entries
            .values()
            .map(|entry| Record::Batch(Batch::of_entry(entry)));
        let steps = Batch::default().with_steps(self.steps.clone());
        let rest = [Some(Record::Batch(steps)), self.device.map(Record::Device)];
        std::iter::once(begin)
            .chain(log)
            .chain(entries)
            .chain(rest.into_iter().flatten())
    }
}

//! One collection as a process works on it: what it knows, and how it is made to know more.

use super::FileOptions;
use super::fault::Fault;
use super::journal::Journal;
use super::lock::{self, Held};
use super::name::FileName;
use super::place::{Found, Place, Stamp, digest};
use super::problem::Problems;
use super::record::{Batch, FileFacts, Record, Step};
use super::replica::{Presence, Replica, State};
use super::text::{self, Content};
use chrono::Utc;
use hotbed_registry::{CollectionName, Id, Revision};
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;

/// Threads that wait for the disk at once.
const SYNCING: usize = 8;
/// How often a file that changes while it is read is tried again.
const ATTEMPTS: usize = 3;

/// What the readers, the writer and the looks of one collection share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) place: Place,
    pub(super) options: FileOptions,
    pub(super) problems: Problems,
    replica: RwLock<Replica>,
    in_doubt: AtomicBool,
}

/// Has files on the disk: at the price of one, where the file system commits many together.
pub(super) fn sync(files: &[File]) -> io::Result<()> {
    let share = files.len().div_ceil(SYNCING).max(1);
    thread::scope(|scope| {
        let shares: Vec<_> = files
            .chunks(share)
            .map(|share| scope.spawn(|| share.iter().try_for_each(File::sync_all)))
            .collect();
        shares
            .into_iter()
            .try_for_each(|share| share.join().expect("a file system does not panic"))
    })
}

/// Whether a record must be on the disk before anything else happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    Now,
    Later,
}

/// What is to be thought of a file.
#[derive(Debug)]
pub(super) enum Verdict {
    Missing,
    /// It says what is stored.
    Same {
        bytes: Vec<u8>,
        stamp: Stamp,
    },
    /// It says something else, or nothing is stored.
    Edited {
        content: Content,
        bytes: Vec<u8>,
        stamp: Stamp,
    },
    /// It says nothing; the message begins with the place.
    Broken {
        message: String,
        bytes: Option<Vec<u8>>,
        stamp: Option<Stamp>,
    },
}

impl Desk {
    pub(super) fn new(place: Place, collection: CollectionName, options: FileOptions) -> Self {
        let replica = Replica::new(Journal::new(place.journal()));
        Self {
            place,
            options,
            problems: Problems::new(collection),
            replica: RwLock::new(replica),
            in_doubt: AtomicBool::new(false),
        }
    }

    pub(super) async fn lock(&self) -> Result<Held, Fault> {
        lock::acquire(&self.place, self.options.lock_timeout).await
    }

    pub(super) fn replica(&self) -> RwLockReadGuard<'_, Replica> {
        // A replica that a panic left half changed is read anew: its journal was not advanced.
        self.replica.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn replica_mut(&self) -> RwLockWriteGuard<'_, Replica> {
        self.replica.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns what others wrote. Needs no lock.
    pub(super) fn catch_up(&self) -> Result<(), Fault> {
        self.replica_mut().catch_up().map(drop)
    }

    /// Learns what others wrote, and does what they left undone.
    pub(super) fn prepare(&self, held: &Held) -> Result<(), Fault> {
        let mut replica = self.replica_mut();
        if replica.catch_up()? == Presence::Missing {
            let first = self.first_head(replica.state())?;
            replica.begin(first)?;
        }
        if self.is_in_doubt() {
            replica.rewrite()?;
            self.in_doubt.store(false, Ordering::Relaxed);
        } else if replica.is_long()
            && let Err(fault) = replica.rewrite()
        {
            tracing::warn!(
                reason = fault.reason(),
                "journal stays longer than it need be"
            );
        }
        let steps = replica.state().steps.clone();
        drop(replica);
        if steps.is_empty() {
            Ok(())
        } else {
            self.redo(held, &steps)
        }
    }

    /// What the revisions of a new journal follow. Where there is something already, an older journal may have been
    /// lost: then they follow all that it can have reached, one for each microsecond since 1970.
    fn first_head(&self, state: &State) -> Result<Revision, Fault> {
        let is_new = state.entries.is_empty()
            && state.head == Revision::ZERO
            && self
                .place
                .list()?
                .is_none_or(|listing| listing.names.is_empty());
        Ok(if is_new {
            Revision::ZERO
        } else {
            Revision(Utc::now().timestamp_micros().cast_unsigned())
        })
    }

    /// Writes records, and reads them back.
    pub(super) fn append(
        &self,
        _: &Held,
        records: &[Record],
        durability: Durability,
    ) -> Result<(), Fault> {
        let (path, end) = self.replica().end()?;
        let file = end
            .append(&path, records)
            .map_err(|error| Fault::io(&path, error))?;
        if durability == Durability::Now
            && let Err(error) = file.sync_data()
        {
            self.in_doubt.store(true, Ordering::Relaxed);
            return Err(Fault::io(&path, error));
        }
        self.catch_up()
    }

    /// Whether it is not known how much of the journal is on the disk.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::Relaxed)
    }

    /// Does steps that are decided and perhaps not done: whoever decided them died.
    fn redo(&self, held: &Held, steps: &[Step]) -> Result<(), Fault> {
        let mut rewritten = Batch::default();
        for step in steps {
            let (there, bytes) = match self.place.read(&step.name)? {
                Found::Missing => (None, None),
                Found::Bytes(bytes, _) => (Some(digest(&bytes)), Some(bytes)),
                Found::Moving | Found::Refused(..) => continue,
            };
            // Whoever edited the file since has the last word.
            if there == step.now || there != step.was {
                continue;
            }
            let Some(now) = &step.now else {
                self.place.remove(&step.name)?;
                continue;
            };
            if self.place.staged_digest(step.mark).as_ref() != Some(now) {
                let Some((id, text)) = self.text_for(step, bytes.as_deref()) else {
                    continue;
                };
                let staged = self.place.stage(&step.name, step.mark, &text)?;
                sync(&[staged]).map_err(|error| Fault::io(&self.place.path(&step.name), error))?;
                let file = FileFacts {
                    name: step.name.clone(),
                    sha256: digest(&text),
                };
                rewritten.see(&id, file);
            }
            self.place.install(&step.name, step.mark)?;
        }
        if self.place.folder().is_dir() {
            self.place.sync()?;
            self.place.remove_staged()?;
        }
        let mut records = vec![Record::Done];
        if !rewritten.is_empty() {
            records.insert(0, Record::Batch(rewritten));
        }
        self.append(held, &records, Durability::Later)
    }

    /// The text of a step whose staged text is lost.
    fn text_for(&self, step: &Step, before: Option<&[u8]>) -> Option<(Id, Vec<u8>)> {
        let replica = self.replica();
        let entry = replica.state().entries.get(step.id.as_str())?;
        let wanted = Content::of(&entry.registration);
        let text = text::write(&step.name, &wanted, before).ok()?;
        Some((wanted.id, text))
    }

    /// Looks at a file, beside what is stored.
    pub(super) fn inspect(&self, state: &State, name: &FileName) -> Result<Verdict, Fault> {
        let shown = self.place.shown(name);
        for _ in 0..ATTEMPTS {
            return Ok(match self.place.read(name)? {
                Found::Moving => continue,
                Found::Missing => Verdict::Missing,
                Found::Refused(reason, stamp) => Verdict::Broken {
                    message: format!("{shown}: {reason}"),
                    bytes: None,
                    stamp: Some(stamp),
                },
                Found::Bytes(bytes, stamp) => {
                    let id = state.names.get(name);
                    let stored = id.and_then(|id| state.entries.get(id));
                    if stored.is_some_and(|entry| entry.file.sha256 == digest(&bytes)) {
                        return Ok(Verdict::Same { bytes, stamp });
                    }
                    match text::read(name, &shown, &bytes) {
                        Ok(content) => Verdict::Edited {
                            content,
                            bytes,
                            stamp,
                        },
                        Err(message) => Verdict::Broken {
                            message,
                            bytes: Some(bytes),
                            stamp: Some(stamp),
                        },
                    }
                }
            });
        }
        Ok(Verdict::Broken {
            message: format!("{shown}: it is being written to: try again"),
            bytes: None,
            stamp: None,
        })
    }
}

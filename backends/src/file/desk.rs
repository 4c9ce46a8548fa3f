//! One collection as a process works on it: what it knows, and how it is made to know more.

use super::FileOptions;
use super::fault::Fault;
use super::journal::Journal;
use super::lock::{self, Held};
use super::name::FileName;
use super::place::{Found, Listing, Place, Stamp, digest};
use super::problem::Problems;
use super::record::{Batch, FileFacts, Record, Step};
use super::replica::{OnDisk, Presence, Replica, State};
use super::text::{self, Content};
use chrono::Utc;
use hotbed_registry::{CollectionName, Id, Revision};
use std::fs::File;
use std::io;
use std::sync::RwLockReadGuard;
use std::sync::atomic::{AtomicBool, Ordering};
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
    replica: Replica,
    in_doubt: AtomicBool,
}

/// Has files on the disk: at the price of one, where the file system commits many together.
pub(super) fn sync(files: &[File]) -> io::Result<()> {
    if let [file] = files {
        return file.sync_all();
    }
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
    /// It says what was stored before, and is yet to be replaced or removed; the message begins with the place.
    Due {
        message: String,
        bytes: Vec<u8>,
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
            replica,
            in_doubt: AtomicBool::new(false),
        }
    }

    pub(super) async fn lock(&self) -> Result<Held, Fault> {
        lock::acquire(&self.place, self.options.lock_timeout).await
    }

    /// What is known. Not to be held while anything is waited for, or asked of the desk.
    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.replica.state()
    }

    /// Whether nobody wrote since. Never waits.
    pub(super) fn is_current(&self) -> bool {
        self.replica.is_current()
    }

    /// Learns what others wrote. Needs no lock.
    pub(super) fn catch_up(&self) -> Result<(), Fault> {
        self.replica.catch_up(OnDisk::Perhaps).map(drop)
    }

    /// Learns what others wrote, and does what they left undone.
    pub(super) fn prepare(&self, held: &Held) -> Result<(), Fault> {
        if self.replica.catch_up(OnDisk::Perhaps)? == Presence::Missing {
            self.replica.begin(self.first_head()?)?;
        }
        if self.in_doubt.load(Ordering::Relaxed) {
            self.replica.rewrite()?;
            self.in_doubt.store(false, Ordering::Relaxed);
        } else if self.replica.is_long()
            && let Err(fault) = self.replica.rewrite()
        {
            tracing::warn!(
                reason = fault.reason(),
                "journal stays longer than it need be"
            );
        }
        let steps = self.state().steps.clone();
        if steps.is_empty() {
            return Ok(());
        }
        self.finish(held, &steps)?;
        self.place.remove_staged()
    }

    /// What the revisions of a new journal follow. Where there is something already, an older journal may have been
    /// lost: then they follow all that it can have reached, one for each microsecond since 1970.
    fn first_head(&self) -> Result<Revision, Fault> {
        let is_unknown = {
            let state = self.state();
            state.entries.is_empty() && state.head == Revision::ZERO
        };
        let listing = self.place.list()?;
        let is_new = is_unknown && listing.is_none_or(|listing| listing.names.is_empty());
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
        let (path, end) = self.replica.end()?;
        let file = end
            .append(&path, records)
            .map_err(|error| Fault::io(&path, error))?;
        if durability == Durability::Now
            && let Err(error) = file.sync_data()
        {
            // From here on nobody knows how much of it is on the disk.
            self.in_doubt.store(true, Ordering::Relaxed);
            return Err(Fault::io(&path, error));
        }
        // Where a power cut may take a record back, it takes nothing that anybody was promised.
        self.replica.catch_up(OnDisk::Yes).map(drop)
    }

    /// Does what was decided, by us or by somebody who died before it was done. What one file does not let be done is a
    /// problem of that file, and tried again: what was decided holds, and the others need not wait.
    pub(super) fn finish(&self, held: &Held, steps: &[Step]) -> Result<(), Fault> {
        let is_superseded = |step: &Step| steps.iter().any(|newer| newer.name == step.name);
        let before = self.state().steps.clone();
        let mut due: Vec<_> = before
            .iter()
            .filter(|it| !is_superseded(it))
            .cloned()
            .collect();
        let mut rewritten = Batch::default();
        for step in steps {
            let (there, bytes) = match self.place.read(&step.name)? {
                Found::Missing => (None, None),
                Found::Bytes(bytes, _) => (Some(digest(&bytes)), Some(bytes)),
                Found::Refused(..) if step.was.is_none() && step.now.is_none() => {
                    // It could not be read when its deletion was decided either. What cannot be removed, such as a
                    // directory, stays a problem.
                    drop(self.place.remove(&step.name));
                    continue;
                }
                Found::Moving | Found::Refused(..) => continue,
            };
            // Whoever edited the file since has the last word.
            if there == step.now || there != step.was {
                continue;
            }
            let Some(now) = &step.now else {
                if let Err(error) = self.place.remove(&step.name) {
                    self.put_off(step, "removed", &error);
                    due.push(step.clone());
                }
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
            if let Err(error) = self.place.install(&step.name, step.mark) {
                self.put_off(step, "replaced", &error);
                due.push(step.clone());
            }
        }
        if due == before && rewritten.is_empty() {
            return Ok(());
        }
        if self.place.folder().is_dir() {
            self.place.sync()?;
        }
        let mut records = vec![Record::Done];
        if !rewritten.is_empty() {
            records.insert(0, Record::Batch(rewritten));
        }
        if due.is_empty() {
            return self.append(held, &records, Durability::Later);
        }
        // Taken for done, they would be edits that take back what was decided.
        records.push(Record::Batch(Batch::default().with_steps(due)));
        self.append(held, &records, Durability::Now)
    }

    fn put_off(&self, step: &Step, what: &str, error: &io::Error) {
        let shown = self.place.shown(&step.name);
        let message = format!(
            "{shown}: it cannot be {what} ({error}): what was decided holds, and is done to the file once it can be"
        );
        self.problems.note(shown, Id::new(&step.id).ok(), message);
    }

    /// The text of a step whose staged text is lost.
    fn text_for(&self, step: &Step, before: Option<&[u8]>) -> Option<(Id, Vec<u8>)> {
        let wanted = {
            let state = self.state();
            Content::of(&state.entries.get(step.id.as_str())?.registration)
        };
        let text = text::write(&step.name, &wanted, before).ok()?;
        Some((wanted.id, text))
    }

    /// Refuses to write where the files are not: the one that was written would look like all that is left.
    pub(super) fn refuse_to_begin_anew(&self) -> Result<(), Fault> {
        let is_here = {
            let device = self.place.device();
            let state = self.state();
            state.entries.is_empty()
                || device.is_some_and(|here| state.device.is_none_or(|known| known == here))
        };
        if is_here {
            return Ok(());
        }
        self.list().map(drop).map_err(|reason| Fault::Unavailable {
            reason: format!("{}: {reason}", self.place.folder().display()),
            source: None,
        })
    }

    /// What the directory holds, if that can be believed, or why not. It never reads as empty because it is not
    /// there, cannot be read, or is not mounted.
    pub(super) fn list(&self) -> Result<Listing, String> {
        let listing = self.place.list().map_err(|fault| fault.reason())?;
        let state = self.state();
        let Some(listing) = listing else {
            return if state.entries.is_empty() {
                Ok(Listing::default())
            } else {
                Err(
                    "it is missing: bring it back, or make it anew and empty to say that all are gone"
                        .to_owned(),
                )
            };
        };
        let is_elsewhere = state.device.is_some_and(|device| device != listing.device);
        if is_elsewhere && listing.names.is_empty() && !state.entries.is_empty() {
            return Err(
                "it is empty, and on another file system than before: mount what belongs here, or put a file here \
                 to say that all are gone"
                    .to_owned(),
            );
        }
        Ok(listing)
    }

    /// Whose file this is.
    pub(super) fn owner(&self, name: &FileName) -> Option<Id> {
        self.state().names.get(name).cloned()
    }

    /// Looks at a file, beside what is stored.
    pub(super) fn inspect(&self, name: &FileName) -> Result<Verdict, Fault> {
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
                    let sha256 = digest(&bytes);
                    let (is_stored, is_due) = {
                        let state = self.state();
                        (
                            state.is_stored(name, &sha256),
                            state.is_due(name, Some(&sha256)),
                        )
                    };
                    if is_stored {
                        return Ok(Verdict::Same { bytes, stamp });
                    }
                    if is_due {
                        let message = format!(
                            "{shown}: what was decided last is not done to it yet: see what keeps the file"
                        );
                        return Ok(Verdict::Due { message, bytes });
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

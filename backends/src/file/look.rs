//! Looks at the files, and tells what people did to them.
//!
//! Nothing is believed at once: a file is taken once it has stood still for a moment, and is gone once it has been
//! gone for a moment. Most of a look needs no lock; only what is to be told is looked at again under it.

use super::desk::{Desk, Durability, Verdict};
use super::edits::Edits;
use super::fault::Fault;
use super::lock::Held;
use super::name::FileName;
use super::place::{Stamp, digest};
use super::record::Record;
use super::text::Content;
use hotbed_registry::Id;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// How old a stamp must be before it can be told from the next one: some file systems count in seconds.
const TRUSTED_AGE: Duration = Duration::from_secs(3);

/// Files that one look judges, so that nobody waits long for it.
const CHUNK: usize = 500;

/// Which files to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    Names(HashSet<FileName>),
    /// Those that the last look did not come to.
    Others,
}

/// When another look is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// When something is heard.
    Later,
    /// In a moment: something is not believed yet.
    Soon,
    /// At once, at [`Scope::Others`].
    Now,
}

/// What the looks of one process remember from one to the next.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// Files that need no look as long as their stamp stays.
    known: HashMap<FileName, Stamp>,
    /// Files that were not still, as they were then.
    moving: HashMap<FileName, (Stamp, Instant)>,
    /// Whose file is gone, and since when.
    gone: HashMap<Id, Instant>,
    /// Files to look at, now and the next time.
    now: BTreeSet<FileName>,
    soon: BTreeSet<FileName>,
}

/// What is to be told, if it is still so under the lock.
#[derive(Debug, Default)]
pub(super) struct Suspicion {
    edited: Vec<FileName>,
    gone: Vec<Id>,
    device: Option<u64>,
    /// Staged texts are there, which somebody may have left who died before anything was decided; or something that was
    /// decided is yet to be done.
    untidy: bool,
}

impl Suspicion {
    pub(super) fn is_empty(&self) -> bool {
        self.edited.is_empty() && self.gone.is_empty() && self.device.is_none() && !self.untidy
    }
}

impl Looks {
    /// Looks without the lock.
    pub(super) fn survey(&mut self, desk: &Desk, scope: Scope) -> Result<(Suspicion, Next), Fault> {
        desk.catch_up()?;
        let mut suspicion = Suspicion::default();
        if scope != Scope::Others {
            self.now.append(&mut self.soon);
        }
        match scope {
            Scope::Others => {}
            // Where a file is gone, another may have come in its place under any name.
            Scope::Names(names) if self.gone.is_empty() => self.now.extend(names),
            Scope::All | Scope::Names(_) => self.list(desk, &mut suspicion),
        }
        for _ in 0..CHUNK {
            let Some(name) = self.now.pop_first() else {
                break;
            };
            match self.judge(desk, &name)? {
                Judgement::InOrder => {}
                Judgement::NotYet => drop(self.soon.insert(name)),
                Judgement::Tell => suspicion.edited.push(name),
            }
        }
        if !self.now.is_empty() {
            return Ok((suspicion, Next::Now));
        }
        self.gone.retain(|id, since| {
            let is_gone = is_gone(desk, id);
            if is_gone && since.elapsed() >= desk.options.settle {
                suspicion.gone.push(id.clone());
            }
            is_gone
        });
        let waits = !self.soon.is_empty() || !self.gone.is_empty();
        Ok((suspicion, if waits { Next::Soon } else { Next::Later }))
    }

    /// Finds out which files are to be looked at, and which are gone.
    fn list(&mut self, desk: &Desk, suspicion: &mut Suspicion) {
        let shown = desk.place.shown_folder();
        let listing = match desk.list() {
            Ok(listing) => listing,
            Err(problem) => {
                let message = format!("{shown}: {problem}");
                desk.problems.note(shown.to_owned(), None, message);
                self.now.clear();
                self.gone.clear();
                return;
            }
        };
        desk.problems.clear(shown);
        let is_there = |name: &FileName| listing.names.contains(name);
        self.known.retain(|name, _| is_there(name));
        self.moving.retain(|name, _| is_there(name));
        self.now.retain(is_there);
        desk.problems.retain(|file| {
            let name = desk.place.name_of(file);
            name.is_none_or(|name| is_there(&name))
        });
        let is_known = |name: &FileName| {
            let known = self.known.get(name);
            known.is_some_and(|known| desk.place.stamp(name).as_ref() == Some(known))
        };
        self.now
            .extend(listing.names.iter().filter(|name| !is_known(name)).cloned());
        let state = desk.state();
        for (id, entry) in &state.entries {
            if !is_there(&entry.file.name) {
                self.gone.entry(id.clone()).or_insert_with(Instant::now);
            }
        }
        suspicion.device = (!listing.names.is_empty() && state.device != Some(listing.device))
            .then_some(listing.device);
        suspicion.untidy = listing.staged || !state.steps.is_empty();
    }

    /// Tells what is still so.
    pub(super) fn tell(
        &mut self,
        desk: &Desk,
        held: &Held,
        mut suspicion: Suspicion,
    ) -> Result<Next, Fault> {
        desk.prepare(held)?;
        let mut edited = Vec::new();
        let mut claimed = HashSet::new();
        for name in suspicion.edited {
            match desk.inspect(&name)? {
                Verdict::Edited {
                    content,
                    bytes,
                    stamp,
                } if rival(desk, &name, &content).is_none()
                    && claimed.insert(content.id.clone()) =>
                {
                    edited.push((name, content, digest(&bytes), stamp));
                }
                _ => drop(self.soon.insert(name)),
            }
        }
        // All are gone at once? Then better look at the directory again.
        if !suspicion.gone.is_empty() && desk.list().is_err() {
            suspicion.gone.clear();
        }
        suspicion.gone.sort_unstable();
        // A file that was renamed is not gone.
        suspicion
            .gone
            .retain(|id| is_gone(desk, id) && !claimed.contains(id));
        let edits = {
            let state = desk.state();
            let mut edits = Edits::new(&state);
            for (name, content, sha256, stamp) in edited {
                let shown = desk.place.shown(&name);
                match edits.note(&name, content, sha256) {
                    Ok(()) => desk.problems.clear(&shown),
                    Err(error) => {
                        let message = format!("{shown}: {error}");
                        desk.problems.note(shown, None, message);
                    }
                }
                self.know(&name, stamp);
            }
            for id in suspicion.gone {
                // Fails only where there is nothing to delete.
                drop(edits.delete(&id));
            }
            edits.into_batch()
        };
        if !edits.is_empty() {
            let revisions = edits.revisions();
            desk.append(held, &[Record::Batch(edits)], Durability::Now)?;
            if revisions > 0 {
                let folder = desk.place.folder();
                tracing::info!(folder = %folder.display(), revisions, "files were edited");
            }
        }
        if let Some(device) = suspicion.device {
            desk.append(held, &[Record::Device(device)], Durability::Later)?;
        }
        if suspicion.untidy {
            desk.place.remove_staged()?;
        }
        Ok(if self.soon.is_empty() {
            Next::Later
        } else {
            Next::Soon
        })
    }

    fn know(&mut self, name: &FileName, stamp: Stamp) {
        self.moving.remove(name);
        if stamp.age().is_some_and(|age| age >= TRUSTED_AGE) {
            self.known.insert(name.clone(), stamp);
        }
    }

    /// Whether a file has stood still for long enough: by its stamp, or by what was seen of it.
    fn is_still(&mut self, desk: &Desk, name: &FileName, stamp: Stamp) -> bool {
        let settle = desk.options.settle;
        if stamp.age().is_some_and(|age| age >= settle) {
            return true;
        }
        let now = Instant::now();
        match self.moving.get(name) {
            Some((before, since)) if *before == stamp => now.duration_since(*since) >= settle,
            _ => {
                self.moving.insert(name.clone(), (stamp, now));
                false
            }
        }
    }

    fn judge(&mut self, desk: &Desk, name: &FileName) -> Result<Judgement, Fault> {
        self.known.remove(name);
        let shown = desk.place.shown(name);
        Ok(match desk.inspect(name)? {
            Verdict::Missing => {
                if let Some(id) = desk.owner(name) {
                    self.gone.entry(id).or_insert_with(Instant::now);
                }
                self.moving.remove(name);
                desk.problems.clear(&shown);
                Judgement::InOrder
            }
            Verdict::Same { stamp, .. } => {
                desk.problems.clear(&shown);
                self.know(name, stamp);
                Judgement::InOrder
            }
            // Whoever could not do it has noted why.
            Verdict::Due { .. } => Judgement::InOrder,
            Verdict::Broken { stamp: None, .. } => Judgement::NotYet,
            Verdict::Broken {
                stamp: Some(stamp), ..
            }
            | Verdict::Edited { stamp, .. }
                if !self.is_still(desk, name, stamp) =>
            {
                Judgement::NotYet
            }
            Verdict::Broken {
                message,
                stamp: Some(stamp),
                ..
            } => {
                let id = desk.owner(name);
                desk.problems.note(shown, id, message);
                self.know(name, stamp);
                Judgement::InOrder
            }
            Verdict::Edited { content, .. } => match rival(desk, name, &content) {
                Some(rival) => {
                    let message = format!(
                        "{shown}: it is a second file of {:?}, beside {rival}: remove one of them",
                        content.id
                    );
                    desk.problems.note(shown, Some(content.id), message);
                    Judgement::InOrder
                }
                None => Judgement::Tell,
            },
        })
    }
}

enum Judgement {
    InOrder,
    NotYet,
    Tell,
}

/// The other file that holds the id already.
fn rival(desk: &Desk, name: &FileName, content: &Content) -> Option<FileName> {
    let other = file_of(desk, &content.id)?;
    (other != *name && desk.place.exists(&other)).then_some(other)
}

/// Whether the file of a registration is not there any more.
fn is_gone(desk: &Desk, id: &Id) -> bool {
    file_of(desk, id)
        .is_some_and(|name| !desk.place.exists(&name) && !desk.state().is_due(&name, None))
}

fn file_of(desk: &Desk, id: &Id) -> Option<FileName> {
    let state = desk.state();
    state.entries.get(id).map(|entry| entry.file.name.clone())
}

//! Reads what the last process left: the base, then the journals after it, and of damaged ones what is provably good.

use super::key::SnapshotKey;
use super::line::{Kind, Line, Stored};
use super::place::Place;
use super::sealed::{Mark, Next, Opener, Unreadable};
use super::{Entry, version1};
use hotbed_registry::Id;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What was found.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) entries: HashMap<Id, Entry>,
    /// The number of the next journal.
    pub(super) next: u64,
    /// Files that are to be replaced by a new base.
    pub(super) replaced: Vec<PathBuf>,
    /// Those among them, or the base, that are damaged.
    pub(super) damaged: Vec<PathBuf>,
    /// Whether a new base is due.
    pub(super) is_due: bool,
    /// What whoever runs this node should know.
    pub(super) notes: Vec<String>,
}

/// A file that was read.
struct Parts<'a> {
    path: &'a Path,
    kind: Kind,
    bytes: Vec<u8>,
    opener: Opener,
    number: u64,
}

/// What the lines of a file came to.
#[derive(Default)]
struct Sum {
    saved: u64,
    /// What the file says at its end.
    end: Option<u64>,
    damaged: bool,
}

impl Recovered {
    pub(super) fn read(place: &Place, registry: &str, key: &SnapshotKey) -> Self {
        let mut it = Self {
            entries: HashMap::new(),
            next: 1,
            replaced: Vec::new(),
            damaged: Vec::new(),
            is_due: false,
            notes: Vec::new(),
        };
        let base = it.read_base(place, registry, key);
        if let Err(error) = it.read_journals(base, place, registry, key) {
            it.note(
                place.base(),
                &format!("its journals cannot be found: {error}"),
            );
            it.doubt();
        }
        it.read_version1(place, registry);
        let nothing_left = !place.base().exists()
            && place.journals().is_ok_and(|found| found.is_empty())
            && it.replaced.is_empty();
        if nothing_left {
            it.next = 1;
            it.is_due = false;
        }
        it
    }

    /// Answers the number of the first journal after the base; nothing where there is no base or it is lost.
    fn read_base(&mut self, place: &Place, registry: &str, key: &SnapshotKey) -> Option<u64> {
        let mut parts = self.open(place, place.base(), Kind::Base, registry, key)?;
        let before = parts.number;
        let sum = self.apply(&mut parts);
        if sum.damaged || sum.end != Some(sum.saved) {
            let of = match sum.end {
                Some(saved) => format!(" of {saved}"),
                None => String::new(),
            };
            let good = sum.saved;
            self.is_damaged(
                place.base(),
                &format!("it is damaged: {good}{of} registrations in it are good"),
            );
        }
        self.look_at_mark(&parts);
        Some(before)
    }

    fn read_journals(
        &mut self,
        base: Option<u64>,
        place: &Place,
        registry: &str,
        key: &SnapshotKey,
    ) -> io::Result<()> {
        let is_lost = base.is_none() && self.is_due;
        self.next = base.unwrap_or(1);
        for (number, path) in place.journals()? {
            self.is_due = true;
            if number < self.next {
                // The last process died after it wrote the base that holds all this.
                self.replaced.push(path);
                continue;
            }
            if number > self.next && !is_lost {
                self.note(&path, "what came before it is missing");
                self.doubt();
            }
            self.next = number + 1;
            let Some(mut parts) = self.open(place, &path, Kind::Journal, registry, key) else {
                continue;
            };
            self.replaced.push(path.clone());
            if parts.number != number {
                self.is_damaged(&path, "it has the name of another");
                self.doubt();
                continue;
            }
            if self.apply(&mut parts).damaged {
                self.is_damaged(&path, "it is damaged: what is good in it is used");
            }
            self.look_at_mark(&parts);
        }
        Ok(())
    }

    fn read_version1(&mut self, place: &Place, registry: &str) {
        let path = place.version1();
        match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            read => {
                let parsed = read.map_err(|error| error.to_string());
                match parsed.and_then(|text| version1::parse(&text, registry)) {
                    Ok(found) => {
                        if !self.entries.is_empty() {
                            self.note(&path, "a program of version 1 has run since");
                            self.doubt();
                        }
                        for registration in found {
                            let entry = Entry::new(Arc::new(registration), 0);
                            self.entries.insert(entry.registration.id.clone(), entry);
                        }
                    }
                    Err(reason) => self.note(
                        &path,
                        &format!("{reason}; it is removed, for it may hold secrets in clear"),
                    ),
                }
                self.replaced.push(path);
            }
        }
        self.replaced.extend(place.leftovers_of_version1());
        self.is_due |= !self.replaced.is_empty();
    }

    /// Reads a file up to its first line. One of which nothing can be used is put aside.
    fn open<'a>(
        &mut self,
        place: &Place,
        path: &'a Path,
        kind: Kind,
        registry: &str,
        key: &SnapshotKey,
    ) -> Option<Parts<'a>> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                self.is_damaged(path, &format!("it cannot be read: {error}"));
                self.doubt();
                return None;
            }
        };
        let begun = Opener::new(key, &bytes)
            .map_err(|unreadable| (unreadable == Unreadable::Unbegun, unreadable.to_string()))
            .and_then(|mut opener| match opener.next(&bytes) {
                Next::Line(first) => match Line::parse(&first) {
                    Ok(Line::File {
                        kind: of,
                        registry,
                        number,
                    }) if of == kind => Ok((opener, registry, number)),
                    Ok(_) => Err((false, "it is of another kind".to_owned())),
                    Err(reason) => Err((false, reason)),
                },
                Next::Torn | Next::End => Err((true, Unreadable::Unbegun.to_string())),
                Next::Damaged | Next::Lost => Err((false, "its first line is damaged".to_owned())),
            });
        match begun {
            Ok((opener, of, number)) if of == registry => Some(Parts {
                path,
                kind,
                bytes,
                opener,
                number,
            }),
            Ok((_, of, _)) => {
                self.put_aside(place, path, ".other", &format!("it is of {of}"));
                None
            }
            // The process that began it died before anybody was served from what would have been in it.
            Err((true, _)) if kind == Kind::Journal => {
                self.replaced.push(path.to_owned());
                None
            }
            Err((_, reason)) => {
                self.put_aside(place, path, ".bad", &reason);
                self.doubt();
                None
            }
        }
    }

    /// Takes what is good in the lines of a file.
    fn apply(&mut self, parts: &mut Parts<'_>) -> Sum {
        let mut sum = Sum::default();
        loop {
            let next = parts.opener.next(&parts.bytes);
            let is_after_end = sum.end.is_some() && next != Next::End;
            let taken = match next {
                Next::End => return sum,
                Next::Torn if parts.kind == Kind::Journal => return sum,
                Next::Line(line) if !is_after_end => self.take(&line, &mut sum),
                _ if is_after_end => Err(()),
                Next::Line(_) | Next::Damaged => Err(()),
                Next::Torn | Next::Lost => {
                    self.doubt_after(parts.kind);
                    sum.damaged = true;
                    return sum;
                }
            };
            if taken.is_err() {
                self.doubt_after(parts.kind);
                sum.damaged = true;
                if is_after_end {
                    return sum;
                }
            }
        }
    }

    fn take(&mut self, line: &[u8], sum: &mut Sum) -> Result<(), ()> {
        match Line::parse(line) {
            Ok(Line::Saved(stored)) => {
                self.insert(stored, line.len())?;
                sum.saved += 1;
                Ok(())
            }
            Ok(Line::Forgotten { id }) => {
                self.entries.remove(&Id::new(&id).map_err(drop)?);
                Ok(())
            }
            Ok(Line::End { saved }) => {
                sum.end = Some(saved);
                Ok(())
            }
            Ok(Line::File { .. }) | Err(_) => Err(()),
        }
    }

    fn insert(&mut self, stored: Stored, size: usize) -> Result<(), ()> {
        let doubtful = stored.doubtful;
        let registration = stored.into_registration().map_err(drop)?;
        let entry = Entry {
            doubtful,
            ..Entry::new(Arc::new(registration), size as u64)
        };
        self.entries.insert(entry.registration.id.clone(), entry);
        Ok(())
    }

    /// What a journal has lost may be about any id that it does not speak of later; what a base has lost is not.
    fn doubt_after(&mut self, kind: Kind) {
        if kind == Kind::Journal {
            self.doubt();
        }
    }

    fn doubt(&mut self) {
        for entry in self.entries.values_mut() {
            entry.doubtful = true;
        }
    }

    fn look_at_mark(&mut self, parts: &Parts<'_>) {
        match parts.opener.mark {
            Mark::Whole => return,
            Mark::Incomplete => self.note(parts.path, "the disk did not take all of it"),
            Mark::Damaged => self.is_damaged(parts.path, "it is damaged: its mark is no mark"),
        }
        self.is_due = true;
        self.doubt();
    }

    fn is_damaged(&mut self, path: &Path, reason: &str) {
        self.note(path, reason);
        self.damaged.push(path.to_owned());
        self.is_due = true;
    }

    fn put_aside(&mut self, place: &Place, path: &Path, ending: &str, reason: &str) {
        self.is_due = true;
        match std::fs::rename(path, place.aside(path, ending)) {
            Ok(()) => self.note(
                path,
                &format!("{reason}; it is not used and put aside as {ending}"),
            ),
            Err(error) => {
                self.note(path, &format!("{reason}; nor can it be put aside: {error}"));
                self.replaced.push(path.to_owned());
            }
        }
    }

    fn note(&mut self, path: &Path, what: &str) {
        self.notes.push(format!("{}: {what}", path.display()));
    }
}

//! The jobs of one turn with the lock: decided one by one, written as one.
//!
//! The order of things makes a crash harmless. New texts are staged beside the files; one line of the journal tells
//! the decisions, and from then on they hold; when both are on the disk, the staged texts get their names. Whoever is
//! next to hold the lock finishes what the last one did not.

use super::desk::{Desk, Durability, Verdict, sync};
use super::edits::Edits;
use super::fault::Fault;
use super::lock::Held;
use super::name::FileName;
use super::place::{MAX_FILES, digest};
use super::record::{Batch, FileFacts, Record, Step};
use super::replica::State;
use super::text::{self, Content};
use crate::job::{Job, Task};
use crate::ledger::Ledger;
use crate::stored::Unreadable;
use chrono::Utc;
use hotbed_registry::{Access, Draft, Error, Id, Registration, Syntax};
use std::collections::{BTreeSet, HashMap};
use std::thread;

/// What is on the disk of an id that is to be written.
#[derive(Debug, Default)]
struct Page {
    name: Option<FileName>,
    bytes: Option<Vec<u8>>,
    /// Why it must not be written over: it holds what somebody wrote and nobody has read.
    broken: Option<Unreadable>,
}

/// Does the jobs. After an error all of them must be failed, those already decided too.
pub(super) fn transact(desk: &Desk, held: &Held, jobs: &mut [Job]) -> Result<(), Fault> {
    desk.prepare(held)?;
    let mut tasks: Vec<&mut Task> = jobs.iter_mut().map(|job| &mut job.task).collect();
    let ids: BTreeSet<Id> = tasks
        .iter()
        .filter_map(|task| task.written_id())
        .cloned()
        .collect();
    if !ids.is_empty() {
        write(desk, held, &ids, &mut tasks)?;
    }
    for task in tasks {
        match task {
            Task::Put { .. } | Task::Delete { .. } => {}
            Task::Touch { accesses, answer } => {
                let noted: Vec<_> = {
                    let state = desk.state();
                    let known = |access: &&Access| state.entries.contains_key(&access.id);
                    let known = accesses.iter().filter(known);
                    known
                        .map(|it| (it.id.as_str().to_owned(), it.at.timestamp_micros()))
                        .collect()
                };
                if !noted.is_empty() {
                    desk.append(held, &[Record::Touch(noted)], Durability::Later)?;
                }
                answer.settle(Ok(()));
            }
            Task::Forget { before, answer } => {
                desk.append(held, &[Record::Forget(before.0)], Durability::Later)?;
                answer.settle(Ok(desk.state().oldest()));
            }
            Task::ForgetPast { answer, .. } => answer.settle(Ok(())),
        }
    }
    Ok(())
}

fn write(
    desk: &Desk,
    held: &Held,
    ids: &BTreeSet<Id>,
    tasks: &mut [&mut Task],
) -> Result<(), Fault> {
    desk.refuse_to_begin_anew()?;
    // Somebody may have edited the very files: first things first.
    let (edits, mut pages) = pages(desk, ids)?;
    if !edits.is_empty() {
        desk.append(held, &[Record::Batch(edits)], Durability::Now)?;
    }
    let (batch, texts) = {
        let state = desk.state();
        let mut turn = Turn::new(&state, &mut pages);
        for task in tasks {
            turn.decide(task);
        }
        turn.finish()
    };
    if batch.is_empty() {
        return Ok(());
    }
    let steps = batch.steps().to_vec();
    let stage = |step: &Step| {
        let text = texts.get(&step.mark)?;
        Some(desk.place.stage(&step.name, step.mark, text))
    };
    let commit = || {
        let staged = steps
            .iter()
            .filter_map(stage)
            .collect::<Result<Vec<_>, _>>()?;
        // At once: a text that did not get to the disk in time is written again from the journal.
        thread::scope(|scope| {
            let syncing = scope.spawn(|| sync(&staged));
            desk.append(held, &[Record::Batch(batch)], Durability::Now)?;
            let synced = syncing
                .join()
                .expect("it waits for the disk and nothing else");
            synced.map_err(|error| Fault::io(&desk.place.folder(), error))
        })
    };
    if let Err(fault) = commit() {
        // Nothing of it holds, or it is written again from the journal; a text whose way to the disk failed is not to
        // be trusted. What cannot be removed now is removed by the next one to tidy up.
        drop(desk.place.remove_staged());
        return Err(fault);
    }
    if steps.is_empty() {
        return Ok(());
    }
    desk.finish(held, &steps)
}

/// Reads the files of these ids; what somebody did to them becomes a batch.
fn pages(desk: &Desk, ids: &BTreeSet<Id>) -> Result<(Batch, HashMap<Id, Page>), Fault> {
    let mut edited = Vec::new();
    let mut pages = HashMap::new();
    for id in ids {
        let name = {
            let state = desk.state();
            state.entries.get(id).map(|entry| entry.file.name.clone())
        };
        let there = name.clone().filter(|name| desk.place.exists(name));
        let names: Vec<_> = match there {
            Some(name) => vec![name],
            None => FileName::candidates(id)
                .filter(|name| desk.place.exists(name))
                .collect(),
        };
        let mut page = Page {
            name,
            ..Page::default()
        };
        for name in names {
            let (bytes, fault) = match desk.inspect(&name)? {
                Verdict::Missing => continue,
                Verdict::Same { bytes, .. } => (Some(bytes), None),
                Verdict::Edited { content, bytes, .. } => {
                    edited.push((name.clone(), content, digest(&bytes)));
                    (Some(bytes), None)
                }
                Verdict::Due { message, bytes } => (Some(bytes), Some(message)),
                Verdict::Broken { message, bytes, .. } => (bytes, Some(message)),
            };
            page = Page {
                broken: fault.map(|message| unreadable(&message)),
                name: Some(name),
                bytes,
            };
            break;
        }
        pages.insert(id.clone(), page);
    }
    let state = desk.state();
    let mut edits = Edits::new(&state);
    for (name, content, sha256) in edited {
        let id = content.id.clone();
        if let (Err(error), Some(page)) = (edits.note(&name, content, sha256), pages.get_mut(&id)) {
            page.broken = Some(unreadable(&format!("{}: {error}", desk.place.shown(&name))));
        }
    }
    Ok((edits.into_batch(), pages))
}

/// A message that begins with its place.
fn unreadable(message: &str) -> Unreadable {
    let (place, reason) = message.split_once(": ").unwrap_or(("", message));
    Unreadable {
        place: place.to_owned(),
        reason: reason.to_owned(),
    }
}

/// The decisions of one turn, and the texts that come of them.
struct Turn<'a> {
    state: &'a State,
    pages: &'a HashMap<Id, Page>,
    ledger: Ledger,
    written: HashMap<Id, (FileName, Vec<u8>)>,
}

impl<'a> Turn<'a> {
    fn new(state: &'a State, pages: &'a mut HashMap<Id, Page>) -> Self {
        let mut ledger = Ledger::new(state.head, Utc::now());
        for (id, page) in pages.iter_mut() {
            match (state.entries.get(id), page.broken.take()) {
                (Some(entry), Some(broken)) => {
                    ledger.found(id.clone(), entry.registration.revision, Err(broken));
                }
                (Some(entry), None) => {
                    let stored = entry.registration.clone();
                    ledger.found(id.clone(), stored.revision, Ok(stored));
                }
                (None, Some(broken)) => ledger.in_the_way(id.clone(), broken),
                (None, None) => {}
            }
        }
        Self {
            state,
            pages,
            ledger,
            written: HashMap::new(),
        }
    }

    fn decide(&mut self, task: &mut Task) {
        let mut text = None;
        if let Task::Put {
            id,
            draft,
            when,
            answer,
        } = task
            && let Some(wanted) = draft
            && self.ledger.admits(id, *when)
        {
            match self.text(id, &wanted.0) {
                Ok(written) => text = Some((id.clone(), written)),
                Err(problem) => {
                    *draft = None;
                    answer.settle(Err(Error::Refused {
                        id: id.clone(),
                        problems: vec![problem],
                    }));
                }
            }
        }
        self.ledger.decide(task);
        self.written.extend(text);
    }

    /// The file that would hold what a draft makes of a registration.
    fn text(&self, id: &Id, draft: &Draft) -> Result<(FileName, Vec<u8>), String> {
        let current = self.ledger.current(id);
        if current.is_none() && self.state.entries.len() + self.written.len() >= MAX_FILES {
            return Err(format!(
                "its collection holds {MAX_FILES} files already: use another store"
            ));
        }
        let wanted = Content {
            id: id.clone(),
            config: draft.config.clone(),
            status: draft.status,
            metadata: draft
                .metadata
                .clone()
                .unwrap_or_else(|| Draft::kept(current)),
        };
        let page = self.pages.get(id);
        let known = page.and_then(|page| Some((page.name.clone()?, page.bytes.as_deref())));
        let known = match self.written.get(id) {
            Some((name, text)) => Some((name.clone(), Some(text.as_slice()))),
            None => known,
        };
        if let Some((name, before)) = known {
            let text = text::write(&name, &wanted, before)?;
            return Ok((name, text));
        }
        let with = |syntax| {
            let name = FileName::of(id, syntax);
            let text = text::write(&name, &wanted, None)?;
            Ok((name, text))
        };
        // What YAML cannot hold is kept as JSON, if that can.
        with(Syntax::Yaml).or_else(|_: String| with(Syntax::Json))
    }

    /// What is to be told, and the staged texts by their marks.
    fn finish(mut self) -> (Batch, HashMap<u64, Vec<u8>>) {
        let mut files = HashMap::new();
        let mut steps = Vec::new();
        let mut texts = HashMap::new();
        for row in self.ledger.written() {
            let it: &Registration = row.registration;
            let Some((name, text)) = self.written.remove(&it.id) else {
                continue;
            };
            let now = digest(&text);
            let was = self.was(&it.id);
            let file = FileFacts {
                name: name.clone(),
                sha256: now.clone(),
            };
            files.insert(it.id.clone(), file);
            if was.as_ref() != Some(&now) {
                let mark = it.revision.0;
                texts.insert(mark, text);
                steps.push(step(&it.id, name, mark, was, Some(now)));
            }
        }
        for id in self.ledger.deleted() {
            if let Some(name) = self.pages.get(id).and_then(|page| page.name.clone()) {
                steps.push(step(id, name, 0, self.was(id), None));
            }
        }
        let batch = Batch::of(&self.ledger, &files).with_steps(steps);
        (batch, texts)
    }

    fn was(&self, id: &Id) -> Option<String> {
        let page = self.pages.get(id)?;
        page.bytes.as_deref().map(digest)
    }
}

fn step(id: &Id, name: FileName, mark: u64, was: Option<String>, now: Option<String>) -> Step {
    Step {
        id: id.as_str().to_owned(),
        name,
        mark,
        was,
        now,
    }
}

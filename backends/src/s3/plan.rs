//! What a batch of writes comes to on what the index says. No I/O.

use super::link::{Link, Marks};
use super::shelf::Shelf;
use super::state::{Brief, Entry, Op, Place, State};
use super::version::{self, Version};
use crate::job::{Job, Task};
use crate::ledger::Ledger;
use crate::stored::Unreadable;
use crate::texts::to_text;
use bytes::Bytes;
use chrono::Utc;
use hotbed_registry::{ChangeNote, Id, Past, Registration, Revision};
use std::collections::HashMap;
use std::sync::Arc;

/// The longest metadata that stands in the index, as JSON.
const INLINE: usize = 1024;

/// What a batch writes: as many objects as writes.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) ops: Vec<Arc<Op>>,
    pub(super) objects: Vec<Object>,
}

/// One object that is to be written.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) key: String,
    pub(super) body: Bytes,
    pub(super) version: Arc<Version>,
}

/// Versions that were read because a batch needs more of them than the index says.
pub(super) type Read = HashMap<Link, Result<Arc<Version>, Unreadable>>;

/// Decides all jobs, as if they were committed at once on this state. Or names the versions that must be read first.
pub(super) fn plan(
    state: &State,
    jobs: &mut [Job],
    read: &Read,
    shelf: &Shelf,
    marks: &Marks,
) -> Result<Plan, Vec<(Id, Link)>> {
    let mut ledger = Ledger::new(state.head, Utc::now());
    let mut missing = Vec::new();
    for job in &*jobs {
        let Some((id, entry)) = job
            .task
            .written_id()
            .and_then(|id| Some((id, state.entries.get(id)?)))
        else {
            continue;
        };
        let stored = match read.get(&entry.link) {
            Some(Err(unreadable)) => Err(unreadable.clone()),
            Some(Ok(version)) => Ok(with_metadata(entry, version)),
            None if needs_metadata(job, entry) => {
                missing.push((id.clone(), entry.link.clone()));
                continue;
            }
            None => Ok(entry.registration.clone()),
        };
        // The last of several jobs for one id decides nothing: unless one is missing, all say the same that matters.
        ledger.found(id.clone(), entry.link.revision, stored);
    }
    if !missing.is_empty() {
        return Err(missing);
    }
    let mut draft = Drafting {
        state,
        shelf,
        mark: marks.mark(),
        newest: HashMap::new(),
        plan: Plan::default(),
    };
    for job in jobs {
        match &mut job.task {
            Task::Put {
                id,
                draft: Some(wanted),
                when,
                answer,
            } => {
                let (wanted, texts) = &**wanted;
                let outcome = ledger.put(id, wanted.clone(), texts.clone(), *when);
                if let Ok(written) = &outcome {
                    draft.write(&ledger, written, &texts.config);
                }
                answer.settle(outcome);
            }
            Task::Delete {
                id,
                when,
                note,
                answer,
            } => {
                let outcome = ledger.delete(id, *when, note);
                if let Ok(revision) = outcome {
                    draft.delete(&ledger, id, revision, note);
                }
                answer.settle(outcome);
            }
            // Nobody asks the writer of a bucket for these.
            Task::Put { draft: None, .. }
            | Task::Touch { .. }
            | Task::Forget { .. }
            | Task::ForgetPast { .. } => {}
        }
    }
    Ok(draft.plan)
}

fn needs_metadata(job: &Job, entry: &Entry) -> bool {
    let keeps = matches!(&job.task, Task::Put { draft: Some(it), .. } if it.0.metadata.is_none());
    keeps && entry.metadata == Place::Object
}

fn with_metadata(entry: &Entry, version: &Version) -> Registration {
    let mut registration = entry.registration.clone();
    if let Past::Written(written) = &version.past {
        registration.metadata.clone_from(&written.metadata);
    }
    registration
}

/// A plan in the making.
struct Drafting<'s> {
    state: &'s State,
    shelf: &'s Shelf,
    mark: Arc<str>,
    /// The versions of ids that this very plan wrote before, newest first.
    newest: HashMap<Id, Vec<Link>>,
    plan: Plan,
}

impl Drafting<'_> {
    fn write(&mut self, ledger: &Ledger, written: &Registration, config: &str) {
        let link = Link::new(written.revision, written.updated_at, &self.mark);
        let earlier = self.earlier(&written.id);
        let metadata = to_text(&written.metadata);
        let body = version::encode_written(written, config, &metadata, &earlier);
        let brief = Brief {
            version: written.version,
            status: written.status,
            created_at: written.created_at,
            metadata: (metadata.len() <= INLINE).then(|| written.metadata.clone()),
        };
        let past = Past::Written(Box::new(written.clone()));
        self.note(
            ledger,
            &written.id,
            link,
            Some(brief),
            (past, body, earlier),
        );
    }

    fn delete(&mut self, ledger: &Ledger, id: &Id, revision: Revision, note: &ChangeNote) {
        let at = ledger.log.last().map_or_else(Utc::now, |change| change.at);
        let link = Link::new(revision, at, &self.mark);
        let earlier = self.earlier(id);
        let body = version::encode_deleted(id, &link, note, &earlier);
        let past = Past::Deleted {
            id: id.clone(),
            revision,
            at,
            note: note.clone(),
        };
        self.note(ledger, id, link, None, (past, body, earlier));
    }

    /// What was before the next version of an id.
    fn earlier(&self, id: &Id) -> Vec<Link> {
        if let Some(links) = self.newest.get(id) {
            return links.clone();
        }
        let Some(last) = self.state.newest(id) else {
            return Vec::new();
        };
        let before = self.shelf.get(&last.key(id));
        let before = before.as_ref().map_or(&[][..], |version| &version.earlier);
        version::earlier(last.clone(), before)
    }

    fn note(
        &mut self,
        ledger: &Ledger,
        id: &Id,
        link: Link,
        written: Option<Brief>,
        (past, body, earlier): (Past, Bytes, Vec<Link>),
    ) {
        let Some(change) = ledger.log.last() else {
            return;
        };
        let links = version::earlier(link.clone(), &earlier);
        self.newest.insert(id.clone(), links);
        self.plan.objects.push(Object {
            key: link.key(id),
            version: Arc::new(Version {
                past,
                earlier,
                size: body.len(),
            }),
            body,
        });
        self.plan.ops.push(Arc::new(Op {
            id: id.clone(),
            kind: change.kind,
            link,
            written,
        }));
    }
}

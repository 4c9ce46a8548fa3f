//! What has to be done to make what runs what is desired. Reads packages; changes nothing.

use crate::birth::Opened;
use crate::book::{Book, Failed, Retry};
use crate::course::{Course, Step, course};
use crate::desired::Desired;
use crate::id::ModId;
use crate::open;
use crate::shared::Shared;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::Instant;

/// What is wanted.
pub(crate) struct Wish {
    pub(crate) desired: BTreeMap<ModId, Desired>,
    /// Built anew whatever has become of them.
    pub(crate) forced: BTreeSet<ModId>,
    pub(crate) discovery: Discovery,
}

/// Where changes are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Discovery {
    /// In the desired state.
    DesiredState,
    /// And what failed is tried again, whether or not its wait is over.
    Failures,
    /// And in what is behind every path.
    Packages,
}

#[derive(Default)]
pub(crate) struct Survey {
    /// Not as desired, and not worth another try yet.
    pub(crate) still_failed: BTreeMap<ModId, String>,
    /// In service as desired: an earlier failure is of no interest any more.
    pub(crate) as_desired: Vec<ModId>,
    /// In service, and desired with another priority, other scopes or another revision.
    pub(crate) adjusted: Vec<ModId>,
    /// In service and not desired.
    pub(crate) leaving: BTreeSet<ModId>,
    pub(crate) candidates: BTreeMap<ModId, Candidate>,
}

/// A mod to be built.
pub(crate) struct Candidate {
    /// All of a group come into service together, or none does.
    pub(crate) group: usize,
    pub(crate) opened: Result<Opened, String>,
}

/// What is to be done with one mod.
enum Task {
    Build,
    /// Only if its package changed.
    BuildIfChanged,
    Rest,
    Wait(String),
}

pub(crate) async fn survey(shared: &Arc<Shared>, book: &Book, wish: &Wish) -> Survey {
    let mut survey = Survey::default();
    let is_wanted = |id: &ModId| wish.desired.get(id).is_some_and(|desired| desired.enabled);
    survey.leaving = book
        .running
        .keys()
        .filter(|id| !is_wanted(id))
        .cloned()
        .collect();
    let now = Instant::now();
    for (id, desired) in wish.desired.iter().filter(|(_, desired)| desired.enabled) {
        if is_to_be_adjusted(book, desired) {
            survey.adjusted.push(id.clone());
        }
        match task(book, desired, wish, now) {
            Task::Wait(message) => {
                survey.still_failed.insert(id.clone(), message);
            }
            Task::Rest => survey.as_desired.push(id.clone()),
            Task::Build => {
                let opened = open::open(shared, desired).await;
                survey.add(id, opened);
            }
            Task::BuildIfChanged => match open::read(shared, &desired.path).await {
                Ok(package) if is_as_installed(book, id, &package.digest) => {
                    survey.as_desired.push(id.clone());
                }
                read => {
                    let read = read.map_err(|unread| unread.message);
                    let opened = read.and_then(|package| open::admit(desired, package));
                    survey.add(id, opened);
                }
            },
        }
    }
    survey.add_dependents(shared, book, wish).await;
    survey
}

fn is_as_installed(book: &Book, id: &ModId, digest: &str) -> bool {
    let installed = book.running.get(id);
    installed.is_some_and(|installed| installed.keeping.digest == digest)
}

/// Whether what the host itself looks at has changed: no generation is built for that, and none need be able to.
fn is_to_be_adjusted(book: &Book, desired: &Desired) -> bool {
    let Some(installed) = book.running.get(&desired.id) else {
        return false;
    };
    let built = &installed.keeping.desired;
    (&built.scopes, built.priority) != (&desired.scopes, desired.priority)
        || (built.revision != desired.revision && built.has_substance_of(desired))
}

fn task(book: &Book, desired: &Desired, wish: &Wish, now: Instant) -> Task {
    let id = &desired.id;
    if wish.forced.contains(id) {
        return Task::Build;
    }
    let failed = book.failed.get(id);
    let failed = failed.filter(|failed| failed.against.has_substance_of(desired));
    let failed = failed.filter(|failed| failed.against.renewal == desired.renewal);
    let seeks = wish.discovery == Discovery::Packages;
    if let Some(failed) = failed {
        return if wish.discovery != Discovery::DesiredState || is_due(book, failed, wish, now) {
            Task::Build
        } else {
            Task::Wait(failed.message.clone())
        };
    }
    let Some(installed) = book.running.get(id) else {
        return Task::Build;
    };
    let built = &installed.keeping.desired;
    if !built.has_substance_of(desired) {
        Task::Build
    } else if seeks {
        Task::BuildIfChanged
    } else {
        Task::Rest
    }
}

fn is_due(book: &Book, failed: &Failed, wish: &Wish, now: Instant) -> bool {
    match &failed.retry {
        Retry::At(at) => *at <= now,
        Retry::Always => true,
        Retry::With(other) => {
            let other = wish.desired.get(other).filter(|other| other.enabled);
            other.is_none_or(|other| !matches!(task(book, other, wish, now), Task::Wait(_)))
        }
    }
}

impl Survey {
    fn add(&mut self, id: &ModId, opened: Result<Opened, String>) {
        let group = self.candidates.len();
        self.candidates
            .insert(id.clone(), Candidate { group, opened });
    }

    /// Whoever is in service and depends on what is built anew is built anew with it: it holds services of the old
    /// generation.
    async fn add_dependents(&mut self, shared: &Arc<Shared>, book: &Book, wish: &Wish) {
        let anew: Vec<ModId> = self
            .candidates
            .keys()
            .filter(|id| book.running.contains_key(*id))
            .cloned()
            .collect();
        for id in anew {
            for dependent in book.dependents(&id) {
                if self.leaving.contains(&dependent) {
                    continue;
                }
                if !self.candidates.contains_key(&dependent)
                    && let Some(desired) = wish.desired.get(&dependent)
                {
                    let opened = open::open(shared, desired).await;
                    self.as_desired.retain(|id| *id != dependent);
                    self.still_failed.remove(&dependent);
                    self.add(&dependent, opened);
                }
                self.join(&id, &dependent);
            }
        }
    }

    /// Puts two candidates, and all that are with them, in one group.
    fn join(&mut self, one: &ModId, other: &ModId) {
        let (Some(one), Some(other)) = (self.candidates.get(one), self.candidates.get(other))
        else {
            return;
        };
        let (into, from) = (one.group, other.group);
        for candidate in self.candidates.values_mut() {
            if candidate.group == from {
                candidate.group = into;
            }
        }
    }

    /// In which order the candidates are built.
    pub(crate) fn course(&self, wish: &Wish) -> Course {
        let steps = self.candidates.iter().map(|(id, candidate)| {
            let opened = candidate.opened.as_ref().ok();
            let manifest = opened.map(|opened| &*opened.manifest);
            let said = wish.desired.get(id).and_then(|desired| desired.priority);
            Step {
                id,
                group: candidate.group,
                dependencies: manifest.map_or(&[], |manifest| &manifest.dependencies),
                priority: said
                    .or(manifest.map(|manifest| manifest.priority))
                    .unwrap_or_default(),
            }
        });
        course(&steps.collect::<Vec<_>>())
    }
}

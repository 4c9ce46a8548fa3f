//! One round of the writer: makes what runs what is desired, as far as that can be done.
//!
//! What is new is built beside what runs and takes its place when it is proven; nothing that runs is touched before. A mod
//! that fails harms only those that depend on it.

use crate::birth::{self, Built, Endowment};
use crate::board::Served;
use crate::book::Book;
use crate::desired::Desired;
use crate::generation::{Bond, Installed, Keeping};
use crate::id::ModId;
use crate::notice::{Notice, NoticeKind};
use crate::order::{Node, order};
use crate::report::Report;
use crate::retire::{self, Retired, let_go};
use crate::shared::Shared;
use crate::state::ModState;
use crate::survey::{Candidate, Survey, Wish, survey};
use crate::table::Entry;
use chrono::Utc;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// The generations of one round that are on their way out.
pub(crate) type Going = Vec<JoinHandle<Vec<Retired>>>;

/// Carries a wish out. What was replaced or is not wanted any more is out of service when this returns, and drained and
/// stopped by the tasks in `Going`.
pub(crate) async fn carry_out(
    shared: &Arc<Shared>,
    book: &mut Book,
    wish: Wish,
) -> (Report, Going) {
    let survey = survey(shared, book, &wish).await;
    shared.board.desire(&wish.desired);
    book.failed
        .retain(|id, _| wish.desired.get(id).is_some_and(|desired| desired.enabled));
    let mut round = Round {
        shared,
        book,
        report: Report::default(),
        going: Going::new(),
        built: BTreeMap::new(),
        groups: BTreeMap::new(),
        merged: BTreeMap::new(),
    };
    round.run(survey, &wish).await;
    let Round { report, going, .. } = round;
    book.desired = wish.desired;
    shared.next_retry.send_replace(book.next_retry());
    (report, going)
}

struct Round<'a> {
    shared: &'a Arc<Shared>,
    book: &'a mut Book,
    report: Report,
    going: Going,
    /// What came up and waits for the rest of its group.
    built: BTreeMap<ModId, Built>,
    groups: BTreeMap<usize, Group>,
    /// Into which group another has gone.
    merged: BTreeMap<usize, usize>,
}

#[derive(Default)]
struct Group {
    /// How many are to come yet.
    left: usize,
    /// In the order of building.
    built: Vec<ModId>,
    /// Why it does not come into service.
    failed: Option<String>,
}

impl Round<'_> {
    async fn run(&mut self, mut survey: Survey, wish: &Wish) {
        self.report.failed.append(&mut survey.still_failed);
        for id in &survey.as_desired {
            self.book.failed.remove(id);
            self.shared.board.fail(id, None);
        }
        self.adjust(&survey, wish);
        let (needed, free): (Vec<ModId>, Vec<ModId>) =
            survey.leaving.iter().cloned().partition(|id| {
                let dependents = self.book.dependents(id);
                dependents
                    .iter()
                    .any(|dependent| !survey.leaving.contains(dependent))
            });
        self.take_out(&free);
        self.build_all(survey, wish).await;
        self.take_out_with_orphans(&needed, wish);
    }

    /// Another place among the others, or other scopes: also for one that cannot be built as desired.
    fn adjust(&mut self, survey: &Survey, wish: &Wish) {
        let table = self.shared.table.now();
        let mut put = Vec::new();
        for id in &survey.adjusted {
            let (Some(desired), Some(installed)) =
                (wish.desired.get(id), self.book.running.get_mut(id))
            else {
                continue;
            };
            let built = &mut installed.keeping.desired;
            if built.has_substance_of(desired) {
                *built = desired.clone();
                self.shared.board.serve_revision(id, desired.revision);
            } else {
                built.scopes.clone_from(&desired.scopes);
                built.priority = desired.priority;
            }
            let entry = entry(installed);
            let differs = |before: &Entry| {
                (before.priority, &before.scopes) != (entry.priority, &entry.scopes)
            };
            if table.get(id).is_none_or(differs) && !survey.candidates.contains_key(id) {
                self.report.refreshed.insert(id.clone());
            }
            put.push(entry);
        }
        if !put.is_empty() {
            self.shared.table.swap(table.with(put, &[]));
        }
    }

    async fn build_all(&mut self, survey: Survey, wish: &Wish) {
        let order = survey.order(wish);
        let mut candidates = survey.candidates;
        for candidate in candidates.values() {
            self.groups.entry(candidate.group).or_default().left += 1;
        }
        for (id, circle) in &order.circles {
            let names: Vec<&str> = circle.iter().map(ModId::as_str).collect();
            let message = format!("it depends on itself: {}", names.join(" → "));
            if let (Some(candidate), Some(desired)) = (candidates.remove(id), wish.desired.get(id))
            {
                self.fail(candidate.group, desired, message, Blame::Itself)
                    .await;
            }
        }
        for id in &order.sorted {
            if let (Some(candidate), Some(desired)) = (candidates.remove(id), wish.desired.get(id))
            {
                self.build(desired, candidate, wish).await;
            }
        }
    }

    async fn build(&mut self, desired: &Desired, candidate: Candidate, wish: &Wish) {
        let id = &desired.id;
        let mut group = self.current(candidate.group);
        if let Some(reason) = self
            .groups
            .get(&group)
            .and_then(|group| group.failed.clone())
        {
            self.pass_over(desired, &reason);
            return;
        }
        let opened = match candidate.opened {
            Ok(opened) => opened,
            Err(message) => {
                self.fail(group, desired, message, Blame::Itself).await;
                return;
            }
        };
        self.shared.board.read(id, &opened.manifest);
        let mut bonds = Vec::new();
        let mut services = Vec::new();
        for on in &opened.manifest.dependencies {
            let waiting = self
                .groups
                .iter()
                .find(|(_, group)| group.built.contains(on));
            let provider = if let Some((other, _)) = waiting {
                // It comes into service with it, or not at all.
                let other = *other;
                group = self.merge(group, other);
                self.built.get(on).map(|built| &built.installed)
            } else {
                let is_wanted = wish.desired.get(on).is_some_and(|desired| desired.enabled);
                self.book.running.get(on).filter(|_| is_wanted)
            };
            let Some(provider) = provider else {
                let message = format!("it depends on `{on}`, {}", self.why_missing(on, wish));
                drop(bonds);
                self.fail(group, desired, message, Blame::Others).await;
                return;
            };
            bonds.push(Bond::to(provider));
            services.push(Arc::clone(&provider.keeping.context.inside().provided));
        }
        let inherited = self
            .book
            .running
            .get(id)
            .and_then(|installed| installed.keeping.kept());
        let endowment = Endowment {
            bonds,
            services,
            inherited,
        };
        match birth::bring_up(self.shared, desired.clone(), opened, endowment).await {
            Ok(built) => {
                self.built.insert(id.clone(), built);
                let waiting = self.groups.entry(group).or_default();
                waiting.built.push(id.clone());
                waiting.left = waiting.left.saturating_sub(1);
                if waiting.left == 0 {
                    self.commit(group);
                }
            }
            Err(message) => self.fail(group, desired, message, Blame::Itself).await,
        }
    }

    /// The group that a candidate's has become.
    fn current(&self, mut group: usize) -> usize {
        while let Some(into) = self.merged.get(&group) {
            group = *into;
        }
        group
    }

    /// Makes one group of two. Answers which.
    fn merge(&mut self, one: usize, other: usize) -> usize {
        if one != other
            && let Some(from) = self.groups.remove(&one)
        {
            self.merged.insert(one, other);
            let into = self.groups.entry(other).or_default();
            into.left += from.left;
            into.built.extend(from.built);
        }
        other
    }

    fn why_missing(&self, on: &ModId, wish: &Wish) -> String {
        match wish.desired.get(on) {
            None => "which is not loaded: load it first".to_owned(),
            Some(desired) if !desired.enabled => "which is disabled: enable it first".to_owned(),
            Some(_) => match self.report.failed.get(on) {
                Some(error) => format!("which failed: {error}"),
                None => "which does not run".to_owned(),
            },
        }
    }

    /// Puts a group into service, all of it at once, and what it replaces on its way out.
    fn commit(&mut self, group: usize) {
        let Some(group) = self.groups.remove(&group) else {
            return;
        };
        let mut ready = Vec::new();
        for id in group.built {
            ready.extend(self.built.remove(&id));
        }
        let entries = ready.iter().map(|built| entry(&built.installed));
        let table = self.shared.table.now().with(entries.collect(), &[]);
        self.shared.table.swap(table);
        let mut replaced = Vec::new();
        for built in ready {
            replaced.extend(self.install(built));
        }
        replaced.reverse();
        if !replaced.is_empty() {
            self.going.push(retire::retire(self.shared, replaced));
        }
    }

    /// Notes that a generation is in service. Answers the one that it replaced.
    fn install(&mut self, built: Built) -> Option<Keeping> {
        let Built {
            installed,
            counters,
        } = built;
        let keeping = &installed.keeping;
        let (id, number) = (keeping.id().clone(), keeping.number);
        let path = keeping.desired.path.clone();
        let served = Served {
            number,
            revision: keeping.desired.revision,
            path: path.clone(),
            loaded_at: Utc::now(),
            counters,
        };
        self.shared.board.step(&id, number, ModState::Running);
        self.shared.board.serve(&id, served, &keeping.manifest);
        self.book.failed.remove(&id);
        let replaced = self.book.running.insert(id.clone(), installed);
        let kind = if replaced.is_some() {
            self.report.refreshed.insert(id.clone());
            NoticeKind::Reloaded
        } else {
            self.report.added.insert(id.clone());
            NoticeKind::Loaded
        };
        tracing::info!(%id, generation = number, %path, "mod is in service");
        self.shared.notify(Notice {
            kind,
            id,
            path,
            generation: Some(number),
            state: ModState::Running,
            error: None,
        });
        replaced.map(let_go)
    }

    /// Gives a group up because of one of it: what came up of it is stopped, and what runs runs on.
    async fn fail(&mut self, group: usize, culprit: &Desired, message: String, blame: Blame) {
        self.note(culprit, message.clone(), blame);
        let reason = format!(
            "it was to come into service together with `{}`, which failed: {message}",
            culprit.id
        );
        let group = self.current(group);
        let group = self.groups.entry(group).or_default();
        group.failed = Some(reason.clone());
        let built = std::mem::take(&mut group.built);
        for id in built.into_iter().rev() {
            let Some(built) = self.built.remove(&id) else {
                continue;
            };
            let desired = built.installed.keeping.desired.clone();
            let mut keeping = let_go(built.installed);
            let home = keeping.home.try_recv().ok();
            if let Some(trouble) = retire::end(self.shared, keeping, home, ModState::Error).await {
                tracing::warn!(%id, trouble, "new generation is stopped, with trouble");
            }
            self.pass_over(&desired, &reason);
        }
    }

    /// A mod of a group that was given up because of another. If it runs as desired there is nothing to tell.
    fn pass_over(&mut self, desired: &Desired, reason: &str) {
        let running = self.book.running.get(&desired.id);
        if running.is_some_and(|running| running.keeping.desired.has_substance_of(desired)) {
            return;
        }
        self.note(desired, reason.to_owned(), Blame::Others);
    }

    /// Notes and tells a failure; one that was told already is only reported again.
    fn note(&mut self, desired: &Desired, message: String, blame: Blame) {
        let before = self.book.failed.get(&desired.id);
        let is_told = before.is_some_and(|before| before.message == message);
        match blame {
            Blame::Itself => {
                self.book
                    .note_failure(desired, message.clone(), &self.shared.settings);
            }
            Blame::Others => self.book.note_wait(desired, message.clone()),
        }
        if is_told {
            self.report.failed.insert(desired.id.clone(), message);
        } else {
            self.tell_failure(desired, message);
        }
    }

    fn tell_failure(&mut self, desired: &Desired, message: String) {
        let id = &desired.id;
        self.shared.board.fail(id, Some(&message));
        tracing::warn!(%id, path = %desired.path, error = message, "mod is not as desired");
        let running = self.book.running.get(id);
        self.shared.notify(Notice {
            kind: NoticeKind::Failed,
            id: id.clone(),
            path: desired.path.clone(),
            generation: running.map(|running| running.keeping.number),
            state: running.map_or(ModState::Error, |_| ModState::Running),
            error: Some(message.clone()),
        });
        self.report.failed.insert(id.clone(), message);
    }

    /// Takes mods out of service, and those who depended on one of them and are wanted all the same: without it they
    /// cannot go on.
    fn take_out_with_orphans(&mut self, needed: &[ModId], wish: &Wish) {
        let mut out = needed.to_vec();
        for id in needed {
            for orphan in self.book.dependents(id) {
                let Some(desired) = wish.desired.get(&orphan).filter(|desired| desired.enabled)
                else {
                    continue;
                };
                if !out.contains(&orphan) {
                    let message = format!("it depends on `{id}`, {}", self.why_missing(id, wish));
                    out.push(orphan.clone());
                    self.book.note_wait(desired, message);
                }
            }
        }
        self.take_out(&out);
    }

    /// Takes mods out of service, all at once. They end in the reverse of the order in which they would start.
    fn take_out(&mut self, ids: &[ModId]) {
        if ids.is_empty() {
            return;
        }
        let table = self.shared.table.now();
        let nodes: Vec<Node<'_>> = ids
            .iter()
            .filter_map(|id| {
                Some(Node {
                    id,
                    dependencies: &self.book.running.get(id)?.keeping.manifest.dependencies,
                    priority: table.get(id)?.priority,
                })
            })
            .collect();
        let order = order(&nodes);
        // What runs is in no circle; if it were, it would go all the same.
        let ending: Vec<ModId> = order
            .sorted
            .into_iter()
            .rev()
            .chain(order.circles.into_keys())
            .collect();
        self.shared.table.swap(table.with(Vec::new(), ids));
        drop(table);
        let mut going = Vec::new();
        for id in ending {
            let Some(installed) = self.book.running.remove(&id) else {
                continue;
            };
            self.shared.board.take_out(&id);
            let keeping = let_go(installed);
            tracing::info!(%id, generation = keeping.number, "mod is out of service");
            self.shared.notify(Notice {
                kind: NoticeKind::Unloaded,
                id: id.clone(),
                path: keeping.desired.path.clone(),
                generation: Some(keeping.number),
                state: ModState::Draining,
                error: None,
            });
            let orphaned = self
                .book
                .failed
                .get(&id)
                .map(|failed| (failed.against.clone(), failed.message.clone()));
            if let Some((desired, message)) = orphaned {
                self.tell_failure(&desired, message);
            } else {
                self.report.removed.insert(id);
            }
            going.push(keeping);
        }
        self.going.push(retire::retire(self.shared, going));
    }
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blame {
    Itself,
    Others,
}

fn entry(installed: &Installed) -> Entry {
    let Keeping {
        desired, manifest, ..
    } = &installed.keeping;
    Entry {
        lease: installed.lease.clone(),
        path: desired.path.as_str().into(),
        priority: desired.priority.unwrap_or(manifest.priority),
        scopes: desired
            .scopes
            .clone()
            .unwrap_or_else(|| manifest.scopes.clone()),
    }
}

//! One round of the writer: makes what runs what is desired, as far as that can be done.
//!
//! What is new is built beside what runs and takes its place when it is proven; nothing that runs is touched before. A mod
//! that fails harms only those that depend on it.

use crate::birth::{self, Built, Endowment, Opened};
use crate::board::Served;
use crate::book::{Book, Retry};
use crate::desired::Desired;
use crate::fault::{Blame, Fault, Member, foreseen, why_missing};
use crate::generation::{Bond, Installed, Keeping};
use crate::id::ModId;
use crate::notice::{Notice, NoticeKind};
use crate::report::Report;
use crate::retire::{self, Retired, let_go};
use crate::shared::Shared;
use crate::state::ModState;
use crate::survey::{Survey, Wish, survey};
use crate::table::Entry;
use chrono::Utc;
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
        let course = survey.course(wish);
        let mut candidates = survey.candidates;
        for group in &course.groups {
            let mut members = Vec::new();
            for id in group {
                if let (Some(candidate), Some(desired)) =
                    (candidates.remove(id), wish.desired.get(id))
                {
                    members.push(Member {
                        desired,
                        opened: candidate.opened,
                        circle: course.circles.get(id).map(Vec::as_slice),
                    });
                }
            }
            self.build_group(members, wish).await;
        }
    }

    /// Brings a group into service, all of it at once, or leaves what runs as it is. Whatever a group depends on beside
    /// itself is there by now or will not be.
    async fn build_group(&mut self, group: Vec<Member<'_>>, wish: &Wish) {
        let all: Vec<&Desired> = group.iter().map(|member| member.desired).collect();
        let faults = foreseen(&group, |on| self.why_missing(on, wish));
        if !faults.is_empty() {
            self.give_up(&all, Vec::new(), faults).await;
            return;
        }
        let mut built = Vec::new();
        for member in group {
            let Ok(opened) = member.opened else {
                continue;
            };
            match self.build(member.desired, opened, &built).await {
                Ok(one) => built.push(one),
                Err(message) => {
                    let fault = Fault::itself(&member.desired.id, message);
                    self.give_up(&all, built, vec![fault]).await;
                    return;
                }
            }
        }
        self.commit(built);
    }

    async fn build(
        &self,
        desired: &Desired,
        opened: Opened,
        beside: &[Built],
    ) -> Result<Built, String> {
        self.shared.board.read(&desired.id, &opened.manifest);
        let mut bonds = Vec::new();
        let mut services = Vec::new();
        for on in &opened.manifest.dependencies {
            let beside = beside.iter().map(|built| &built.installed);
            let beside = beside.filter(|installed| installed.keeping.id() == on);
            let provider = beside.chain(self.book.running.get(on)).next();
            let provider =
                provider.ok_or_else(|| format!("it depends on `{on}`, which is gone"))?;
            bonds.push(Bond::to(provider));
            services.push(Arc::clone(&provider.keeping.context.inside().provided));
        }
        let running = self.book.running.get(&desired.id);
        let endowment = Endowment {
            bonds,
            services,
            inherited: running.and_then(|installed| installed.keeping.kept()),
        };
        birth::bring_up(self.shared, desired.clone(), opened, endowment).await
    }

    /// Why what a mod depends on does not serve; nothing if it does.
    fn why_missing(&self, on: &ModId, wish: &Wish) -> Option<String> {
        let serves = self.book.running.contains_key(on);
        why_missing(on, wish, serves, &self.report)
    }

    /// Puts a group into service, all of it at once, and what it replaces on its way out.
    fn commit(&mut self, group: Vec<Built>) {
        let entries = group.iter().map(|built| entry(&built.installed));
        let table = self.shared.table.now().with(entries.collect(), &[]);
        self.shared.table.swap(table);
        let mut replaced = Vec::new();
        for built in group {
            replaced.extend(self.install(built));
        }
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

    /// Gives a group up because of some of it: what came up of it is stopped, and what runs runs on.
    async fn give_up(&mut self, group: &[&Desired], built: Vec<Built>, faults: Vec<Fault>) {
        for built in built.into_iter().rev() {
            let id = built.installed.keeping.id().clone();
            let mut keeping = let_go(built.installed);
            let home = keeping.home.try_recv().ok();
            if let Some(trouble) = retire::end(self.shared, keeping, home, ModState::Error).await {
                tracing::warn!(%id, trouble, "new generation is stopped, with trouble");
            }
        }
        let Some(first) = faults.first().cloned() else {
            return;
        };
        for desired in group {
            match faults.iter().find(|fault| fault.id == desired.id) {
                Some(fault) => self.note(desired, fault.message.clone(), &fault.blame),
                None => self.pass_over(desired, &first),
            }
        }
    }

    /// A mod of a group that was given up because of another. If it runs as desired there is nothing new to tell.
    fn pass_over(&mut self, desired: &Desired, fault: &Fault) {
        let retry = Retry::With(fault.id.clone());
        let running = self.book.running.get(&desired.id);
        if running.is_some_and(|running| running.keeping.desired.has_substance_of(desired)) {
            // What failed of it before is not worth a try of its own.
            if let Some(failed) = self.book.failed.get_mut(&desired.id) {
                failed.retry = retry;
                let message = failed.message.clone();
                self.report.failed.insert(desired.id.clone(), message);
            }
            return;
        }
        self.note(desired, fault.for_others(), &Blame::Other(retry));
    }

    /// Notes and tells a failure; one that was told already is only reported again.
    fn note(&mut self, desired: &Desired, message: String, blame: &Blame) {
        let before = self.book.failed.get(&desired.id);
        let is_told = before.is_some_and(|before| before.message == message);
        match blame {
            Blame::Itself => {
                self.book
                    .note_failure(desired, message.clone(), &self.shared.settings);
            }
            Blame::Other(retry) => {
                self.book.note_wait(desired, message.clone(), retry.clone());
            }
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
                    let why = why_missing(id, wish, false, &self.report);
                    let message = why.unwrap_or_default();
                    out.push(orphan.clone());
                    self.book.note_wait(desired, message, Retry::Always);
                }
            }
        }
        self.take_out(&out);
    }

    /// Takes mods out of service, all at once.
    fn take_out(&mut self, ids: &[ModId]) {
        if ids.is_empty() {
            return;
        }
        let table = self.shared.table.now().with(Vec::new(), ids);
        self.shared.table.swap(table);
        let mut going = Vec::new();
        for id in ids {
            let Some(installed) = self.book.running.remove(id) else {
                continue;
            };
            self.shared.board.take_out(id);
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
                .get(id)
                .map(|failed| (failed.against.clone(), failed.message.clone()));
            if let Some((desired, message)) = orphaned {
                self.tell_failure(&desired, message);
            } else {
                self.report.removed.insert(id.clone());
            }
            going.push(keeping);
        }
        self.going.push(retire::retire(self.shared, going));
    }
}

fn entry(installed: &Installed) -> Entry {
    let Keeping {
        desired, manifest, ..
    } = &installed.keeping;
    Entry {
        lease: installed.lease.clone(),
        path: desired.path.as_str().into(),
        priority: installed.keeping.priority(),
        scopes: desired
            .scopes
            .clone()
            .unwrap_or_else(|| manifest.scopes.clone()),
    }
}

//! What changes the mods. All of it is done by whoever has the book, in a task of its own.

use super::{Cascade, ModHost, Outdated, Unloaded};
use crate::book::Book;
use crate::desired::Desired;
use crate::error::{LoadError, StopError, UnloadError};
use crate::fault::{Member, foreseen, why_missing};
use crate::id::ModId;
use crate::open;
use crate::path::ModPath;
use crate::report::Report;
use crate::retire::Retired;
use crate::round::{Going, carry_out};
use crate::shared::Shared;
use crate::status::ModStatus;
use crate::survey::{Discovery, Survey, Wish, survey};
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

impl ModHost {
    /// Runs a mutation to its end, also when the caller goes away.
    async fn mutate<T: Send + 'static>(
        &self,
        mutation: impl for<'a> FnOnce(&'a Arc<Shared>, &'a mut Book) -> BoxFuture<'a, T>
        + Send
        + 'static,
    ) -> T {
        let shared = Arc::clone(&self.shared);
        let job = self.shared.jobs.spawn(async move {
            let mut book = shared.book.lock().await;
            mutation(&shared, &mut book).await
        });
        match job.await {
            Ok(value) => value,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime ends, and the caller with it.
            Err(_) => std::future::pending().await,
        }
    }

    pub(super) async fn make(&self, desired: Vec<Desired>, discovery: Discovery) -> Report {
        self.mutate(move |shared, book| {
            Box::pin(async move {
                let (desired, twice) = by_id(desired);
                if book.closed {
                    return closed(desired.into_keys());
                }
                let wish = Wish {
                    desired,
                    forced: BTreeSet::new(),
                    discovery,
                };
                let (mut report, _going) = carry_out(shared, book, wish).await;
                report.failed.extend(twice);
                report
            })
        })
        .await
    }

    /// Tries again what failed and whose wait is over.
    pub(super) async fn retry(&self) -> Report {
        self.mutate(|shared, book| {
            Box::pin(async move {
                let wish = unchanged(book);
                carry_out(shared, book, wish).await.0
            })
        })
        .await
    }

    pub(super) async fn survey(&self, desired: Vec<Desired>) -> Report {
        self.mutate(move |shared, book| {
            Box::pin(async move {
                let (desired, twice) = by_id(desired);
                if book.closed {
                    return closed(desired.into_keys());
                }
                let wish = Wish {
                    desired,
                    forced: BTreeSet::new(),
                    discovery: Discovery::Packages,
                };
                let survey = survey(shared, book, &wish).await;
                let mut report = foretell(book, survey, &wish);
                report.failed.extend(twice);
                report
            })
        })
        .await
    }

    pub(super) async fn seek(&self) -> Outdated {
        // Reading may take long, and keeps no writer waiting.
        let installed: Vec<(ModId, ModPath, String)> = {
            let book = self.shared.book.lock().await;
            let keeping = book.running.values().map(|installed| &installed.keeping);
            keeping
                .map(|it| (it.id().clone(), it.desired.path.clone(), it.digest.clone()))
                .collect()
        };
        let mut outdated = Outdated::default();
        for (id, path, digest) in installed {
            match open::read(&self.shared, &path).await {
                Ok(package) if package.digest == digest => {}
                Ok(_) => outdated.ids.push(id),
                Err(unread) => drop(outdated.unread.insert(id, unread.message)),
            }
        }
        outdated
    }

    pub(super) async fn add(&self, desired: Desired) -> Result<ModStatus, LoadError> {
        self.mutate(move |shared, book| {
            Box::pin(async move {
                let id = desired.id.clone();
                let name = id.to_string();
                if book.closed {
                    return Err(LoadError::Closed { name });
                }
                match book.desired.get(&id) {
                    Some(other) if other.path == desired.path => {
                        return Err(LoadError::AlreadyLoaded { id });
                    }
                    Some(other) => {
                        let path = other.path.clone();
                        return Err(LoadError::Clash { id, path });
                    }
                    None => {}
                }
                let mut wish = unchanged(book);
                wish.desired.insert(id.clone(), desired);
                let (mut report, _going) = carry_out(shared, book, wish).await;
                if let Some(message) = report.failed.remove(&id) {
                    let mut wish = unchanged(book);
                    wish.desired.remove(&id);
                    drop(carry_out(shared, book, wish).await);
                    return Err(LoadError::Failed { name, message });
                }
                let status = shared.board.status(id.as_str());
                status.ok_or_else(|| LoadError::Failed {
                    name,
                    message: "nothing is known of it".to_owned(),
                })
            })
        })
        .await
    }

    pub(super) async fn remove(
        &self,
        name: &str,
        cascade: Cascade,
    ) -> Result<Unloaded, UnloadError> {
        let name = name.to_owned();
        let removed = self.mutate(move |shared, book| {
            Box::pin(async move {
                let id = find(book, &name)?;
                let by = book.dependents(&id);
                if cascade == Cascade::Refuse && !by.is_empty() {
                    return Err(UnloadError::Needed { id, by });
                }
                let mut wish = unchanged(book);
                for id in by.iter().chain([&id]) {
                    wish.desired.remove(id);
                }
                let (_, going) = carry_out(shared, book, wish).await;
                Ok((id, by, going))
            })
        });
        let (id, by, going) = removed.await?;
        let mut retired = ended(going).await;
        // Others may have been renewed on this occasion, and are not unloaded.
        retired.retain(|retired| retired.id == id || by.contains(&retired.id));
        let mut unloaded = Unloaded {
            ids: retired.iter().map(|retired| retired.id.clone()).collect(),
            troubles: Vec::new(),
        };
        if !unloaded.ids.contains(&id) {
            // It did not run.
            unloaded.ids.push(id);
        }
        for Retired { id, trouble } in retired {
            unloaded
                .troubles
                .extend(trouble.map(|trouble| format!("{id}: {trouble}")));
        }
        Ok(unloaded)
    }

    pub(super) async fn renew(&self, name: &str) -> Result<Report, UnloadError> {
        let name = name.to_owned();
        self.mutate(move |shared, book| {
            Box::pin(async move {
                let id = find(book, &name)?;
                let mut wish = unchanged(book);
                if wish
                    .desired
                    .get(&id)
                    .is_some_and(|desired| !desired.enabled)
                {
                    return Err(UnloadError::Disabled { id });
                }
                wish.forced.insert(id);
                let (report, _going) = carry_out(shared, book, wish).await;
                Ok(report)
            })
        })
        .await
    }

    pub(super) async fn close(&self, deadline: Duration) -> Result<(), StopError> {
        let end = Instant::now() + deadline;
        let stop = self.mutate(|shared, book| {
            Box::pin(async move {
                book.closed = true;
                let mut wish = unchanged(book);
                wish.desired.clear();
                carry_out(shared, book, wish).await.1
            })
        });
        let all = async {
            ended(stop.await).await;
            self.idle().await;
        };
        match tokio::time::timeout_at(end, all).await {
            Ok(()) => Ok(()),
            Err(_) => Err(StopError {
                stragglers: self.leftovers().named(),
            }),
        }
    }
}

/// The desired state by id, and what is said of an id that came twice: the first entry counts.
fn by_id(desired: Vec<Desired>) -> (BTreeMap<ModId, Desired>, BTreeMap<ModId, String>) {
    let mut first: BTreeMap<ModId, Desired> = BTreeMap::new();
    let mut twice = BTreeMap::new();
    for desired in desired {
        if let Some(other) = first.get(&desired.id) {
            let message = format!(
                "its id is taken: {} has it already, so {} is left out; give that an id of its own",
                other.path, desired.path
            );
            twice.insert(desired.id, message);
        } else {
            first.insert(desired.id.clone(), desired);
        }
    }
    (first, twice)
}

fn unchanged(book: &Book) -> Wish {
    Wish {
        desired: book.desired.clone(),
        forced: BTreeSet::new(),
        discovery: Discovery::DesiredState,
    }
}

fn closed(ids: impl Iterator<Item = ModId>) -> Report {
    Report {
        failed: ids
            .map(|id| (id, "the host is stopped".to_owned()))
            .collect(),
        ..Report::default()
    }
}

/// The mod that is meant: the one of exactly this id, or else of exactly this path.
fn find(book: &Book, name: &str) -> Result<ModId, UnloadError> {
    let name = name.to_owned();
    if book.closed {
        return Err(UnloadError::Closed { name });
    }
    if let Some((id, _)) = book.desired.get_key_value(name.as_str()) {
        return Ok(id.clone());
    }
    let of_path = book
        .desired
        .values()
        .filter(|desired| desired.path.as_str() == name);
    let mut ids: Vec<ModId> = of_path.map(|desired| desired.id.clone()).collect();
    match (ids.pop(), ids.is_empty()) {
        (None, _) => Err(UnloadError::NotLoaded { name }),
        (Some(id), true) => Ok(id),
        (Some(id), false) => {
            ids.push(id);
            Err(UnloadError::Ambiguous { name, ids })
        }
    }
}

/// What a survey foretells.
fn foretell(book: &Book, survey: Survey, wish: &Wish) -> Report {
    let course = survey.course(wish);
    let shown = |id: &ModId| {
        let (running, desired) = (book.running.get(id), wish.desired.get(id));
        running.zip(desired).is_some_and(|(running, desired)| {
            let built = &running.keeping.desired;
            (&built.scopes, built.priority) != (&desired.scopes, desired.priority)
        })
    };
    let mut report = Report {
        failed: survey.still_failed,
        refreshed: survey.adjusted.into_iter().filter(shown).collect(),
        ..Report::default()
    };
    let mut candidates = survey.candidates;
    let built: BTreeSet<ModId> = candidates.keys().cloned().collect();
    for group in &course.groups {
        let members: Vec<Member<'_>> = group
            .iter()
            .filter_map(|id| {
                Some(Member {
                    desired: wish.desired.get(id)?,
                    opened: candidates.remove(id)?.opened,
                    circle: course.circles.get(id).map(Vec::as_slice),
                })
            })
            .collect();
        foretell_group(book, &members, wish, &mut report);
    }
    for id in &survey.leaving {
        for orphan in book.dependents(id) {
            // One that is renewed does not depend on it any more, or it could not be.
            let is_renewed = built.contains(&orphan) && report.refreshed.contains(&orphan);
            if !survey.leaving.contains(&orphan) && !is_renewed {
                let why = why_missing(id, wish, false, &report);
                report.failed.insert(orphan, why.unwrap_or_default());
            }
        }
    }
    report.removed = survey.leaving;
    report
}

fn foretell_group(book: &Book, group: &[Member<'_>], wish: &Wish, report: &mut Report) {
    let faults = foreseen(group, |on| {
        let serves = book.running.contains_key(on) || report.added.contains(on);
        why_missing(on, wish, serves, report)
    });
    for Member { desired, .. } in group {
        let id = desired.id.clone();
        let running = book.running.get(&id);
        let runs_as_desired =
            running.is_some_and(|running| running.keeping.desired.has_substance_of(desired));
        match (faults.iter().find(|fault| fault.id == id), faults.first()) {
            (Some(fault), _) => {
                report.failed.insert(id, fault.message.clone());
            }
            (None, Some(_)) if runs_as_desired => {}
            (None, Some(first)) => {
                report.failed.insert(id, first.for_others());
            }
            (None, None) if running.is_some() => {
                report.refreshed.insert(id);
            }
            (None, None) => {
                report.added.insert(id);
            }
        }
    }
}

async fn ended(going: Going) -> Vec<Retired> {
    let mut all = Vec::new();
    for job in going {
        match job.await {
            Ok(retired) => all.extend(retired),
            Err(error) => tracing::error!(%error, "a mod was not stopped in an orderly way"),
        }
    }
    all
}

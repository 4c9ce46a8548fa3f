//! The status of every mod, noted as it changes.

use crate::desired::Desired;
use crate::health::Health;
use crate::id::ModId;
use crate::manifest::Manifest;
use crate::path::ModPath;
use crate::state::ModState;
use crate::status::ModStatus;
use crate::tally::Counters;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

#[derive(Debug, Default)]
pub(crate) struct Board {
    lines: Mutex<BTreeMap<ModId, Line>>,
    /// Counts the changes.
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Line {
    desired: Option<Desired>,
    served: Option<Served>,
    generations: BTreeMap<u64, ModState>,
    error: Option<String>,
    health: Option<Health>,
    /// Of the package that was read last.
    manifest: Option<Arc<Manifest>>,
    /// Of what was in service last.
    path: Option<ModPath>,
}

/// What is in service of a mod.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) number: u64,
    pub(crate) revision: u64,
    pub(crate) path: ModPath,
    pub(crate) loaded_at: DateTime<Utc>,
    pub(crate) counters: Arc<Counters>,
}

impl Line {
    fn is_spent(&self) -> bool {
        self.desired.is_none() && self.served.is_none() && self.generations.is_empty()
    }

    fn state(&self) -> ModState {
        if self.served.is_some() {
            return ModState::Running;
        }
        if let Some((_, newest)) = self.generations.last_key_value() {
            return *newest;
        }
        match &self.desired {
            _ if self.error.is_some() => ModState::Error,
            Some(desired) if desired.enabled => ModState::Registered,
            _ => ModState::Stopped,
        }
    }

    fn status(&self, id: &ModId) -> Option<ModStatus> {
        let served = self.served.as_ref();
        let desired = self.desired.as_ref();
        let wanted = desired.map(|desired| &desired.path);
        let path = served
            .map(|served| &served.path)
            .or(wanted)
            .or(self.path.as_ref())?;
        let manifest = self.manifest.as_ref();
        let said_scopes = desired.and_then(|desired| desired.scopes.clone());
        let said_priority = desired.and_then(|desired| desired.priority);
        Some(ModStatus {
            id: id.clone(),
            path: path.clone(),
            enabled: desired.is_some_and(|desired| desired.enabled),
            state: self.state(),
            generation: served.map(|served| served.number),
            generations: self
                .generations
                .iter()
                .map(|(n, state)| (*n, *state))
                .collect(),
            revision: served.map(|served| served.revision),
            desired_revision: desired.map(|desired| desired.revision),
            error: self.error.clone(),
            loaded_at: served.map(|served| served.loaded_at),
            health: self.health.clone(),
            priority: said_priority
                .or(manifest.map(|manifest| manifest.priority))
                .unwrap_or_default(),
            scopes: said_scopes
                .or_else(|| manifest.map(|manifest| manifest.scopes.clone()))
                .unwrap_or_default(),
            permissions: desired
                .map(|desired| desired.permissions.clone())
                .unwrap_or_default(),
            manifest: manifest.cloned(),
            tally: served
                .map(|served| served.counters.tally())
                .unwrap_or_default(),
        })
    }
}

impl Board {
    /// Notes the whole desired state. What is not in it is forgotten once nothing of it is there.
    pub(crate) fn desire(&self, desired: &BTreeMap<ModId, Desired>) {
        self.change(|lines| {
            for (id, line) in lines.iter_mut() {
                if !desired.contains_key(id) {
                    line.desired = None;
                    line.error = None;
                }
            }
            for (id, desired) in desired {
                let line = lines.entry(id.clone()).or_default();
                if !desired.enabled {
                    line.error = None;
                }
                line.desired = Some(desired.clone());
            }
        });
    }

    /// Notes what a mod that does not serve says of itself.
    pub(crate) fn read(&self, id: &ModId, manifest: &Arc<Manifest>) {
        self.on_line(id, |line| {
            if line.served.is_none() {
                line.manifest = Some(Arc::clone(manifest));
            }
        });
    }

    /// Notes where a generation is on its way.
    pub(crate) fn step(&self, id: &ModId, number: u64, next: ModState) {
        self.on_line(id, |line| {
            let now = line.generations.insert(number, next);
            debug_assert!(
                now.unwrap_or(ModState::Registered).may_become(next),
                "generation {number} of {id} went from {now:?} to {next}"
            );
            if matches!(next, ModState::Stopped | ModState::Error) {
                line.generations.remove(&number);
            }
        });
    }

    pub(crate) fn serve(&self, id: &ModId, served: Served, manifest: &Arc<Manifest>) {
        self.on_line(id, |line| {
            line.manifest = Some(Arc::clone(manifest));
            line.path = Some(served.path.clone());
            line.served = Some(served);
            line.error = None;
            line.health = Some(Health::healthy());
        });
    }

    /// Notes another revision of the same.
    pub(crate) fn serve_revision(&self, id: &ModId, revision: u64) {
        self.on_line(id, |line| {
            if let Some(served) = &mut line.served {
                served.revision = revision;
            }
        });
    }

    pub(crate) fn take_out(&self, id: &ModId) {
        self.on_line(id, |line| {
            line.served = None;
            line.health = None;
        });
    }

    pub(crate) fn fail(&self, id: &ModId, error: Option<&str>) {
        self.on_line(id, |line| line.error = error.map(str::to_owned));
    }

    /// Notes how a generation is, unless another is in service by now.
    pub(crate) fn note_health(&self, id: &ModId, number: u64, health: Health) {
        self.on_line(id, |line| {
            if line
                .served
                .as_ref()
                .is_some_and(|served| served.number == number)
            {
                line.health = Some(health);
            }
        });
    }

    pub(crate) fn status(&self, id: &str) -> Option<ModStatus> {
        let lines = self.lock();
        let (id, line) = lines.get_key_value(id)?;
        line.status(id)
    }

    pub(crate) fn statuses(&self) -> Vec<ModStatus> {
        self.lock()
            .iter()
            .filter_map(|(id, line)| line.status(id))
            .collect()
    }

    /// Told of every change.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn on_line(&self, id: &ModId, change: impl FnOnce(&mut Line)) {
        self.change(|lines| change(lines.entry(id.clone()).or_default()));
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<ModId, Line>)) {
        {
            let mut lines = self.lock();
            change(&mut lines);
            lines.retain(|_, line| !line.is_spent());
        }
        self.changed.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ModId, Line>> {
        // Statuses are for people; whatever a panic left is told as it is.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

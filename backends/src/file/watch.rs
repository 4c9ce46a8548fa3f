//! Hears of edits from the operating system. What is missed here is found by the slow look at everything.

use super::look::Scope;
use super::name::FileName;
use super::place::{Identity, Place};
use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Names remembered; beyond it everything is looked at.
const NAMES: usize = 10_000;

/// Watches the directory of one collection, and the one above for its coming and going. Directories rather than
/// files, or whatever replaces a file would go unseen; not the whole tree, which may hold a repository.
#[derive(Debug)]
pub(super) struct Watch {
    place: Place,
    /// `None` if the system cannot watch.
    watcher: Option<RecommendedWatcher>,
    /// Which directory is watched: another one may take its name.
    watched: Option<Identity>,
    heard: Arc<Heard>,
}

/// What was heard and not yet looked at.
#[derive(Debug)]
pub(super) struct Heard {
    scope: Mutex<Scope>,
    woken: Notify,
}

impl Watch {
    pub(super) fn new(place: &Place) -> Self {
        let heard = Arc::new(Heard::default());
        let (hearer, collection) = (Arc::clone(&heard), place.shown_folder().to_owned());
        let watcher = notify::recommended_watcher(move |event| hearer.hear(event, &collection));
        Self::with(place, watcher, heard)
    }

    /// Hears nothing.
    pub(super) fn off(place: &Place) -> Self {
        Self {
            place: place.clone(),
            watcher: None,
            watched: None,
            heard: Arc::default(),
        }
    }

    pub(super) fn with(
        place: &Place,
        watcher: notify::Result<RecommendedWatcher>,
        heard: Arc<Heard>,
    ) -> Self {
        let watching = watcher.and_then(|mut watcher| {
            watcher.watch(place.root(), RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        let complain = |error: &notify::Error| {
            let folder = place.folder();
            tracing::warn!(%error, folder = %folder.display(), "edits are found late: they cannot be watched for");
        };
        Self {
            place: place.clone(),
            watcher: watching.inspect_err(complain).ok(),
            watched: None,
            heard,
        }
    }

    pub(super) fn heard(&self) -> Arc<Heard> {
        Arc::clone(&self.heard)
    }

    /// Watches the directory that has the collection's name now.
    pub(super) fn attend(&mut self) {
        let folder = self.place.folder();
        let there = fs::metadata(&folder)
            .map(|metadata| Identity::of(&metadata))
            .ok();
        let Some(watcher) = self.watcher.as_mut().filter(|_| there != self.watched) else {
            return;
        };
        // Fails if it is gone, and the watch with it.
        drop(watcher.unwatch(&folder));
        self.watched = there.filter(|_| {
            let watching = watcher.watch(&folder, RecursiveMode::NonRecursive);
            if let Err(error) = &watching {
                tracing::warn!(%error, folder = %folder.display(), "edits are found late: they cannot be watched for");
            }
            watching.is_ok()
        });
        self.heard.everything();
    }
}

impl Default for Heard {
    fn default() -> Self {
        Self {
            scope: Mutex::new(Scope::Names(HashSet::new())),
            woken: Notify::new(),
        }
    }
}

impl Heard {
    /// Waits until there is something.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// What was heard since the last time.
    pub(super) fn take(&self) -> Scope {
        let mut scope = self.scope.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut scope, Scope::Names(HashSet::new()))
    }

    fn everything(&self) {
        *self.scope.lock().unwrap_or_else(PoisonError::into_inner) = Scope::All;
        self.woken.notify_one();
    }

    fn name(&self, name: FileName) {
        let mut scope = self.scope.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *scope {
            Scope::Names(names) if names.len() < NAMES => drop(names.insert(name)),
            scope => *scope = Scope::All,
        }
        drop(scope);
        self.woken.notify_one();
    }

    fn hear(&self, event: notify::Result<Event>, collection: &str) {
        let Ok(event) = event else {
            return self.everything();
        };
        if event.need_rescan() {
            return self.everything();
        }
        // Our own reading is heard too.
        let is_reading = matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write));
        if is_reading {
            return;
        }
        for path in &event.paths {
            let is_folder = |path: &Path| path.file_name().is_some_and(|name| name == collection);
            if is_folder(path) {
                self.everything();
            } else if path.parent().is_some_and(is_folder)
                && let Some(name) = path.file_name().and_then(FileName::found)
            {
                self.name(name);
            }
        }
    }
}

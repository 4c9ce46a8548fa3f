//! What is in service: read by everybody, replaced as a whole by the one writer.

use crate::generation::Generation;
use crate::id::ModId;
use crate::priority::Priority;
use crate::scopes::Scopes;
use hotbed_lease::Lease;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The mods in service at one moment. Never changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    entries: BTreeMap<ModId, Entry>,
    /// In the order in which they are asked.
    pipeline: Vec<ModId>,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) lease: Lease<Generation>,
    pub(crate) path: Arc<str>,
    pub(crate) priority: Priority,
    pub(crate) scopes: Scopes,
}

impl Table {
    /// The table with some entries put in or replaced, and others taken out.
    pub(crate) fn with(&self, put: Vec<Entry>, taken: &[ModId]) -> Self {
        let mut entries = self.entries.clone();
        for id in taken {
            entries.remove(id);
        }
        entries.extend(put.into_iter().map(|entry| (entry.lease.id.clone(), entry)));
        let mut pipeline: Vec<(Priority, ModId)> = entries
            .iter()
            .map(|(id, entry)| (entry.priority, id.clone()))
            .collect();
        pipeline.sort();
        Self {
            entries,
            pipeline: pipeline.into_iter().map(|(_, id)| id).collect(),
        }
    }

    pub(crate) fn get(&self, id: &ModId) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// Those that are called so, by id or by path: the id first.
    pub(crate) fn named(&self, name: &str) -> Option<&Entry> {
        self.entries
            .get(name)
            .or_else(|| self.entries.values().find(|entry| &*entry.path == name))
    }

    /// In the order in which they are asked.
    pub(crate) fn pipeline(&self) -> impl Iterator<Item = &Entry> {
        self.pipeline.iter().filter_map(|id| self.entries.get(id))
    }
}

/// Where the table of the moment is.
#[derive(Debug, Default)]
pub(crate) struct TableCell {
    /// Held for the copy of one pointer.
    current: RwLock<Arc<Table>>,
}

impl TableCell {
    /// The table as it is now. Keep it for a moment only: it holds leases.
    pub(crate) fn now(&self) -> Arc<Table> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another table in its place. The old one is dropped after the lock, for it may hold last leases.
    pub(crate) fn swap(&self, table: Table) {
        let table = Arc::new(table);
        let old = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, table)
        };
        drop(old);
    }
}

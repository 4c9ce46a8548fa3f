//! What the registry holds, and since when: what all nodes are held against.

use crate::trace::Trace;
use chrono::{DateTime, Utc};
use hotbed_registry::{
    Change, ChangeKind, Changes, Draft, Id, PortableConfig, Registration, Revision, Status,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::time::Instant;

/// One collection and its log.
#[derive(Debug)]
pub(crate) struct Truth {
    trace: Arc<Trace>,
    config: PortableConfig,
    store: Mutex<Store>,
}

#[derive(Debug)]
struct Store {
    data: Data,
    /// What a restore brings back.
    backup: Data,
    /// When each registration was created that is there now.
    created: BTreeMap<Id, Revision>,
    /// Every write there ever was, of what was restored away too.
    written: BTreeSet<(Id, Revision)>,
    /// Which revision was the newest from when on, since the last restore.
    heads: Vec<(Instant, Revision)>,
}

#[derive(Debug, Clone, Default)]
struct Data {
    registrations: BTreeMap<Id, Registration>,
    log: VecDeque<Change>,
    head: Revision,
}

impl Truth {
    pub(crate) fn new(trace: Arc<Trace>) -> Self {
        let store = Store {
            data: Data::default(),
            backup: Data::default(),
            created: BTreeMap::new(),
            written: BTreeSet::new(),
            heads: vec![(trace.began(), Revision::ZERO)],
        };
        Self {
            trace,
            config: PortableConfig::from_value(serde_json::json!({})).unwrap(),
            store: Mutex::new(store),
        }
    }

    /// Creates or replaces a registration.
    pub(crate) fn put(&self, id: &Id, status: Status) -> Change {
        let mut store = self.store();
        let before = store.data.registrations.get(id);
        let kind = ChangeKind::of_write(before.map(|old| old.status), status);
        let draft = Draft {
            status,
            ..Draft::active(self.config.clone())
        };
        let after = draft.apply(id, before, store.data.head.next(), self.now());
        store.data.registrations.insert(id.clone(), after);
        self.record(&mut store, id, kind)
    }

    /// Deletes a registration; `None` if there is none.
    pub(crate) fn delete(&self, id: &Id) -> Option<Change> {
        let mut store = self.store();
        store.data.registrations.remove(id)?;
        Some(self.record(&mut store, id, ChangeKind::Deleted))
    }

    fn record(&self, store: &mut Store, id: &Id, kind: ChangeKind) -> Change {
        let change = Change {
            id: id.clone(),
            revision: store.data.head.next(),
            kind,
            at: self.now(),
        };
        self.trace
            .note(("write", id.as_str(), change.revision.0, kind.as_str()));
        match kind {
            ChangeKind::Created => drop(store.created.insert(id.clone(), change.revision)),
            ChangeKind::Deleted => drop(store.created.remove(id)),
            _ => {}
        }
        store.data.head = change.revision;
        store.data.log.push_back(change.clone());
        store.written.insert((id.clone(), change.revision));
        store.heads.push((Instant::now(), change.revision));
        change
    }

    /// Forgets all but the newest entries of the log.
    pub(crate) fn compact(&self, keep: usize) {
        let log = &mut self.store().data.log;
        log.drain(..log.len().saturating_sub(keep));
        self.trace.note(("compact", keep));
    }

    pub(crate) fn back_up(&self) {
        let mut store = self.store();
        store.backup = store.data.clone();
    }

    /// Where the backup ends.
    pub(crate) fn backup_head(&self) -> Revision {
        self.store().backup.head
    }

    /// The backup takes the place of everything.
    pub(crate) fn restore(&self) {
        let mut store = self.store();
        store.data = store.backup.clone();
        let head = store.data.head;
        // Not known any more, and nothing is demanded of these.
        store.created.clear();
        store.heads = vec![(Instant::now(), head)];
        self.trace.note(("restore", head.0));
    }

    pub(crate) fn head(&self) -> Revision {
        self.store().data.head
    }

    /// What was the newest revision right before; nothing is known of the time before the last restore.
    pub(crate) fn head_before(&self, then: Instant) -> Revision {
        let store = self.store();
        let later = store.heads.partition_point(|(since, _)| *since < then);
        later
            .checked_sub(1)
            .map_or(Revision::ZERO, |last| store.heads[last].1)
    }

    /// When the last restore was, or the beginning.
    pub(crate) fn era_began(&self) -> Instant {
        self.store().heads[0].0
    }

    pub(crate) fn was_written(&self, id: &Id, revision: Revision) -> bool {
        self.store().written.contains(&(id.clone(), revision))
    }

    /// At which revision a registration came to be that is there now; `None` as well if it was restored.
    pub(crate) fn created(&self, id: &Id) -> Option<Revision> {
        self.store().created.get(id).copied()
    }

    pub(crate) fn get(&self, id: &Id) -> Option<Registration> {
        self.store().data.registrations.get(id).cloned()
    }

    /// Which registration is at which revision, and whether it is in service.
    pub(crate) fn all(&self) -> BTreeMap<Id, (Revision, Status)> {
        let store = self.store();
        let all = store.data.registrations.iter();
        all.map(|(id, found)| (id.clone(), (found.revision, found.status)))
            .collect()
    }

    pub(crate) fn registrations(&self) -> Vec<Registration> {
        self.store().data.registrations.values().cloned().collect()
    }

    pub(crate) fn heads(&self, after: Option<&Id>, limit: usize) -> Vec<(Id, Revision)> {
        let from = after.map_or(Unbounded, Excluded);
        let store = self.store();
        let heads = store.data.registrations.range::<Id, _>((from, Unbounded));
        heads
            .take(limit)
            .map(|(id, found)| (id.clone(), found.revision))
            .collect()
    }

    pub(crate) fn changes(&self, after: Revision, limit: usize) -> Changes {
        let store = self.store();
        let Data { log, head, .. } = &store.data;
        let head = *head;
        let oldest = log.front().map_or(head.next(), |change| change.revision);
        if after > head || after.next() < oldest {
            return Changes::Compacted { oldest, head };
        }
        let skip = usize::try_from(after.next().0 - oldest.0).unwrap();
        Changes::Log {
            changes: log.iter().skip(skip).take(limit).cloned().collect(),
            head,
        }
    }

    /// Simulated time, for people.
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + self.trace.began().elapsed()
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }
}

mod past;

use crate::{
    Access, Change, ChangeKind, ChangeNote, Changes, Draft, Error, Id, Page, Past, Precondition,
    Query, Registration, RegistryBackend, Retention, Revision, matches, page,
};
use async_trait::async_trait;
use chrono::{DateTime, SubsecRound, Utc};
use past::PastWrites;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The registry that needs nothing and keeps nothing: for tests, development, and as the reference of what
/// the other backends do. Of the past it keeps no more than the 10,000 writes that were replaced last.
#[derive(Debug, Default)]
pub struct MemoryBackend {
    store: Mutex<Store>,
}

#[derive(Debug, Default)]
struct Store {
    registrations: BTreeMap<Id, Registration>,
    log: VecDeque<Change>,
    past: PastWrites,
    head: Revision,
}

impl MemoryBackend {
    /// An empty collection.
    pub fn new() -> Self {
        Self::default()
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // Every update of the store below is complete before the next line can panic.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    fn expect(&self, id: &Id, when: Precondition) -> Result<(), Error> {
        let actual = self.registrations.get(id).map(|found| found.revision);
        if when.holds(actual) {
            Ok(())
        } else {
            Err(Error::Conflict {
                id: id.clone(),
                expected: when,
                actual,
            })
        }
    }

    fn record(&mut self, id: &Id, kind: ChangeKind, at: DateTime<Utc>) {
        self.head = self.head.next();
        self.log.push_back(Change {
            id: id.clone(),
            revision: self.head,
            kind,
            at,
        });
    }

    fn oldest(&self) -> Revision {
        self.log
            .front()
            .map_or(self.head.next(), |change| change.revision)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl RegistryBackend for MemoryBackend {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        Ok(self.store().registrations.get(id).cloned())
    }

    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error> {
        let mut store = self.store();
        store.expect(id, when)?;
        let before = store.registrations.get(id);
        let kind = ChangeKind::of_write(before.map(|old| old.status), draft.status);
        let after = draft.apply(id, before, store.head.next(), Utc::now());
        store.record(id, kind, after.updated_at);
        if let Some(replaced) = store.registrations.insert(id.clone(), after.clone()) {
            store
                .past
                .add(id, replaced.into(), after.revision, after.updated_at);
        }
        Ok(after)
    }

    async fn delete(
        &self,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        let mut store = self.store();
        if when == Precondition::Any && !store.registrations.contains_key(id) {
            return Err(Error::NotFound { id: id.clone() });
        }
        store.expect(id, when)?;
        let Some(removed) = store.registrations.remove(id) else {
            return Err(Error::NotFound { id: id.clone() });
        };
        let at = Utc::now().trunc_subsecs(6);
        store.record(id, ChangeKind::Deleted, at);
        let revision = store.head;
        store.past.add(id, removed.into(), revision, at);
        let deleted = Past::Deleted {
            id: id.clone(),
            revision,
            at,
            note: note.clone(),
        };
        store.past.add(id, deleted, revision, at);
        Ok(revision)
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        Ok(page(query, self.store().registrations.values()))
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        Ok(self
            .store()
            .registrations
            .values()
            .filter(|r| matches(query, r))
            .count() as u64)
    }

    async fn head(&self) -> Result<Revision, Error> {
        Ok(self.store().head)
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        let store = self.store();
        let heads = store
            .registrations
            .range::<Id, _>((from, Unbounded))
            .take(limit);
        Ok(heads
            .map(|(id, found)| (id.clone(), found.revision))
            .collect())
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        let store = self.store();
        let (oldest, head) = (store.oldest(), store.head);
        if after > head || after.next() < oldest {
            return Ok(Changes::Compacted { oldest, head });
        }
        let skip = usize::try_from(after.next().0 - oldest.0).unwrap_or(usize::MAX);
        Ok(Changes::Log {
            changes: store.log.iter().skip(skip).take(limit).cloned().collect(),
            head,
        })
    }

    async fn touch(&self, accesses: &[Access]) -> Result<(), Error> {
        let mut store = self.store();
        for access in accesses {
            if let Some(found) = store.registrations.get_mut(&access.id) {
                found.last_accessed_at = found.last_accessed_at.max(access.at);
            }
        }
        Ok(())
    }

    async fn compact(&self, keep: Retention) -> Result<Revision, Error> {
        let mut store = self.store();
        let now = Utc::now();
        store.past.compact(keep.history, now);
        let horizon = keep.horizon(now);
        let entries = usize::try_from(keep.entries).unwrap_or(usize::MAX);
        while store.log.len() > entries
            || store.log.front().is_some_and(|oldest| oldest.at < horizon)
        {
            store.log.pop_front();
        }
        Ok(store.oldest())
    }

    async fn history(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        let before = before.unwrap_or(Revision(u64::MAX));
        let store = self.store();
        let now = store.registrations.get(id);
        let now = now.filter(|it| it.revision < before);
        let past = store.past.before(id, before).cloned();
        Ok(now
            .map(|it| it.clone().into())
            .into_iter()
            .chain(past)
            .take(limit)
            .collect())
    }

    async fn past(&self, id: &Id, revision: Revision) -> Result<Option<Past>, Error> {
        let store = self.store();
        Ok(match store.registrations.get(id) {
            Some(now) if now.revision == revision => Some(now.clone().into()),
            _ => store.past.get(id, revision).cloned(),
        })
    }
}

use crate::{HistoryRetention, Id, Past, Revision};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};

/// Writes remembered at most, whether or not anybody compacts; the ones replaced first are forgotten first.
const MOST: usize = 10_000;

/// The writes that stand no longer, and the deletions.
#[derive(Debug, Default)]
pub(super) struct PastWrites {
    writes: BTreeMap<(Id, Revision), Replaced>,
    /// Who was replaced when, oldest first: by which revision, and which one it was.
    order: BTreeMap<(Revision, Revision), Id>,
}

#[derive(Debug)]
struct Replaced {
    past: Past,
    by: Revision,
    at: DateTime<Utc>,
}

impl PastWrites {
    /// Remembers a write that another one replaced, or a deletion, which replaces itself.
    pub(super) fn add(&mut self, id: &Id, past: Past, by: Revision, at: DateTime<Utc>) {
        let revision = past.revision();
        self.order.insert((by, revision), id.clone());
        self.writes
            .insert((id.clone(), revision), Replaced { past, by, at });
        if self.writes.len() > MOST {
            self.forget_first();
        }
    }

    /// The writes of an id before a revision, newest first.
    pub(super) fn before<'a>(
        &'a self,
        id: &Id,
        before: Revision,
    ) -> impl Iterator<Item = &'a Past> + use<'a> {
        self.writes
            .range((id.clone(), Revision::ZERO)..(id.clone(), before))
            .rev()
            .map(|(_, replaced)| &replaced.past)
    }

    pub(super) fn get(&self, id: &Id, revision: Revision) -> Option<&Past> {
        let replaced = self.writes.get(&(id.clone(), revision))?;
        Some(&replaced.past)
    }

    /// Forgets what is beyond the retention.
    pub(super) fn compact(&mut self, keep: HistoryRetention, now: DateTime<Utc>) {
        let horizon = keep.horizon(now);
        while self.first().is_some_and(|first| first.at < horizon) {
            self.forget_first();
        }
        let mut newer = HashMap::<&Id, u32>::new();
        let surplus = self.writes.iter().rev().filter(|((id, _), _)| {
            let newer = newer.entry(id).or_default();
            *newer = newer.saturating_add(1);
            *newer > keep.versions
        });
        let surplus: Vec<_> = surplus.map(|(key, _)| key.clone()).collect();
        for key in surplus {
            if let Some(replaced) = self.writes.remove(&key) {
                self.order.remove(&(replaced.by, key.1));
            }
        }
    }

    fn first(&self) -> Option<&Replaced> {
        let ((_, revision), id) = self.order.first_key_value()?;
        self.writes.get(&(id.clone(), *revision))
    }

    fn forget_first(&mut self) {
        if let Some(((_, revision), id)) = self.order.pop_first() {
            self.writes.remove(&(id, revision));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ChangeNote;

    #[test]
    fn memory_is_bounded_though_nobody_compacts() {
        let mut past = PastWrites::default();
        for n in 1..=MOST as u64 + 5 {
            let id = Id::new(&format!("bot-{}", n % 7)).unwrap();
            let revision = Revision(n);
            let at = DateTime::UNIX_EPOCH;
            let deleted = Past::Deleted {
                id: id.clone(),
                revision,
                at,
                note: ChangeNote::NONE,
            };
            past.add(&id, deleted, revision, at);
        }
        assert_eq!((past.writes.len(), past.order.len()), (MOST, MOST));
        assert_eq!(past.get(&Id::new("bot-5").unwrap(), Revision(5)), None);
        assert!(
            past.get(&Id::new("bot-6").unwrap(), Revision(6)).is_some(),
            "the oldest went first"
        );
    }
}

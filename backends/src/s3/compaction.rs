//! What is forgotten, and the objects that nobody needs.
//!
//! The name of every object says for which revision it was written, or for which generation of the index. Once the index
//! is past that, an object that it does not know will never be known: whoever meant to has lost. So nothing is swept
//! that somebody is about to make true, whatever the clocks say.

use super::commit::Attempt;
use super::core::Core;
use super::fault::Fault;
use super::link::Link;
use super::remote::SwapFault;
use super::replica::{Edit, base_key};
use super::state::State;
use chrono::{DateTime, Utc};
use hotbed_registry::{Id, Retention, Revision};
use std::collections::HashMap;
use std::sync::Arc;

/// How often the index is tried to be replaced.
const TRIES: usize = 64;

impl Core {
    /// Forgets what is beyond the retention; answers the oldest revision that the log still tells.
    pub(super) async fn compact(self: &Arc<Self>, keep: Retention) -> Result<Revision, SwapFault> {
        let limits = Limits::new(keep, Utc::now());
        self.replica.refresh().await.map_err(SwapFault::NotDone)?;
        // As the log tells it before some of that is forgotten.
        let (seen, generation) = {
            let copy = self.replica.read();
            (copy.state.clone(), copy.basis.index.generation)
        };
        let oldest = self.forget(&limits).await?;
        self.sweep(seen, generation, limits)
            .await
            .map_err(SwapFault::NotDone)?;
        Ok(oldest)
    }

    async fn forget(self: &Arc<Self>, limits: &Limits) -> Result<Revision, SwapFault> {
        let _pen = self.pen.lock().await;
        for _ in 0..TRIES {
            let (edit, basis, oldest) = {
                let copy = self.replica.read();
                let edit = limits.edit(&copy.state);
                let oldest = copy.state.oldest().max(edit.forgotten.next());
                let changes =
                    edit.forgotten > copy.basis.index.forgotten || !edit.purged.is_empty();
                (changes.then_some(edit), copy.basis.clone(), oldest)
            };
            let Some(edit) = edit else { return Ok(oldest) };
            if self.commit(&basis, edit).await? == Attempt::Committed {
                return Ok(oldest);
            }
            self.replica.refresh().await.map_err(SwapFault::NotDone)?;
        }
        Err(SwapFault::NotDone(Fault::said(format!(
            "others write to {} without a pause: try again",
            self.remote.url()
        ))))
    }

    async fn sweep(&self, seen: State, generation: u64, limits: Limits) -> Result<(), Fault> {
        let mut surplus = Vec::new();
        let mut of_ids: HashMap<Id, Vec<Link>> = HashMap::new();
        for key in self.remote.list("versions").await? {
            if let Some((id, link)) = Link::of_key(&key)
                && link.revision <= seen.head
            {
                of_ids.entry(id).or_default().push(link);
            }
        }
        for (id, links) in of_ids {
            let forgotten = limits.surplus(&seen, &id, links);
            surplus.extend(forgotten.iter().map(|link| link.key(&id)));
        }
        let bases = self.remote.list("bases").await?;
        let (current, retired) = {
            let index = Arc::clone(&self.replica.read().basis.index);
            (index.base.clone(), index.retired.clone())
        };
        let unknown = bases.into_iter().filter(|name| {
            let is_past = name
                .split_once('-')
                .and_then(|(number, _)| u64::from_str_radix(number, 16).ok())
                .is_some_and(|number| number <= generation);
            is_past && current.as_ref() != Some(name) && retired.as_ref() != Some(name)
        });
        surplus.extend(unknown.map(|name| base_key(&name)));
        if surplus.is_empty() {
            return Ok(());
        }
        self.remote.delete(&surplus).await
    }
}

/// A retention at one moment.
struct Limits {
    entries: u64,
    horizon: DateTime<Utc>,
    versions: usize,
    versions_horizon: DateTime<Utc>,
}

impl Limits {
    fn new(keep: Retention, now: DateTime<Utc>) -> Self {
        let of_history = Retention {
            age: keep.history.age,
            ..keep
        };
        Self {
            entries: keep.entries,
            horizon: keep.horizon(now),
            versions: usize::try_from(keep.history.versions).unwrap_or(usize::MAX),
            versions_horizon: of_history.horizon(now),
        }
    }

    /// What the index forgets.
    fn edit(&self, state: &State) -> Edit {
        let young = state.log.iter().find(|change| change.at >= self.horizon);
        let first_young = young.map_or(state.head.next(), |change| change.revision);
        let by_number = Revision(state.head.next().0.saturating_sub(self.entries));
        let first = first_young.max(by_number).max(state.oldest());
        let purged = state
            .deleted
            .iter()
            .filter(|(_, link)| !self.keeps(0, link));
        Edit {
            ops: Vec::new(),
            forgotten: Revision(first.0.saturating_sub(1)),
            purged: purged.map(|(id, _)| id.clone()).collect(),
        }
    }

    /// Whether a version is kept that so many newer ones follow.
    fn keeps(&self, newer: usize, link: &Link) -> bool {
        newer < self.versions && link.at >= self.versions_horizon
    }

    /// Of the versions of an id, all of them no newer than this state, those that are needed no more.
    fn surplus(&self, seen: &State, id: &Id, mut links: Vec<Link>) -> Vec<Link> {
        let newest = seen.newest(id);
        let lives = seen.entries.contains_key(id);
        links.sort_by_key(|link| std::cmp::Reverse(link.revision));
        let mut newer = 0;
        let mut forgets = false;
        links.retain(|link| {
            let known = match newest {
                None => false,
                Some(newest) if link.revision >= newest.revision => link == newest,
                // Of what the log tells no more, strays were swept before.
                Some(_) => {
                    seen.oldest() > link.revision
                        || seen
                            .told(link.revision)
                            .is_some_and(|change| change.id == *id && change.at == link.at)
                }
            };
            if !known {
                return true;
            }
            // What stands now is kept whatever the limits, and counts for none.
            if lives && newest == Some(link) {
                return false;
            }
            forgets |= !self.keeps(newer, link);
            newer += 1;
            forgets
        });
        links
    }
}

//! How the overlay follows the base, and what writes do to both collections of the overlay.
//!
//! No step of several collections is one step, so their order matters. The overlay is always read before the base and
//! written on condition that it is still what was read: so of several nodes that follow one base, none puts something
//! older over something newer. Something is noted as hidden only after its copy was deleted on condition: so a copy of
//! what is hidden is always one that a node made late, and goes.

use super::copy;
use super::walk::Walk;
use crate::{
    ChangeNote, Changes, Draft, Error, Id, Precondition, Registration, RegistryBackend, Retention,
    Revision,
};
use hotbed_configs::PortableConfig;
use serde_json::Map;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// Entries of the base's log that are read at once.
const PAGE: usize = 500;
/// Registrations that are copied at once: an overlay that commits many writes together does so here.
const AT_ONCE: usize = 64;

/// The collections that make one.
#[derive(Debug)]
pub(super) struct Layers {
    overlay: Arc<dyn RegistryBackend>,
    hidden: Arc<dyn RegistryBackend>,
    base: Arc<dyn RegistryBackend>,
    /// Held by whoever makes the overlay follow.
    following: Mutex<()>,
    /// The base's revision up to which the overlay tells what it does; `None` if that is not known.
    followed: std::sync::Mutex<Option<Revision>>,
}

impl Layers {
    pub(super) fn new(
        overlay: Arc<dyn RegistryBackend>,
        hidden: Arc<dyn RegistryBackend>,
        base: Arc<dyn RegistryBackend>,
    ) -> Self {
        Self {
            overlay,
            hidden,
            base,
            following: Mutex::default(),
            followed: std::sync::Mutex::default(),
        }
    }

    pub(super) fn overlay(&self) -> &dyn RegistryBackend {
        &*self.overlay
    }

    fn followed(&self) -> Option<Revision> {
        *self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has all of both layers compared the next time.
    fn doubt(&self) {
        *self.followed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether the base did not change since it was followed.
    pub(super) async fn is_current(&self) -> Result<bool, Error> {
        Ok(self.followed() == Some(self.base.head().await?))
    }

    /// Makes the overlay tell all that the base tells now.
    pub(super) async fn follow_base(self: Arc<Self>) -> Result<(), Error> {
        let _turn = self.following.lock().await;
        let head = self.base.head().await?;
        let begin = self.followed();
        let mut followed = begin;
        while followed != Some(head) {
            let Some(after) = followed else {
                self.compare_all().await?;
                followed = Some(head);
                break;
            };
            match self.base.changes(after, PAGE).await? {
                Changes::Log { changes, .. } => {
                    let Some(last) = changes.last() else { break };
                    followed = Some(last.revision);
                    let ids: BTreeSet<Id> = changes.into_iter().map(|change| change.id).collect();
                    self.follow_each(ids).await?;
                    if followed >= Some(head) {
                        break;
                    }
                }
                Changes::Compacted { .. } => followed = None,
            }
        }
        let mut noted = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        // Unless there was reason to doubt meanwhile.
        if *noted == begin {
            *noted = followed;
        }
        Ok(())
    }

    /// Goes through both layers and follows where they differ.
    async fn compare_all(self: &Arc<Self>) -> Result<(), Error> {
        let (mut base, mut overlay) = (Walk::new(&*self.base), Walk::new(&*self.overlay));
        let mut differing = BTreeSet::new();
        loop {
            let order = match (base.peek().await?, overlay.peek().await?) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(base), Some(overlay)) => base.id.cmp(&overlay.id),
            };
            let below = if order.is_le() { base.take() } else { None };
            let above = if order.is_ge() { overlay.take() } else { None };
            let differs = match (&below, &above) {
                (Some(below), Some(above)) => copy::is_one(above) && !copy::is_of(above, below),
                (None, Some(above)) => copy::is_one(above),
                (_, None) => true,
            };
            if differs {
                differing.extend(below.or(above).map(|it| it.id));
            }
            if differing.len() >= PAGE {
                self.follow_each(std::mem::take(&mut differing)).await?;
            }
        }
        self.follow_each(differing).await
    }

    async fn follow_each(self: &Arc<Self>, ids: BTreeSet<Id>) -> Result<(), Error> {
        let mut running = JoinSet::new();
        for id in ids {
            if running.len() >= AT_ONCE {
                settle(running.join_next().await)?;
            }
            let layers = Arc::clone(self);
            running.spawn(async move { layers.follow(&id).await });
        }
        while let Some(done) = running.join_next().await {
            settle(Some(done))?;
        }
        Ok(())
    }

    /// Makes the overlay tell what the base tells of one id, unless something else was written there.
    async fn follow(&self, id: &Id) -> Result<(), Error> {
        loop {
            let here = self.overlay.get(id).await?;
            if here.as_ref().is_some_and(|here| !copy::is_one(here)) {
                return Ok(());
            }
            let there = if self.is_hidden(id).await? {
                None
            } else {
                self.base.get(id).await?
            };
            let done = match (&here, there) {
                (None, None) => return Ok(()),
                (Some(here), Some(there)) if copy::is_of(here, &there) => return Ok(()),
                (here, Some(there)) => {
                    let when = here.as_ref().map_or(Precondition::Absent, at);
                    let written = self.overlay.put(id, copy::of(there), when).await;
                    written.map(drop)
                }
                (Some(here), None) => {
                    let gone = self.overlay.delete(id, at(here), &ChangeNote::NONE).await;
                    gone.map(drop)
                }
            };
            match done {
                // Somebody may have hidden it before we wrote it.
                Ok(()) if here.is_none() && self.is_hidden(id).await? => {}
                Ok(()) => return Ok(()),
                Err(Error::Conflict { .. } | Error::NotFound { .. }) => {}
                Err(error @ Error::Refused { .. }) => {
                    tracing::warn!(%id, %error, "the overlay cannot hold what the base has");
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn is_hidden(&self, id: &Id) -> Result<bool, Error> {
        Ok(self.hidden.get(id).await?.is_some())
    }

    pub(super) async fn put(
        self: Arc<Self>,
        id: &Id,
        draft: Draft,
        when: Precondition,
    ) -> Result<Registration, Error> {
        copy::refuse_mark(id, &draft)?;
        let hidden = self.hidden.get(id).await?;
        let written = self.override_one(id, draft, when).await?;
        if let Some(hidden) = hidden {
            // What is written here hides the base by itself, and if somebody deleted it already, the base comes back.
            let unhidden = self.hidden.delete(id, at(&hidden), &ChangeNote::NONE);
            match unhidden.await {
                Ok(_) => self.follow_again(id).await,
                Err(Error::Conflict { .. } | Error::NotFound { .. }) => {}
                Err(error) => {
                    tracing::warn!(%id, %error, "it stays hidden below what was written now");
                }
            }
        }
        Ok(written)
    }

    /// Writes to the overlay, and leaves no mark.
    async fn override_one(
        &self,
        id: &Id,
        draft: Draft,
        when: Precondition,
    ) -> Result<Registration, Error> {
        while draft.metadata.is_none() {
            let Some(here) = self.overlay.get(id).await?.filter(copy::is_marked) else {
                break;
            };
            let marked = here.revision;
            expect(id, when, Some(marked))?;
            let kept = Draft {
                metadata: Some(copy::shown(here).metadata),
                ..draft.clone()
            };
            match self.overlay.put(id, kept, Precondition::At(marked)).await {
                // Decided anew on what is there now.
                Err(Error::Conflict { .. }) => {}
                written => return written,
            }
        }
        self.overlay.put(id, draft, when).await
    }

    pub(super) async fn delete(
        self: Arc<Self>,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        loop {
            let Some(here) = self.overlay.get(id).await? else {
                // Tells why not, unless somebody writes it this very moment.
                match self.overlay.delete(id, when, note).await {
                    Ok(revision) => {
                        self.follow_again(id).await;
                        return Ok(revision);
                    }
                    refused => return refused,
                }
            };
            expect(id, when, Some(here.revision))?;
            let revision = match self.overlay.delete(id, at(&here), note).await {
                Err(Error::Conflict { .. } | Error::NotFound { .. }) => continue,
                deleted => deleted?,
            };
            if copy::is_one(&here) {
                let nothing = PortableConfig::from_map(Map::new())
                    .expect("nothing is nested in an empty object");
                let noted = self
                    .hidden
                    .put(id, Draft::active(nothing), Precondition::Any);
                if let Err(error) = noted.await {
                    // It comes back, then.
                    self.doubt();
                    return Err(error);
                }
            }
            self.follow_again(id).await;
            return Ok(revision);
        }
    }

    /// Brings back what the base tells of one id, after a write that stands whatever becomes of this.
    async fn follow_again(&self, id: &Id) {
        if let Err(error) = self.follow(id).await {
            tracing::debug!(%id, %error, "the base is followed later");
            self.doubt();
        }
    }

    /// Forgets what nobody asks for: who was hidden when.
    pub(super) async fn compact_hidden(&self, keep: Retention) -> Result<(), Error> {
        self.hidden.compact(keep).await.map(drop)
    }
}

fn at(found: &Registration) -> Precondition {
    Precondition::At(found.revision)
}

fn expect(id: &Id, when: Precondition, actual: Option<Revision>) -> Result<(), Error> {
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

/// What became of one that was followed beside others.
fn settle(done: Option<Result<Result<(), Error>, tokio::task::JoinError>>) -> Result<(), Error> {
    match done {
        None => Ok(()),
        Some(Ok(followed)) => followed,
        Some(Err(failed)) => Err(Error::Unavailable {
            operation: "follow its base",
            reason: "the work was interrupted: try again".into(),
            source: Some(failed.into()),
        }),
    }
}

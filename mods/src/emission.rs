//! Events that mods tell: bounded for each mod, taken in the order of telling.

use crate::event::ModEvent;
use crate::id::ModId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// An event that a mod tells agents of.
#[derive(Debug, Clone, PartialEq)]
pub struct Emission {
    /// Who tells it.
    pub from: ModId,
    /// Which generation of it.
    pub generation: u64,
    /// What, and whom.
    pub event: ModEvent,
    /// The agent that need not be told, since it caused it.
    pub except: Option<Arc<str>>,
}

/// Why an event was not told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The mod was not granted this name.
    #[error(
        "mod `{id}` may not tell `{name}`: grant it `event:{name}`, or name the event `{id}.…`"
    )]
    NotPermitted {
        /// Which mod.
        id: ModId,
        /// Which event.
        name: String,
    },
    /// Too many of its events wait to be delivered.
    #[error("mod `{id}` tells events faster than they are delivered: {limit} wait already")]
    Full {
        /// Which mod.
        id: ModId,
        /// How many wait.
        limit: usize,
    },
    /// The mod is stopped, or nobody delivers events.
    #[error("mod `{id}` cannot tell events any more: it is stopped, or nobody delivers them")]
    Closed {
        /// Which mod.
        id: ModId,
    },
}

/// What mods tell, for whoever delivers it.
#[derive(Debug)]
pub struct Emissions {
    waiting: UnboundedReceiver<(Emission, OwnedSemaphorePermit)>,
}

impl Emissions {
    /// Waits for the next event; `None` once the host is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<Emission> {
        let (emission, _place) = self.waiting.recv().await?;
        Some(emission)
    }
}

/// The end of the host at which mods put their events.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    /// Not longer than the places of all mods together.
    waiting: UnboundedSender<(Emission, OwnedSemaphorePermit)>,
    /// The places of the mods that are there or of which something waits.
    places: Arc<Mutex<BTreeMap<ModId, Weak<Semaphore>>>>,
}

/// The places of one mod in the outbox, which its generations share: or one that is built again and again would have more
/// and more of them.
#[derive(Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    limit: usize,
}

pub(crate) fn outbox() -> (Outbox, Emissions) {
    #[expect(
        clippy::disallowed_methods,
        reason = "each message holds a place of its mod, and each mod has a fixed number of them"
    )]
    let (sender, waiting) = mpsc::unbounded_channel();
    let outbox = Outbox {
        waiting: sender,
        places: Arc::default(),
    };
    (outbox, Emissions { waiting })
}

impl Places {
    /// A place for one event, if one is left.
    pub(crate) fn take(&self, id: &ModId) -> Result<OwnedSemaphorePermit, EmitError> {
        let place = Arc::clone(&self.free).try_acquire_owned();
        place.map_err(|_| EmitError::Full {
            id: id.clone(),
            limit: self.limit,
        })
    }
}

impl Outbox {
    /// The places of a mod, `limit` of them.
    pub(crate) fn places(&self, id: &ModId, limit: usize) -> Places {
        // Whole at every line.
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|_, free| free.strong_count() > 0);
        let free = places.get(id).and_then(Weak::upgrade).unwrap_or_else(|| {
            let free = Arc::new(Semaphore::new(limit));
            places.insert(id.clone(), Arc::downgrade(&free));
            free
        });
        Places { free, limit }
    }

    /// Puts an event in the place that its mod took for it.
    pub(crate) fn put(
        &self,
        emission: Emission,
        place: OwnedSemaphorePermit,
    ) -> Result<(), EmitError> {
        let put = self.waiting.send((emission, place));
        put.map_err(|unsent| EmitError::Closed {
            id: unsent.0.0.from,
        })
    }
}

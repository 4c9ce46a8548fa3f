//! One generation of a mod: what is lent to those who call it, and what the writer keeps of it.

use crate::context::Context;
use crate::desired::Desired;
use crate::id::ModId;
use crate::lane::Lane;
use crate::manifest::Manifest;
use crate::mod_trait::Mod;
use crate::priority::Priority;
use crate::service::Provided;
use crate::tally::Counters;
use crate::workplace::Workplace;
use hotbed_lease::{Lease, Lender, Returned, Settled};
use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// What is lent: everything that a call needs.
pub(crate) struct Generation {
    pub(crate) id: ModId,
    pub(crate) number: u64,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) workplace: Workplace,
    pub(crate) instance: Arc<dyn Mod>,
    pub(crate) lane: Lane,
    pub(crate) counters: Arc<Counters>,
    pub(crate) provided: Arc<Provided>,
    /// Whether it is being asked how it is.
    pub(crate) asked: AtomicBool,
    /// Cancelled when what has begun in it has no more time to end.
    pub(crate) given_up: CancellationToken,
    /// Where it goes after its last lease.
    home: Mutex<Option<oneshot::Sender<Home>>>,
}

/// A generation that nobody calls any more.
pub(crate) struct Home {
    pub(crate) generation: Generation,
    pub(crate) settled: Settled,
}

/// What the writer keeps of a generation that came up.
pub(crate) struct Installed {
    pub(crate) lease: Lease<Generation>,
    pub(crate) keeping: Keeping,
}

/// The same without the lease: what is left to do when it is taken out of service.
pub(crate) struct Keeping {
    /// As it was built.
    pub(crate) desired: Desired,
    pub(crate) number: u64,
    pub(crate) digest: String,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) workplace: Workplace,
    pub(crate) instance: Arc<dyn Mod>,
    pub(crate) context: Context,
    pub(crate) given_up: CancellationToken,
    pub(crate) home: oneshot::Receiver<Home>,
    /// The generations that it depends on. They are not stopped before it is.
    pub(crate) bonds: Vec<Bond>,
    /// How many generations depend on it.
    pub(crate) bound: Arc<AtomicUsize>,
}

/// Keeps a generation from being stopped while another depends on it.
pub(crate) struct Bond {
    _lease: Lease<Generation>,
    bound: Arc<AtomicUsize>,
}

impl Bond {
    pub(crate) fn to(installed: &Installed) -> Self {
        let bound = Arc::clone(&installed.keeping.bound);
        bound.fetch_add(1, Ordering::Relaxed);
        Self {
            _lease: installed.lease.clone(),
            bound,
        }
    }
}

impl Drop for Bond {
    fn drop(&mut self) {
        self.bound.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Keeping {
    pub(crate) fn id(&self) -> &ModId {
        &self.desired.id
    }

    /// What the operator says of it, or else the mod.
    pub(crate) fn priority(&self) -> Priority {
        self.desired.priority.unwrap_or(self.manifest.priority)
    }

    /// Whether other generations depend on it still.
    pub(crate) fn is_bound(&self) -> bool {
        self.bound.load(Ordering::Relaxed) > 0
    }

    /// What it keeps for the generation after it.
    pub(crate) fn kept(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        let kept = self.context.inside().kept.lock();
        kept.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Generation {
    /// Puts a generation on loan, of what the writer keeps of it.
    pub(crate) fn lend(
        lender: &Lender<Self>,
        keeping: &Keeping,
        home: oneshot::Sender<Home>,
        lane: Lane,
        counters: Arc<Counters>,
    ) -> Lease<Self> {
        let id = keeping.id();
        let generation = Self {
            id: id.clone(),
            number: keeping.number,
            manifest: Arc::clone(&keeping.manifest),
            workplace: keeping.workplace.clone(),
            instance: Arc::clone(&keeping.instance),
            lane,
            counters,
            provided: Arc::clone(&keeping.context.inside().provided),
            asked: AtomicBool::new(false),
            given_up: keeping.given_up.clone(),
            home: Mutex::new(Some(home)),
        };
        lender.lend(id.to_shared(), keeping.number, generation)
    }
}

/// Sends a generation home after its last lease.
pub(crate) fn lender() -> Lender<Generation> {
    Lender::new(|returned: Returned<Generation>| {
        let (generation, settled) = returned.into_value();
        let home = generation
            .home
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(home) = home {
            // Nobody waits any more once its time to drain was over: then it ends here, in this order.
            drop(home.send(Home {
                generation,
                settled,
            }));
        }
    })
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generation")
            .field("id", &self.id)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

use crate::machine::{Answer, Ask, Attempt, Effect, Fate, Machine, Next, Outcome, Ticket};
use crate::shared::Shared;
use crate::{CacheSettings, Held, Lease};
use arc_swap::ArcSwapOption;
use hotbed_lease::Lease as Loan;
use hotbed_registry::{Change, Id};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// The place of one id: its machine behind a lock, and beside it what a hit needs without one.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    pub(crate) id: Id,
    /// The last good instance, if there is one.
    current: ArcSwapOption<Installed<T>>,
    /// Until when `current` may be handed out without asking the machine, in the clock's milliseconds; 0 is never.
    /// Written only under the machine's lock, after `current`.
    fresh_until: AtomicU64,
    /// The invalidation of everything that the machine has taken notice of.
    generation: AtomicU64,
    /// Used since the keeper last looked.
    touched: AtomicBool,
    /// Waits in the refresher's queue.
    pub(crate) queued: AtomicBool,
    /// When the keeper last saw a use of it, in the clock's milliseconds.
    pub(crate) last_used_ms: AtomicU64,
    machine: Mutex<Machine>,
    ended: Notify,
}

/// An instance in its slot.
#[derive(Debug)]
struct Installed<T> {
    loan: Arc<Loan<T>>,
    since: Instant,
}

impl<T: Send + Sync + 'static> Slot<T> {
    pub(crate) fn new(id: Id, now: Instant, generation: u64) -> Self {
        Self {
            id,
            current: ArcSwapOption::empty(),
            fresh_until: AtomicU64::new(0),
            generation: AtomicU64::new(generation),
            touched: AtomicBool::new(false),
            queued: AtomicBool::new(false),
            last_used_ms: AtomicU64::new(0),
            machine: Mutex::new(Machine::new(now)),
            ended: Notify::new(),
        }
    }

    /// The instance, if it may be handed out without asking anybody: a few atomic loads, no lock.
    #[inline]
    pub(crate) fn hit(&self, coarse_ms: u64, generation: u64) -> Option<Lease<T>> {
        // Acquire pairs with `publish`: whoever learned of a write sees the 0 that the write left here.
        let fresh =
            coarse_ms < self.fresh_until.load(Ordering::Acquire) && self.generation.load(Ordering::Relaxed) == generation;
        if fresh { self.lease() } else { None }
    }

    /// Notes a use; true the first time since the keeper looked.
    #[inline]
    pub(crate) fn touch(&self) -> bool {
        !self.touched.load(Ordering::Relaxed) && !self.touched.swap(true, Ordering::Relaxed)
    }

    /// The keeper looks.
    pub(crate) fn untouch(&self) -> bool {
        self.touched.swap(false, Ordering::Relaxed)
    }

    /// The installed instance, however old.
    pub(crate) fn lease(&self) -> Option<Lease<T>> {
        self.current.load().as_ref().map(|installed| Lease::new(Arc::clone(&installed.loan)))
    }

    pub(crate) fn ask(&self, shared: &Shared<T>) -> Ask {
        let now = shared.clock.now();
        self.with(shared, |machine| machine.ask(now))
    }

    /// Waits for the answer to a question.
    pub(crate) async fn wait(&self, ticket: Ticket) -> Answer {
        loop {
            let mut ended = std::pin::pin!(self.ended.notified());
            // Registered before looking, so that an end between the look and the wait is not missed.
            ended.as_mut().enable();
            if let Some(answer) = self.machine().check(ticket) {
                return answer;
            }
            ended.await;
        }
    }

    pub(crate) fn start(&self, shared: &Shared<T>) -> bool {
        self.with(shared, Machine::start)
    }

    pub(crate) fn begin(&self, shared: &Shared<T>) -> Attempt {
        self.with(shared, |machine| machine.begin())
    }

    /// Ends a round of a build. The new instance, if there is one, is installed or dropped.
    pub(crate) fn settle(
        &self,
        shared: &Shared<T>,
        attempt: Attempt,
        outcome: Outcome,
        new: Option<Loan<T>>,
    ) -> Next {
        let now = shared.clock.now();
        let settlement = self.with(shared, |machine| {
            let settlement = machine.settle(attempt, outcome, now, &shared.settings, rand::random());
            match settlement.instance {
                Fate::Install => {
                    self.current.store(new.map(|loan| Arc::new(Installed { loan: Arc::new(loan), since: now })));
                }
                Fate::Drop => self.current.store(None),
                Fate::Keep => {}
            }
            if settlement.next == Next::Leave {
                machine.leave();
            }
            settlement
        });
        self.ended.notify_waiters();
        settlement.next
    }

    pub(crate) fn observe(&self, shared: &Shared<T>, change: &Change) -> Effect {
        let now = shared.clock.now();
        let effect = self.with(shared, |machine| {
            let effect = machine.observe(change, now, &shared.settings);
            if effect == Effect::Drop {
                self.current.store(None);
            }
            effect
        });
        if effect == Effect::Drop {
            self.ended.notify_waiters();
        }
        effect
    }

    pub(crate) fn invalidate(&self, shared: &Shared<T>) {
        self.with(shared, Machine::invalidate);
    }

    pub(crate) fn begin_era(&self, shared: &Shared<T>) {
        self.with(shared, Machine::begin_era);
    }

    /// Takes the slot out of service; false if a build must end first.
    pub(crate) fn retire(&self, shared: &Shared<T>) -> bool {
        let leaves = self.with(shared, |machine| {
            let leaves = machine.retire();
            if leaves {
                self.current.store(None);
            }
            leaves
        });
        if leaves {
            self.ended.notify_waiters();
        }
        leaves
    }

    pub(crate) fn look<R>(&self, look: impl FnOnce(&Machine) -> R) -> R {
        look(&self.machine())
    }

    pub(crate) fn held(&self, now: Instant) -> Held {
        let machine = self.machine();
        let failure = machine.failure();
        let current = self.current.load();
        Held {
            id: self.id.clone(),
            state: machine.state(),
            revision: current.as_ref().map(|installed| hotbed_registry::Revision(installed.loan.generation())),
            observed: machine.observed(),
            age: current.as_ref().map(|installed| now.saturating_duration_since(installed.since)),
            retry_in: failure.as_ref().map(|(_, retry_at)| retry_at.saturating_duration_since(now)),
            failure: failure.map(|(failure, _)| failure),
        }
    }

    /// Runs a step of the machine, and publishes what it means for hits before the lock is released.
    fn with<R>(&self, shared: &Shared<T>, step: impl FnOnce(&mut Machine) -> R) -> R {
        let mut machine = self.machine();
        let generation = shared.generation.load(Ordering::Acquire);
        if self.generation.load(Ordering::Relaxed) != generation {
            machine.invalidate();
            self.generation.store(generation, Ordering::Relaxed);
        }
        let result = step(&mut machine);
        let fresh_until = machine.fresh_until().map_or(0, |until| shared.clock.to_ms(until));
        self.fresh_until.store(fresh_until, Ordering::Release);
        result
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        // The machine is whole between any two of its steps, and no step runs foreign code.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CacheSettings {
    /// How often the keeper looks: often enough that no promise of time is late by more than a tenth.
    pub(crate) fn tick(&self) -> std::time::Duration {
        let shortest = self.ttl.min(self.negative_ttl).min(self.idle) / 10;
        shortest.clamp(std::time::Duration::from_millis(5), std::time::Duration::from_millis(100))
    }
}

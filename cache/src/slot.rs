use crate::entry::Entry;
use crate::key::Key;
use crate::machine::{Answer, Ask, Attempt, Effect, Fate, Machine, Next, Outcome, Ticket};
use crate::shared::{IndexRef, Shared};
use crate::waiter::{Asked, Told, Waiter};
use crate::{Held, Lease};
use hotbed_configs::ResolvedDigest;
use hotbed_lease::Lease as Loan;
use hotbed_registry::{Change, Id, Revision};
use papaya::Operation;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// The place of one id.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    pub(crate) id: Id,
    inside: Mutex<Inside<T>>,
    /// Rings when a build ends.
    pub(crate) ended: Notify,
    /// Waits in the queue of those to build early.
    pub(crate) queued: AtomicBool,
    /// When it was last asked for, or the keeper saw a use of it, in the clock's milliseconds.
    pub(crate) last_used_ms: AtomicU64,
}

/// What the lock of a slot protects. No foreign code runs under it, and it is whole between any two lines.
#[derive(Debug)]
struct Inside<T> {
    machine: Machine,
    /// The last good instance, if there is one.
    installed: Option<Installed<T>>,
    /// Readers who wait for a build.
    waiting: usize,
    /// The invalidation of everything that the machine has taken notice of.
    generation: u64,
}

/// An instance that was just created.
pub(crate) struct New<T> {
    pub(crate) loan: Loan<T>,
    /// The digest of what it was built from.
    pub(crate) digest: ResolvedDigest,
}

/// An instance in its slot.
struct Installed<T> {
    loan: Loan<T>,
    digest: ResolvedDigest,
    since: Instant,
}

impl<T: Send + Sync + 'static> Slot<T> {
    pub(crate) fn new(id: Id, now: Instant, used_ms: u64, generation: u64) -> Self {
        Self {
            id,
            inside: Mutex::new(Inside {
                machine: Machine::new(now),
                installed: None,
                waiting: 0,
                generation,
            }),
            ended: Notify::new(),
            queued: AtomicBool::new(false),
            last_used_ms: AtomicU64::new(used_ms),
        }
    }

    /// The installed instance, however old.
    pub(crate) fn lease(&self) -> Option<Lease<T>> {
        self.inside()
            .installed
            .as_ref()
            .map(|installed| Lease::new(installed.loan.clone()))
    }

    pub(crate) fn unused_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.last_used_ms.load(Ordering::Relaxed))
    }

    /// Its entry in the index, unless another slot has this one's place.
    pub(crate) fn entry<'g>(&self, index: &'g IndexRef<'_, T>) -> Option<&'g Entry<T>> {
        index.get(&self.id).filter(|entry| self.is_of(entry))
    }

    fn is_of(&self, entry: &Entry<T>) -> bool {
        std::ptr::eq(Arc::as_ptr(&entry.slot), self)
    }

    pub(crate) fn ask<'a>(&'a self, shared: &'a Shared<T>) -> Asked<'a, T> {
        let now = shared.clock.now();
        self.last_used_ms
            .fetch_max(shared.clock.to_ms(now), Ordering::Relaxed);
        self.with(shared, |inside| match inside.machine.ask(now) {
            Ask::Answer { answer, refresh } => Asked::Told {
                told: inside.told(answer),
                refresh,
            },
            Ask::Wait { ticket, start } => {
                inside.waiting += 1;
                Asked::Wait {
                    waiter: Waiter::new(self, shared, ticket),
                    start,
                }
            }
        })
    }

    pub(crate) fn check(&self, ticket: Ticket) -> Option<Told<T>> {
        let inside = self.inside();
        let answer = inside.machine.check(ticket)?;
        Some(inside.told(answer))
    }

    /// A reader no longer waits.
    pub(crate) fn end_wait(&self, shared: &Shared<T>) {
        self.with(shared, |inside| {
            inside.waiting -= 1;
            if inside.machine.is_retired() {
                self.vacate(shared, inside);
            }
        });
    }

    /// Begins a build that no reader waits for, if one is owed.
    pub(crate) fn start_early(&self, shared: &Shared<T>) -> bool {
        let now = shared.clock.now();
        let ahead = shared.settings().ahead(now);
        self.with(shared, |inside| inside.machine.start_early(now, ahead))
    }

    /// The registry answers again.
    pub(crate) fn forgive(&self, shared: &Shared<T>) {
        let now = shared.clock.now();
        self.with(shared, |inside| inside.machine.forgive(now));
    }

    /// Whether what it serves, or would, is worth a build now.
    pub(crate) fn is_overdue(&self, shared: &Shared<T>, now: Instant) -> bool {
        self.with(shared, |inside| {
            let machine = &inside.machine;
            machine.is_live() && (machine.is_behind() || machine.retry_due(now))
        })
    }

    /// Trust given under other settings ends by then.
    pub(crate) fn trust_until(&self, shared: &Shared<T>, latest: Instant) {
        self.with(shared, |inside| inside.machine.trust_until(latest));
    }

    /// Whether what is installed must be checked against the environment.
    pub(crate) fn is_misfit(&self, shared: &Shared<T>) -> bool {
        self.with(shared, |inside| inside.machine.is_misfit())
    }

    /// Whether the installed instance was built from a resolved configuration of this digest.
    pub(crate) fn was_built_from(&self, digest: &ResolvedDigest) -> bool {
        let inside = self.inside();
        let installed = inside.installed.as_ref();
        installed.is_some_and(|installed| installed.digest == *digest)
    }

    pub(crate) fn begin(&self, shared: &Shared<T>) -> Attempt {
        self.with(shared, |inside| inside.machine.begin())
    }

    /// Ends a round of a build. The new instance, if there is one, is installed or dropped.
    pub(crate) fn settle(
        &self,
        shared: &Shared<T>,
        attempt: Attempt,
        outcome: Outcome,
        new: Option<New<T>>,
    ) -> Next {
        let now = shared.clock.now();
        let settings = shared.settings();
        let next = self.with(shared, |inside| {
            let settlement =
                inside
                    .machine
                    .settle(attempt, outcome, now, &settings, shared.chance.draw());
            match settlement.instance {
                Fate::Install => {
                    self.show(shared, new.as_ref().map(|new| &new.loan));
                    inside.installed = new.map(|New { loan, digest }| Installed {
                        loan,
                        digest,
                        since: now,
                    });
                }
                Fate::Drop => self.take_down(shared, inside),
                Fate::Keep => {}
            }
            if settlement.next == Next::Leave {
                inside.machine.leave();
                self.vacate(shared, inside);
            }
            settlement.next
        });
        self.ended.notify_waiters();
        next
    }

    pub(crate) fn observe(&self, shared: &Shared<T>, change: &Change) -> Effect {
        let now = shared.clock.now();
        let settings = shared.settings();
        let effect = self.with(shared, |inside| {
            let effect = inside.machine.observe(change, now, &settings);
            if effect == Effect::Drop {
                self.take_down(shared, inside);
            }
            effect
        });
        if effect == Effect::Drop {
            self.ended.notify_waiters();
        }
        effect
    }

    pub(crate) fn invalidate(&self, shared: &Shared<T>) {
        self.with(shared, |inside| inside.machine.invalidate());
    }

    pub(crate) fn begin_era(&self, shared: &Shared<T>) {
        self.with(shared, |inside| inside.machine.begin_era());
    }

    /// Takes the slot out of service; false if a build must end first.
    pub(crate) fn retire(&self, shared: &Shared<T>) -> bool {
        let leaves = self.with(shared, |inside| {
            let leaves = inside.machine.retire();
            if leaves {
                self.vacate(shared, inside);
            }
            leaves
        });
        if leaves {
            self.ended.notify_waiters();
        }
        leaves
    }

    /// Takes the slot out of service, whatever is under way in it.
    pub(crate) fn close(&self, shared: &Shared<T>) {
        self.with(shared, |inside| {
            inside.machine.leave();
            self.take_down(shared, inside);
        });
        self.ended.notify_waiters();
    }

    pub(crate) fn look<R>(&self, look: impl FnOnce(&Machine) -> R) -> R {
        look(&self.inside().machine)
    }

    pub(crate) fn held(&self, now: Instant) -> Held {
        let inside = self.inside();
        let failure = inside.machine.failure();
        Held {
            id: self.id.clone(),
            state: inside.machine.state(),
            revision: inside
                .installed
                .as_ref()
                .map(|installed| Revision(installed.loan.generation())),
            observed: inside.machine.observed(),
            age: inside
                .installed
                .as_ref()
                .map(|installed| now.saturating_duration_since(installed.since)),
            retry_in: failure
                .as_ref()
                .map(|(_, retry_at)| retry_at.saturating_duration_since(now)),
            failure: failure.map(|(failure, _)| failure),
        }
    }

    /// Runs a step, and publishes what it means for hits before the lock is released.
    fn with<R>(&self, shared: &Shared<T>, step: impl FnOnce(&mut Inside<T>) -> R) -> R {
        let mut inside = self.inside();
        let generation = shared.generation.load(Ordering::Acquire);
        if inside.generation != generation {
            inside.machine.invalidate();
            inside.generation = generation;
        }
        // Before the step, which may begin a build: that is to know no less of the environment than it resolves in.
        let surroundings = shared.surroundings.changes();
        if !inside.machine.knows(surroundings) {
            inside.machine.learn(surroundings, shared.clock.now());
        }
        let result = step(&mut inside);
        if inside.installed.is_some() {
            let fresh_until = inside
                .machine
                .fresh_until()
                .map_or(0, |until| shared.clock.to_ms(until));
            if let Some(entry) = self.entry(&shared.index.pin()) {
                entry.publish(fresh_until, generation);
            }
        }
        result
    }

    /// Makes the index lead to an instance, or to none. Does nothing once another slot has this one's place.
    fn show(&self, shared: &Shared<T>, loan: Option<&Loan<T>>) {
        let index = shared.index.pin();
        index.compute(Key::of(&self.id), |found| match found {
            Some((_, entry)) if self.is_of(entry) => Operation::Insert(entry.replaced(loan)),
            _ => Operation::Abort(()),
        });
    }

    /// Lets go of the instance of a slot that has left, unless somebody waits for it: who has waited is not sent away.
    fn vacate(&self, shared: &Shared<T>, inside: &mut Inside<T>) {
        if inside.waiting == 0 {
            self.take_down(shared, inside);
        }
    }

    /// Lets go of the instance. Hits that found it a moment ago see that it is no longer fresh.
    fn take_down(&self, shared: &Shared<T>, inside: &mut Inside<T>) {
        if inside.installed.take().is_some() {
            self.show(shared, None);
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside<T>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Inside<T> {
    fn told(&self, answer: Answer) -> Told<T> {
        let lease = match answer {
            Answer::Serve => self
                .installed
                .as_ref()
                .map(|installed| Lease::new(installed.loan.clone())),
            _ => None,
        };
        Told { answer, lease }
    }
}

impl<T> std::fmt::Debug for Installed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Installed")
            .field("loan", &self.loan)
            .finish_non_exhaustive()
    }
}

//! Decides who stays, on a task of its own: moka keeps the order of use and picks who leaves a full cache; idle ids
//! and expired absences leave by rounds through all slots, a slice at a time.

use crate::entry::Entry;
use crate::machine::Machine;
use crate::outage::Wanted;
use crate::settings::ROUND_TICKS;
use crate::shared::Shared;
use crate::slot::Slot;
use crate::stats::Counters;
use crate::{CacheSettings, EvictionPolicy};
use hotbed_registry::Id;
use moka::notification::RemovalCause;
use moka::sync::Cache;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Interval, MissedTickBehavior};

/// Slots whose build ended that may wait for the keeper.
pub(crate) const BACKLOG: usize = 4096;
/// Slots handled before other tasks get a turn.
const SLICE: usize = 256;

/// A moka cache of slots and what it has evicted since the keeper last looked.
struct House<T> {
    members: Cache<Id, Arc<Slot<T>>>,
    evicted: Arc<Mutex<Vec<Arc<Slot<T>>>>>,
}

struct Keeper<T> {
    shared: Arc<Shared<T>>,
    /// Slots with an instance: the capacity is about these.
    live: House<T>,
    /// Slots without one. Apart, so that a flood of unknown ids evicts no instance.
    vacant: House<T>,
    /// All housed slots, in the order of the rounds.
    round: Vec<Arc<Slot<T>>>,
    next: usize,
    /// The invalidation of everything that it has caught up with.
    generation: u64,
    /// The outages whose end it has caught up with.
    outages: u64,
    /// The environments that it has caught up with.
    surroundings: u64,
    /// The settings that it goes by.
    settings: Arc<CacheSettings>,
}

pub(crate) async fn run<T: Send + Sync + 'static>(
    shared: Arc<Shared<T>>,
    mut ended: Receiver<Arc<Slot<T>>>,
) {
    let settings = shared.settings();
    let mut keeper = Keeper {
        live: House::new(settings.capacity, settings.policy),
        vacant: House::new(settings.vacancies(), EvictionPolicy::Lru),
        round: Vec::new(),
        next: 0,
        generation: 0,
        outages: 0,
        surroundings: 0,
        settings,
        shared: Arc::clone(&shared),
    };
    let mut tick = ticks(keeper.settings.tick());
    let mut batch = Vec::with_capacity(SLICE);
    loop {
        tokio::select! {
            () = shared.shutdown.cancelled() => break,
            _ = tick.tick() => {
                shared.clock.now();
                keeper.note_touches();
                if keeper.adopt_settings().await {
                    tick = ticks(keeper.settings.tick());
                }
                keeper.catch_up().await;
                keeper.go_round().await;
            }
            received = ended.recv_many(&mut batch, SLICE) => {
                if received == 0 {
                    break;
                }
                for slot in batch.drain(..) {
                    // Uses come first: they decide whom this one displaces.
                    keeper.note_touches();
                    keeper.house(slot);
                }
                keeper.evict();
                tokio::task::yield_now().await;
            }
        }
    }
    // By hand, for moka and the index free what they held in their own time, and no instance may wait for that.
    let slots: Vec<_> = shared.slots();
    for (closed, slot) in slots.iter().enumerate() {
        if closed % SLICE == SLICE - 1 {
            tokio::task::yield_now().await;
        }
        slot.close(&shared);
    }
    shared.index.pin().clear();
}

fn ticks(every: Duration) -> Interval {
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

impl<T: Send + Sync + 'static> House<T> {
    fn new(capacity: u64, policy: EvictionPolicy) -> Self {
        let evicted = Arc::new(Mutex::new(Vec::new()));
        let listener = {
            let evicted = Arc::clone(&evicted);
            move |_, slot, cause| {
                if cause == RemovalCause::Size {
                    evicted
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(slot);
                }
            }
        };
        let policy = match policy {
            EvictionPolicy::Lru => moka::policy::EvictionPolicy::lru(),
            EvictionPolicy::TinyLfu => moka::policy::EvictionPolicy::tiny_lfu(),
        };
        let members = Cache::builder()
            .max_capacity(capacity)
            .eviction_policy(policy)
            .eviction_listener(listener)
            .build();
        Self { members, evicted }
    }

    fn admit(&self, slot: &Arc<Slot<T>>) {
        self.members.insert(slot.id.clone(), Arc::clone(slot));
        self.members.run_pending_tasks();
    }

    /// Whether it is this slot, and not another one of its id, that is in here. To be looked for is a use.
    fn has(&self, slot: &Arc<Slot<T>>) -> bool {
        let member = self.members.get(&slot.id);
        member.is_some_and(|member| Arc::ptr_eq(&member, slot))
    }

    fn release(&self, slot: &Arc<Slot<T>>) {
        if self.has(slot) {
            self.members.invalidate(&slot.id);
        }
    }

    fn take_evicted(&self) -> Vec<Arc<Slot<T>>> {
        std::mem::take(&mut *self.evicted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Send + Sync + 'static> Keeper<T> {
    /// Tells moka, in the order of first use, who was used since the last time.
    fn note_touches(&self) {
        let now = self.shared.clock.coarse_ms();
        // As many as there are now: readers add more for as long as this goes on, and pay for each.
        for _ in 0..self.shared.touches.len() {
            let Some(slot) = self.shared.touches.pop() else {
                return;
            };
            self.note_use(&slot, now);
        }
    }

    fn note_use(&self, slot: &Arc<Slot<T>>, now_ms: u64) {
        if slot
            .entry(&self.shared.index.pin())
            .is_some_and(Entry::untouch)
        {
            slot.last_used_ms.store(now_ms, Ordering::Relaxed);
            // A lookup is how moka learns of a use.
            drop(self.live.members.get(&slot.id));
        }
    }

    /// Gives a slot whose build ended its place.
    fn house(&mut self, slot: Arc<Slot<T>>) {
        let (live, retired) = slot.look(|machine| (machine.is_live(), machine.is_retired()));
        if retired {
            return;
        }
        let (home, elsewhere) = if live {
            (&self.live, &self.vacant)
        } else {
            (&self.vacant, &self.live)
        };
        if home.has(&slot) {
            return;
        }
        let is_known = elsewhere.has(&slot);
        elsewhere.release(&slot);
        home.admit(&slot);
        if !is_known {
            self.round.push(slot);
        }
    }

    fn evict(&self) {
        for house in [&self.live, &self.vacant] {
            for slot in house.take_evicted() {
                if self.leave(&slot) {
                    Counters::add(&self.shared.counters.evictions);
                }
            }
        }
    }

    /// True if it is gone; one that is being built leaves when the build ends, see `build::run`.
    fn leave(&self, slot: &Arc<Slot<T>>) -> bool {
        let leaves = slot.retire(&self.shared);
        if leaves {
            self.shared.unlist(slot);
        }
        leaves
    }

    /// Goes by the settings as they are now; true if they are others than before.
    async fn adopt_settings(&mut self) -> bool {
        let settings = self.shared.settings();
        if Arc::ptr_eq(&settings, &self.settings) {
            return false;
        }
        let before = std::mem::replace(&mut self.settings, settings);
        let settings = &self.settings;
        if before.capacity != settings.capacity {
            // moka's capacity is for good: another cache is filled in the order of use, and says who is too many.
            let mut slots = self.round.clone();
            slots.sort_by_key(|slot| slot.last_used_ms.load(Ordering::Relaxed));
            self.live = House::new(settings.capacity, settings.policy);
            self.vacant = House::new(settings.vacancies(), EvictionPolicy::Lru);
            for (housed, slot) in slots.iter().enumerate() {
                if housed % SLICE == SLICE - 1 {
                    tokio::task::yield_now().await;
                }
                let house = if slot.look(Machine::is_live) {
                    &self.live
                } else {
                    &self.vacant
                };
                house.admit(slot);
            }
        }
        if settings.ttl < before.ttl {
            let latest = self.shared.clock.now() + settings.ttl;
            for (looked, slot) in self.round.iter().enumerate() {
                if looked % SLICE == SLICE - 1 {
                    tokio::task::yield_now().await;
                }
                slot.trust_until(&self.shared, latest);
            }
        }
        true
    }

    /// After everything was invalidated, or the registry was silent: has what was used lately built anew, in the order
    /// of use, and leaves the rest to those who ask for it. After the environment was replaced: has all that is installed
    /// checked.
    async fn catch_up(&mut self) {
        let shared = &self.shared;
        let generation = shared.generation.load(Ordering::Acquire);
        let outages = shared.outage.ends();
        let recovered = outages != self.outages;
        let surroundings = shared.surroundings.changes();
        let moved = surroundings != self.surroundings;
        if generation == self.generation && !recovered && !moved {
            return;
        }
        (self.generation, self.outages) = (generation, outages);
        self.surroundings = surroundings;
        let now = shared.clock.now();
        let now_ms = shared.clock.to_ms(now);
        let _hold = shared.queue.hold();
        for (looked, slot) in self.round.iter().enumerate() {
            if looked % SLICE == SLICE - 1 {
                tokio::task::yield_now().await;
            }
            self.note_use(slot, now_ms);
            if recovered {
                slot.forgive(shared);
            }
            let used_lately = slot.unused_ms(now_ms) < ms(self.settings.ttl);
            // Of what nobody uses, readers see to what they are owed; no reader sees that an environment is another.
            if used_lately && slot.is_overdue(shared, now) || moved && slot.is_misfit(shared) {
                shared.queue.push(slot);
            }
        }
    }

    /// Looks at the next part of all slots.
    async fn go_round(&mut self) {
        let part = (self.round.len() / ROUND_TICKS as usize)
            .max(SLICE)
            .min(self.round.len());
        let now = self.shared.clock.now();
        let now_ms = self.shared.clock.to_ms(now);
        let shared = Arc::clone(&self.shared);
        let settings = Arc::clone(&self.settings);
        let mut wanted = shared.outage.wanted(now);
        let (idle_ms, ttl_ms) = (ms(settings.idle), ms(settings.ttl));
        let ahead = settings.ahead(now);
        for looked in 0..part {
            if looked % SLICE == SLICE - 1 {
                tokio::task::yield_now().await;
            }
            if self.round.is_empty() {
                return;
            }
            self.next %= self.round.len();
            let slot = &self.round[self.next];
            self.note_use(slot, now_ms);
            let unused_ms = slot.unused_ms(now_ms);
            let (retired, spent, due, live) = slot.look(|machine| {
                let renews = || unused_ms < ttl_ms && machine.trust_ends_before(ahead);
                let due = match wanted {
                    Wanted::All => machine.retry_due(now) || machine.check_due() || renews(),
                    Wanted::Probe => machine.misses_registry() || renews(),
                    Wanted::None => false,
                };
                (
                    machine.is_retired(),
                    machine.is_spent(now, &settings),
                    due,
                    machine.is_live(),
                )
            });
            let idle = unused_ms > idle_ms;
            if retired || spent || idle {
                let slot = self.round.swap_remove(self.next);
                if !retired && self.leave(&slot) && idle {
                    Counters::add(&self.shared.counters.evictions);
                }
                self.live.release(&slot);
                self.vacant.release(&slot);
                continue;
            }
            if due {
                if wanted == Wanted::Probe {
                    wanted = Wanted::None;
                    // Whatever its own back-off: it is not for this id that it is tried.
                    slot.forgive(&shared);
                }
                shared.queue.push(slot);
            }
            if !live && self.live.members.contains_key(&slot.id) {
                // It lost its instance by an observation: it no longer counts against the capacity.
                let slot = Arc::clone(slot);
                self.house(slot);
            }
            self.next += 1;
        }
        self.evict();
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

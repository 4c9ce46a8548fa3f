//! Three nodes on one registry, and all that befalls them.

use crate::backend::FaultyBackend;
use crate::bus::{FaultyBus, Reception};
use crate::convergence::chaos::Chaos;
use crate::workshop::Workshop;
use crate::world::{Node, draft, name, pass};
use hotbed_cache::{CacheSettings, CachingRegistryManager, GetError};
use hotbed_events::{EventBus, MemoryBus};
use hotbed_hotreload::ReloadMode;
use hotbed_registry::{
    CollectionName, Precondition, Registry, RegistryBackend, Retention, Revision, Status,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

const NODES: u64 = 3;
const IDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
/// Longer than a read that hangs at the faults' end, and the back-off of a build after it.
const EVERY: Duration = Duration::from_secs(6);
/// For what was told to be built.
const BUILD: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    Polling,
    EventDriven,
    Hybrid,
}

impl Mode {
    pub(crate) fn of(seed: u64) -> Self {
        [Self::Polling, Self::EventDriven, Self::Hybrid][usize::try_from(seed % 3).unwrap()]
    }
}

pub(crate) struct Fleet {
    seed: u64,
    mode: Mode,
    backend: Arc<FaultyBackend>,
    members: Vec<Arc<Member>>,
    /// The faults' end.
    all_well: Instant,
    /// What readers saw that they should not have seen.
    complaints: Arc<Mutex<Vec<String>>>,
}

struct Member {
    cache: Arc<CachingRegistryManager<usize>>,
    registry: Registry,
    bus: Arc<FaultyBus>,
    mode: ReloadMode,
    /// `None` while the node is paused.
    node: Mutex<Option<Node>>,
}

impl Fleet {
    pub(crate) fn new(seed: u64, mode: Mode) -> Self {
        let began = Instant::now();
        let mut dice = Chaos::new(seed, 0, began);
        let backend_well = began + Duration::from_secs(2) + dice.time(5_000);
        // Where nothing but a gap ends the faults, the registry is well by then: the back-off of its reads is over.
        let all_well = match mode {
            Mode::EventDriven => backend_well + EVERY,
            Mode::Polling | Mode::Hybrid => backend_well,
        };
        let backend = FaultyBackend::new();
        let mut chaos = Chaos::new(seed, 1, backend_well);
        backend.rule(move |call| chaos.fault(call));
        let shared_bus = MemoryBus::new();
        let members = (0..NODES).map(|n| {
            let bus = FaultyBus::new(shared_bus.clone());
            bus.rule(Chaos::new(seed, 10 + n, all_well));
            Arc::new(Member::new(&backend, bus, mode))
        });
        Self {
            seed,
            mode,
            members: members.collect(),
            backend,
            all_well,
            complaints: Arc::default(),
        }
    }

    /// Lives through the faults.
    pub(crate) async fn suffer(&self) {
        let mut tasks = JoinSet::new();
        tasks.spawn(compact(
            Arc::clone(&self.backend),
            Chaos::new(self.seed, 2, self.all_well),
        ));
        for (n, member) in (0_u64..).zip(&self.members) {
            let chaos = |stream| Chaos::new(self.seed, stream + n, self.all_well);
            tasks.spawn(Arc::clone(member).write(chaos(20)));
            tasks.spawn(Arc::clone(member).run(chaos(30), Arc::clone(&self.backend)));
            let read = Arc::clone(member).read(chaos(40), Arc::clone(&self.complaints));
            // Not waited for: a read that hangs ends after the faults.
            drop(TaskTracker::new().spawn(read));
        }
        tasks.join_all().await;
    }

    /// Waits as long as it may take.
    pub(crate) async fn recover(&self) {
        match self.mode {
            Mode::Polling | Mode::Hybrid => tokio::time::sleep_until(self.all_well + EVERY).await,
            Mode::EventDriven => {
                for member in &self.members {
                    member.bus.rule(Reception::Welcome);
                    member.bus.gap();
                }
                // Who has no subscription gets one, and its first gap, within the longest attempt and back-off.
                let deadline = Instant::now() + Duration::from_secs(11);
                let heard = |member: &Arc<Member>| member.bus.is_heard();
                while !self.members.iter().all(heard) && Instant::now() < deadline {
                    pass(Duration::from_millis(10)).await;
                }
            }
        }
        pass(BUILD).await;
    }

    pub(crate) async fn check(&self) -> Result<(), String> {
        if let Some(complaint) = self.complaints.lock().unwrap().pop() {
            return Err(complaint);
        }
        let truth = self.backend.truth();
        let head = truth.head().await.unwrap();
        for member in &self.members {
            let freshness = member
                .node
                .lock()
                .unwrap()
                .as_ref()
                .unwrap()
                .handle
                .freshness();
            if freshness.revision != head || freshness.stale || freshness.error.is_some() {
                return Err(format!("head is {head}, but {freshness:?}"));
            }
            // Before anybody asks.
            for held in member.cache.held() {
                let stored = truth.get(&held.id).await.unwrap();
                let active = stored.filter(|found| found.status == Status::Active);
                let serves = active.map(|found| found.revision);
                if held.revision.is_some() && held.revision != serves {
                    return Err(format!(
                        "head is {head}, {serves:?} is stored, but {held:?}"
                    ));
                }
            }
            for id in IDS {
                let stored = truth.get(&name(id)).await.unwrap();
                let got = member.cache.get_or_create(id).await;
                let agree = match (&stored, &got) {
                    (None, Err(GetError::NotFound { .. })) => true,
                    (Some(found), Err(GetError::Inactive { .. })) => {
                        found.status == Status::Inactive
                    }
                    (Some(found), Ok(lease)) => {
                        found.status == Status::Active && found.revision == lease.revision()
                    }
                    _ => false,
                };
                if !agree {
                    return Err(format!("{stored:?} is stored, but {got:?}"));
                }
            }
        }
        Ok(())
    }
}

impl Member {
    fn new(backend: &Arc<FaultyBackend>, bus: Arc<FaultyBus>, mode: Mode) -> Self {
        let (as_bus, topics) = (
            bus.clone() as Arc<dyn EventBus>,
            crate::world::topic().into(),
        );
        let registry =
            Registry::builder(CollectionName::bots(), backend.clone(), as_bus.clone()).build();
        let settings = CacheSettings {
            backoff: Duration::from_millis(100),
            max_backoff: Duration::from_millis(500),
            ..CacheSettings::default()
        };
        let cache = CachingRegistryManager::builder(registry.reader(), Workshop::default());
        let cache = Arc::new(cache.settings(settings).build());
        registry.add_observer(cache.clone());
        let mode = match mode {
            Mode::Polling => ReloadMode::Polling { every: EVERY },
            Mode::EventDriven => ReloadMode::EventDriven {
                bus: as_bus,
                topics,
            },
            Mode::Hybrid => ReloadMode::Hybrid {
                bus: as_bus,
                topics,
                every: EVERY,
            },
        };
        Self {
            cache,
            registry,
            bus,
            mode,
            node: Mutex::default(),
        }
    }

    /// Writes through this node's door. What fails may or may not have happened.
    async fn write(self: Arc<Self>, mut chaos: Chaos) {
        while chaos.lasts() {
            let id = name(IDS[chaos.below(IDS.len())]);
            let (any, what) = (Precondition::Any, chaos.below(8));
            let write = async {
                match what {
                    0 => drop(self.registry.delete(&id, any).await),
                    1 => drop(self.registry.deactivate(&id, any).await),
                    2 => drop(self.registry.activate(&id, any).await),
                    _ => drop(self.registry.put(&id, draft(), any).await),
                }
            };
            drop(tokio::time::timeout(chaos.left(), write).await);
            pass(chaos.pause(600)).await;
        }
    }

    /// Keeps the loop running, cuts its subscription, and stops it for a while now and then.
    async fn run(self: Arc<Self>, mut chaos: Chaos, backend: Arc<FaultyBackend>) {
        loop {
            let node = Node::start(&backend, self.mode.clone(), vec![self.cache.clone()]);
            *self.node.lock().unwrap() = Some(node);
            loop {
                if !chaos.lasts() {
                    return;
                }
                pass(chaos.pause(1_000)).await;
                match chaos.strikes().then(|| chaos.below(4)) {
                    Some(0) => break,
                    Some(1) => self.bus.gap(),
                    Some(_) => self.bus.cut(),
                    None => {}
                }
            }
            *self.node.lock().unwrap() = None;
            pass(chaos.pause(2_000)).await;
        }
    }

    /// Reads at random, and remembers what it saw.
    async fn read(self: Arc<Self>, mut chaos: Chaos, complaints: Arc<Mutex<Vec<String>>>) {
        let mut seen = HashMap::new();
        while chaos.lasts() {
            pass(chaos.pause(400)).await;
            let id = IDS[chaos.below(IDS.len())];
            if let Ok(lease) = self.cache.get_or_create(id).await {
                let newest = seen.entry(id).or_insert(Revision::ZERO);
                if lease.revision() < *newest {
                    let complaint = format!("{id}: {} after {newest}", lease.revision());
                    complaints.lock().unwrap().push(complaint);
                }
                *newest = lease.revision();
            }
        }
    }
}

/// Forgets most of the log now and then.
async fn compact(backend: Arc<FaultyBackend>, mut chaos: Chaos) {
    while chaos.lasts() {
        pass(chaos.pause(3_000)).await;
        let keep = Retention {
            entries: chaos.below(4) as u64,
            age: Duration::MAX,
            ..Retention::default()
        };
        backend.truth().compact(keep).await.unwrap();
    }
}

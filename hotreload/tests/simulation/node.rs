//! One node: the loop as it ships, and what is built from the registry on it.

use crate::backend::Road;
use crate::bus::{Mail, Post};
use crate::callbacks::Callbacks;
use crate::census::Census;
use crate::complaints::Complaints;
use crate::dice::Dice;
use crate::mirror::Mirror;
use crate::plan::{Mode, Plan};
use crate::served::Served;
use crate::truth::Truth;
use crate::weather::{Events, Reads, Weather};
use hotbed_cache::{Chance, ConfigWatcher};
use hotbed_events::{EventBus, Topic};
use hotbed_hotreload::{Handle, HotReloadManager, ReloadMode, ReloadTarget};
use hotbed_registry::{CollectionName, Reader, Registry, RegistryBackend, Revision};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a process waits for its registry before it tries again to start.
const START: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) index: usize,
    pub(crate) mode: Mode,
    pub(crate) weather: Arc<Weather>,
    pub(crate) mail: Arc<Mail>,
    pub(crate) complaints: Arc<Complaints>,
    pub(crate) truth: Arc<Truth>,
    pub(crate) census: Arc<Census>,
    pub(crate) plan: Plan,
    road: Arc<Road>,
    starts: AtomicU64,
    /// `None` while it is not running.
    life: Mutex<Option<Arc<Life>>>,
}

/// One run of its process.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) handle: Handle,
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) callbacks: Arc<Callbacks>,
    pub(crate) served: Option<Served>,
    shutdown: CancellationToken,
}

pub(crate) fn topic() -> Topic {
    Registry::topic_of(&CollectionName::bots())
}

impl Node {
    pub(crate) fn new(
        index: usize,
        plan: &Plan,
        truth: &Arc<Truth>,
        complaints: &Arc<Complaints>,
        census: &Arc<Census>,
    ) -> Self {
        let weather = Arc::new(Weather::fair());
        let trace = complaints.shared_trace();
        let stream = |n: u64| Mutex::new(Dice::new(plan.seed, 1_000 + 10 * index as u64 + n));
        Self {
            index,
            mode: plan.modes[index],
            mail: Arc::new(Mail::new(
                index,
                plan.delay,
                &weather,
                &trace,
                census,
                stream(1),
            )),
            road: Arc::new(Road {
                node: index,
                truth: Arc::clone(truth),
                weather: Arc::clone(&weather),
                trace,
                census: Arc::clone(census),
                dice: stream(2),
                looked_at: AtomicU64::new(0),
                latency: plan.latency,
            }),
            weather,
            complaints: Arc::clone(complaints),
            truth: Arc::clone(truth),
            census: Arc::clone(census),
            plan: plan.clone(),
            starts: AtomicU64::new(0),
            life: Mutex::default(),
        }
    }

    /// The process starts: as soon as its registry answers, which it will when all is well.
    pub(crate) async fn start(&self, well: Instant) {
        self.complaints.trace().note(("start", self.index));
        let reader = || Reader::new(Arc::clone(&self.road) as Arc<dyn RegistryBackend>);
        let callbacks = Arc::new(Callbacks::new(
            self.index,
            Arc::clone(&self.truth),
            Arc::clone(&self.complaints),
            Arc::clone(&self.census),
        ));
        let watcher = loop {
            let started = {
                let callbacks = Arc::clone(&callbacks);
                ConfigWatcher::start(reader(), move |change| {
                    callbacks.call(&change);
                    std::future::ready(())
                })
            };
            match tokio::time::timeout(START, started).await {
                Ok(Ok(watcher)) => break Arc::new(watcher),
                // In hours of this nothing new happens.
                Ok(Err(_)) | Err(_) => {
                    tokio::time::sleep_until(well.max(Instant::now() + START)).await;
                }
            }
        };
        callbacks.begin(watcher.revisions());
        let mirror = Arc::new(Mirror::new(
            self.index,
            Arc::clone(&self.truth),
            Arc::clone(&self.complaints),
        ));
        let mut targets: Vec<Arc<dyn ReloadTarget>> = vec![mirror.clone(), watcher.clone()];
        let starts = self.starts.fetch_add(1, Relaxed);
        let seed = self.plan.seed ^ (starts << 32) ^ ((self.index as u64) << 48);
        let served = self.plan.serves.then(|| Served::new(reader(), seed));
        if let Some(served) = &served {
            // First, so that whatever the mirror was told it was told as well.
            targets.insert(0, served.cache.clone());
        }
        let manager = HotReloadManager::new(reader(), self.reload_mode(), targets);
        let manager = manager.with_chance(Chance::seeded(seed));
        let handle = manager.handle();
        let shutdown = CancellationToken::new();
        let tasks = TaskTracker::new();
        let weather = Arc::clone(&self.weather);
        let runs = shutdown.clone();
        tasks.spawn(async move { weather.live(manager.run(runs)).await });
        let weather = Arc::clone(&self.weather);
        let runs = shutdown.clone();
        tasks.spawn(async move { weather.live(watcher.run(runs)).await });
        *self.life.lock().unwrap() = Some(Arc::new(Life {
            handle,
            mirror,
            callbacks,
            served,
            shutdown,
        }));
    }

    /// The process ends, and with it all it knew.
    pub(crate) fn stop(&self) {
        self.complaints.trace().note(("stop", self.index));
        if let Some(life) = self.life.lock().unwrap().take() {
            life.shutdown.cancel();
        }
        self.mail.forget();
    }

    pub(crate) fn life(&self) -> Option<Arc<Life>> {
        self.life.lock().unwrap().clone()
    }

    /// Whether the loop cannot see that the registry was restored to this revision: it ends after all that the loop was
    /// told, and before what was read since without its help.
    pub(crate) fn would_miss(&self, restored: Revision) -> bool {
        let Some(life) = self.life() else {
            return false;
        };
        let fresh = life.handle.freshness();
        let told = fresh.revision.max(life.mirror.newest());
        let read = Revision(self.road.looked_at.load(Relaxed));
        fresh.confirmed_ago.is_some() && told <= restored && restored < read
    }

    pub(crate) fn set_reads(&self, reads: Reads) {
        self.complaints.trace().note(("reads", self.index, reads));
        self.weather.set_reads(reads);
    }

    pub(crate) fn set_events(&self, events: Events) {
        self.mail.turn(events);
    }

    pub(crate) fn listens(&self) -> bool {
        self.mode != Mode::Polling
    }

    fn reload_mode(&self) -> ReloadMode {
        let bus = Arc::new(Post(Arc::clone(&self.mail))) as Arc<dyn EventBus>;
        let (topics, every) = (topic().into(), self.plan.every);
        match self.mode {
            Mode::Polling => ReloadMode::Polling { every },
            Mode::EventDriven => ReloadMode::EventDriven { bus, topics },
            Mode::Hybrid => ReloadMode::Hybrid { bus, topics, every },
        }
    }
}

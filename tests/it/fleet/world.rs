use super::lane::Lane;
use super::record::{Process, Recorder, Span, Trouble};
use super::schedule::{NODES, Schedule};
use super::setup::{BusKind, RegistryKind, Setup};
use super::timing::POLL;
use crate::harness::{Launch, Node};
use futures::future::join_all;
use hotbed_testkit::{Database, FakeClock};
use nix::sys::signal::Signal;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

const NAMES: [&str; NODES] = ["a", "b", "c"];

/// A fleet, its servers, and what is noted of it.
#[derive(Debug)]
pub(super) struct World<'a> {
    pub(super) setup: Setup,
    pub(super) lane: &'a Lane,
    pub(super) recorder: Recorder,
    pub(super) launch: Launch,
    database: Option<Database>,
    members: Vec<Member>,
    began: Instant,
    /// How late the latest wake-up was, in microseconds.
    latest: AtomicU64,
}

/// A node through all its lives.
#[derive(Debug)]
struct Member {
    launch: Launch,
    clock: Option<FakeClock>,
    starts: AtomicUsize,
    running: Mutex<Option<Running>>,
}

/// A node process that takes requests.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) process: Process,
    pub(super) node: Arc<Node>,
}

impl<'a> World<'a> {
    /// Starts a fleet that serves nothing yet.
    pub(super) async fn start(lane: &'a Lane, schedule: &Schedule) -> Self {
        lane.clear();
        let setup = schedule.seed.setup;
        let launch = Launch::new().polling(POLL).arg("--reload", setup.mode());
        let database = match setup.registry {
            RegistryKind::Sqlite => None,
            RegistryKind::Postgres => {
                let server = Arc::clone(&lane.postgres.server);
                let made = spawn_blocking(move || server.database()).await;
                Some(made.expect("a database is made"))
            }
        };
        let member = |node: usize| Member::new(&launch, lane, database.as_ref(), node, schedule);
        let mut world = Self {
            setup,
            lane,
            recorder: Recorder::default(),
            members: (0..NODES).map(member).collect(),
            launch,
            database: database.clone(),
            began: Instant::now(),
            latest: AtomicU64::new(0),
        };
        // One first: it makes the tables.
        world.start_node(0).await;
        join_all((1..NODES).map(|node| world.start_node(node))).await;
        world.began = Instant::now();
        world
    }

    /// The database of the registry, where it is PostgreSQL.
    pub(super) fn database(&self) -> &Database {
        self.database.as_ref().expect("its registry is PostgreSQL")
    }

    /// The time since the fleet began to serve.
    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) async fn until(&self, time: Duration) {
        tokio::time::sleep_until(self.began + time).await;
    }

    /// Watches how busy the machine is, for ever.
    pub(super) async fn watch_machine(&self) {
        const PAUSE: Duration = Duration::from_millis(10);
        loop {
            let due = Instant::now() + PAUSE;
            tokio::time::sleep_until(due).await;
            let late = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.latest.fetch_max(late, Ordering::Relaxed);
        }
    }

    /// How late the latest wake-up of this process was.
    pub(super) fn latest(&self) -> Duration {
        Duration::from_micros(self.latest.load(Ordering::Relaxed))
    }

    /// The process of a node that takes requests now.
    pub(super) fn running(&self, node: usize) -> Option<Running> {
        let running = &self.members[node].running;
        let running = running.lock().unwrap_or_else(PoisonError::into_inner);
        running.clone()
    }

    /// Starts a node, again and again until it is ready: whoever starts it while the registry is down has to.
    pub(super) async fn start_node(&self, node: usize) {
        let member = &self.members[node];
        let running = loop {
            let process = Process {
                node,
                start: member.starts.fetch_add(1, Ordering::Relaxed),
            };
            match member.launch.try_start().await {
                Ok(node) => {
                    break Running {
                        process,
                        node: Arc::new(node),
                    };
                }
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        };
        member.set(Some(running));
    }

    /// Ends a node's process at once. Answers since when it is gone.
    pub(super) fn kill_node(&self, node: usize) -> Duration {
        let since = self.now();
        let killed = self.running(node);
        self.members[node].set(None);
        if let Some(Running { node, .. }) = killed {
            node.signal(Signal::SIGKILL);
        }
        since
    }

    pub(super) fn signal(&self, node: usize, signal: Signal) {
        if let Some(running) = self.running(node) {
            running.node.signal(signal);
        }
    }

    pub(super) fn clock(&self, node: usize) -> &FakeClock {
        let clock = &self.members[node].clock;
        clock.as_ref().expect("the schedule moves clocks")
    }

    /// From then until now a node was in trouble.
    pub(super) fn had_trouble(&self, node: usize, trouble: Trouble, from: Duration) {
        self.was_in_trouble(node, trouble, from, self.now());
    }

    pub(super) fn was_in_trouble(
        &self,
        node: usize,
        trouble: Trouble,
        from: Duration,
        to: Duration,
    ) {
        let span = Span { from, to };
        self.recorder
            .note(|record| record.troubles.push((node, trouble, span)));
    }
}

impl Member {
    fn new(
        launch: &Launch,
        lane: &Lane,
        database: Option<&Database>,
        node: usize,
        schedule: &Schedule,
    ) -> Self {
        let name = NAMES[node];
        let mut launch = launch.named(name).arg("--node-id", name);
        if let Some(database) = database {
            let url = database.tcp_url_through(lane.postgres.links[node].port());
            launch = launch.arg("--registry", url);
        }
        let bus = schedule.seed.setup.bus;
        if let Some(link) = lane.bus_links(bus).get(node) {
            let port = link.port();
            let url = match bus {
                BusKind::Memory => unreachable!("no network leads to it"),
                BusKind::Redis => format!("redis://127.0.0.1:{port}"),
                BusKind::Nats => format!("nats://127.0.0.1:{port}"),
                BusKind::Postgres => {
                    let database = database.expect("it is the registry's");
                    database.tcp_url_through(port)
                }
            };
            launch = launch.arg("--bus", url);
        }
        let clock = schedule
            .moves_clocks()
            .then(|| FakeClock::kept_in(&launch.home().join(format!("clock-{name}"))));
        for (variable, value) in clock.iter().flat_map(FakeClock::environment) {
            launch = launch.env(variable, value);
        }
        Self {
            launch,
            clock,
            starts: AtomicUsize::new(0),
            running: Mutex::new(None),
        }
    }

    fn set(&self, running: Option<Running>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }
}

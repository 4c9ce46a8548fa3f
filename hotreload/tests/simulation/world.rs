//! One world: a registry, a fleet, and what befalls them from a seed.

use crate::census::Census;
use crate::complaints::Complaints;
use crate::dice::{Dice, millis};
use crate::node::{Node, topic};
use crate::plan::{Mode, Plan};
use crate::served;
use crate::storm;
use crate::trace::Trace;
use crate::truth::Truth;
use hotbed_registry::{Change, Status, event_from_change};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// A callback may wait for a read that hangs, and then for its retry.
const CALLBACK: Duration = Duration::from_millis(6_100);

/// Readers of each node that serves.
const READERS: u64 = 3;
/// When everybody is looked at after the faults' end, before they must be well.
const MOMENTS_MS: [u64; 3] = [40, 250, 900];
/// For the builds of what was told last, and for a probe of a registry that did not answer.
const BUILD: Duration = Duration::from_secs(1);
/// How long a node may wait until it believes that the registry has less than its events told.
const DOUBT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) truth: Arc<Truth>,
    pub(crate) nodes: Vec<Arc<Node>>,
    pub(crate) census: Arc<Census>,
    complaints: Arc<Complaints>,
}

/// How a world went.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) digest: u64,
    pub(crate) complaint: Option<String>,
}

/// Lives through the world of a seed, on a thread and a clock of its own.
pub(crate) fn run(seed: u64, is_loud: bool, census: &Census) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = Arc::new(World::new(Plan::new(seed), is_loud));
        world.live().await;
        census.absorb(&world.census);
        let trace = world.complaints.trace();
        Report {
            digest: trace.digest(),
            complaint: world.complaints.first(),
        }
    })
}

impl World {
    fn new(plan: Plan, is_loud: bool) -> Self {
        let trace = Arc::new(Trace::new(is_loud));
        trace.note(("plan", format!("{plan:?}")));
        let (truth, census) = (Arc::new(Truth::new(Arc::clone(&trace))), Arc::default());
        let complaints = Arc::new(Complaints::new(trace));
        let nodes = (0..plan.modes.len())
            .map(|index| Arc::new(Node::new(index, &plan, &truth, &complaints, &census)))
            .collect();
        Self {
            plan,
            truth,
            nodes,
            census,
            complaints,
        }
    }

    async fn live(self: &Arc<Self>) {
        let began = Instant::now();
        for node in &self.nodes {
            node.start(began).await;
        }
        let mut readers = JoinSet::new();
        if self.plan.serves {
            for node in &self.nodes {
                for reader in 0..READERS {
                    let dice =
                        Dice::new(self.plan.seed, 300 + READERS * node.index as u64 + reader);
                    readers.spawn(served::read(Arc::clone(node), dice));
                }
            }
        }
        for n in 0..self.plan.storms {
            let mut dice = Dice::new(self.plan.seed, 200 + n);
            if dice.percent(50) {
                self.truth.back_up();
            }
            storm::rage(self, n).await;
            let doubt = if dice.percent(20) && self.is_restorable() {
                self.truth.restore();
                // Who restores a registry restarts its bus: nobody hears of what was restored away.
                self.nodes.iter().for_each(|node| node.mail.restart());
                self.census.note("restores");
                DOUBT
            } else {
                Duration::ZERO
            };
            self.recover(doubt).await;
            if self.complaints.first().is_some() {
                break;
            }
            self.rest(&mut dice).await;
        }
        self.census.note("worlds");
        let lived = millis(began.elapsed());
        for node in &self.nodes {
            self.census.add("node milliseconds", lived);
            let kind = match (node.mode, self.plan.is_slow()) {
                (Mode::EventDriven, _) => "node milliseconds by events alone",
                (_, true) => "node milliseconds of slow polling",
                (_, false) => "node milliseconds of fast polling",
            };
            self.census.add(kind, lived);
        }
    }

    fn is_restorable(&self) -> bool {
        let backup = self.truth.backup_head();
        backup < self.truth.head() && !self.nodes.iter().any(|node| node.would_miss(backup))
    }

    /// From the faults' end on, nobody writes until everybody is there.
    async fn recover(&self, doubt: Duration) {
        let well = Instant::now();
        self.complaints.trace().note("all is well");
        for node in &self.nodes {
            if node.mode == Mode::EventDriven {
                node.mail.gap();
            }
        }
        for moment in MOMENTS_MS {
            tokio::time::sleep_until(well + Duration::from_millis(moment)).await;
            for node in &self.nodes {
                node.inspect();
            }
        }
        self.await_each(
            well,
            |node| self.plan.recovery(node.mode) + doubt,
            Node::must_be_there,
        )
        .await;
        self.await_each(
            well,
            |node| self.plan.recovery(node.mode).max(CALLBACK) + doubt + Duration::from_secs(1),
            Node::must_have_called_back,
        )
        .await;
        tokio::time::sleep(BUILD).await;
        for node in &self.nodes {
            node.must_serve_what_is_stored().await;
            node.weather.set_deceived(false);
        }
    }

    /// Time without faults, and a few writes.
    async fn rest(&self, dice: &mut Dice) {
        let calm = self.plan.every * self.plan.calm_polls;
        let writes = dice.pick(&[1_u32, 2, 3, 4]);
        for _ in 0..writes {
            tokio::time::sleep(calm / writes).await;
            for node in &self.nodes {
                node.inspect();
            }
            self.write_once(dice);
            self.await_each(
                Instant::now(),
                |node| self.plan.propagation(node.mode),
                Node::must_be_there,
            )
            .await;
        }
    }

    /// Checks each node when its time has come.
    async fn await_each(
        &self,
        from: Instant,
        after: impl Fn(&Node) -> Duration,
        check: impl Fn(&Node),
    ) {
        let mut nodes: Vec<_> = self.nodes.iter().collect();
        nodes.sort_by_key(|node| after(node));
        for node in nodes {
            tokio::time::sleep_until(from + after(node)).await;
            node.inspect();
            check(node);
        }
    }

    /// Writes until the end of a storm, now and then more than one page of the log at once.
    pub(crate) async fn write(self: Arc<Self>, mut dice: Dice, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        let pause = left / u32::try_from(dice.between(3, 60)).unwrap();
        loop {
            let wait = dice.time(pause * 2).max(Duration::from_millis(1));
            tokio::time::sleep_until((Instant::now() + wait).min(until)).await;
            if Instant::now() >= until {
                return;
            }
            let burst = match dice.below(400) {
                0 => 1_100,
                1..=20 => 40,
                21..=80 => 3,
                _ => 1,
            };
            for _ in 0..burst {
                self.write_once(&mut dice);
            }
        }
    }

    fn write_once(&self, dice: &mut Dice) {
        let id = self.plan.any_id(dice);
        let written = match dice.below(10) {
            0..=2 => self.truth.delete(&id),
            3 => Some(self.truth.put(&id, Status::Inactive)),
            _ => Some(self.truth.put(&id, Status::Active)),
        };
        let Some(change) = written else {
            return;
        };
        self.census.note("writes");
        self.publish(&change, dice.percent(5));
    }

    /// Tells everybody of a change; `bare` as those do who know no revisions.
    fn publish(&self, change: &Change, bare: bool) {
        let mut event = event_from_change(change, topic());
        if bare {
            event.payload.remove("revision");
        }
        let event = Arc::new(event);
        for node in self.nodes.iter().filter(|node| node.listens()) {
            node.mail.send(&event);
        }
    }
}

//! All that befalls a fleet for a while: each part on a lane of its own, until the end.

use crate::dice::Dice;
use crate::node::Node;
use crate::plan::Plan;
use crate::weather::{Events, Reads};
use crate::world::World;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

const MOMENT: Duration = Duration::from_millis(100);
/// What makes a node try again every few seconds lasts this long at most: in hours of it nothing new happens.
const TRYING: Duration = Duration::from_mins(1);
/// How late an event comes at most.
const LATE: Duration = Duration::from_secs(3);
/// How late an answer comes at most: later than anybody waits.
const SLOW: Duration = Duration::from_secs(4);

/// Lives through a storm. When this returns, all faults have ended and every process runs.
pub(crate) async fn rage(world: &Arc<World>, n: u64) {
    let plan = &world.plan;
    let mut dice = Dice::new(plan.seed, 100 + n);
    let until = Instant::now() + dice.span(plan.every / 2, plan.every * 4).max(MOMENT * 50);
    let stream = |lane: u64| Dice::new(plan.seed, 10_000 * (n + 1) + lane);
    let mut lanes = JoinSet::new();
    lanes.spawn(Arc::clone(world).write(stream(1), until));
    lanes.spawn(compact(Arc::clone(world), stream(2), until));
    lanes.spawn(outages(Arc::clone(world), stream(3), until));
    lanes.spawn(look(Arc::clone(world), stream(4), until));
    for node in &world.nodes {
        let lane = 100 + 10 * node.index as u64;
        lanes.spawn(registry(Arc::clone(node), stream(lane), until));
        lanes.spawn(life(Arc::clone(node), stream(lane + 1), until));
        if node.listens() {
            lanes.spawn(bus(Arc::clone(node), stream(lane + 2), until));
        }
    }
    lanes.join_all().await;
}

/// Waits for the next fault; `None` if the storm ends before.
async fn lull(dice: &mut Dice, plan: &Plan, until: Instant) -> Option<()> {
    let wait = dice.span(MOMENT, plan.every.max(MOMENT * 10));
    tokio::time::sleep_until((Instant::now() + wait).min(until)).await;
    (Instant::now() < until).then_some(())
}

/// Lets a fault last.
async fn last(dice: &mut Dice, most: Duration, until: Instant) {
    let time = dice.span(MOMENT, most.max(MOMENT * 2));
    tokio::time::sleep_until((Instant::now() + time).min(until)).await;
}

fn longest(plan: &Plan) -> Duration {
    plan.every * 3
}

async fn registry(node: Arc<Node>, mut dice: Dice, until: Instant) {
    while lull(&mut dice, &node.plan, until).await.is_some() {
        let late = dice.span(MOMENT, SLOW);
        let reads = dice.pick(&[
            Reads::Fail,
            Reads::Hang,
            Reads::Slow(late),
            Reads::Mixed(late),
            Reads::Mixed(late),
        ]);
        node.census.note("faults of reads");
        node.set_reads(reads);
        let most = if node.listens() {
            longest(&node.plan).min(TRYING)
        } else {
            longest(&node.plan)
        };
        last(&mut dice, most, until).await;
        node.set_reads(Reads::Well);
    }
}

async fn bus(node: Arc<Node>, mut dice: Dice, until: Instant) {
    while lull(&mut dice, &node.plan, until).await.is_some() {
        let events = dice.pick(&[
            Events::Shuffled(LATE),
            Events::Repeated,
            Events::Gappy,
            Events::Swallowed,
            Events::Down,
            Events::Refused,
            Events::Unanswered,
            Events::Ending,
        ]);
        node.census.note("faults of events");
        node.set_events(events);
        let most = if events.cuts() || events == Events::Down {
            longest(&node.plan).min(TRYING)
        } else {
            longest(&node.plan)
        };
        last(&mut dice, most, until).await;
        node.set_events(Events::Well);
    }
}

/// Stops the process for a while, or ends it and starts another.
async fn life(node: Arc<Node>, mut dice: Dice, until: Instant) {
    while lull(&mut dice, &node.plan, until).await.is_some() {
        if dice.percent(50) {
            node.census.note("freezes");
            node.complaints.trace().note(("freeze", node.index));
            node.weather.freeze();
            last(&mut dice, longest(&node.plan), until).await;
            node.complaints.trace().note(("thaw", node.index));
            node.weather.thaw();
        } else if dice.percent(30) {
            node.census.note("restarts");
            node.stop();
            last(&mut dice, longest(&node.plan), until).await;
            node.start(until).await;
        }
    }
}

/// The registry is out of reach for everybody.
async fn outages(world: Arc<World>, mut dice: Dice, until: Instant) {
    while lull(&mut dice, &world.plan, until).await.is_some() {
        if dice.percent(30) {
            world.census.note("outages");
            let reads = dice.pick(&[Reads::Fail, Reads::Hang]);
            for node in &world.nodes {
                node.set_reads(reads);
            }
            last(&mut dice, longest(&world.plan).min(TRYING), until).await;
            for node in &world.nodes {
                node.set_reads(Reads::Well);
            }
        }
    }
}

async fn compact(world: Arc<World>, mut dice: Dice, until: Instant) {
    while lull(&mut dice, &world.plan, until).await.is_some() {
        if dice.percent(15) {
            world.truth.back_up();
        }
        world.census.note("compactions");
        world.truth.compact(usize::try_from(dice.below(5)).unwrap());
    }
}

async fn look(world: Arc<World>, mut dice: Dice, until: Instant) {
    while lull(&mut dice, &world.plan, until).await.is_some() {
        for node in &world.nodes {
            node.inspect();
        }
    }
}

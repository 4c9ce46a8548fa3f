//! Bringing about what a schedule says.

use super::echoes::repeat;
use super::record::Trouble;
use super::schedule::{Breakage, End, Fault, NODES, Schedule, What};
use super::setup::BusKind;
use super::world::World;
use crate::harness::{RegistryLock, WriteLock};
use futures::future::join_all;
use hotbed_testkit::{FaultProxy, NatsServer, NetworkFault, PostgresServer, RedisServer};
use nix::sys::signal::Signal;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// Between two cuts of a network that resets connections.
const RESETS: Duration = Duration::from_millis(60);

/// Brings about every fault, and returns when the last one has ended: networks are mended, servers answer, nodes run.
pub(super) async fn bring_about(world: &World<'_>, schedule: &Schedule) {
    let turns = schedule.by_target().map(async |faults| {
        for fault in faults {
            one(world, fault).await;
        }
    });
    join_all(turns).await;
}

async fn one(world: &World<'_>, fault: &Fault) {
    world.until(fault.at).await;
    match fault.what {
        What::Kill { node } => {
            let since = world.kill_node(node);
            sleep(fault.lasts).await;
            world.start_node(node).await;
            world.had_trouble(node, Trouble::Down, since);
        }
        What::Pause { node } => {
            let since = world.now();
            world.signal(node, Signal::SIGSTOP);
            sleep(fault.lasts).await;
            world.signal(node, Signal::SIGCONT);
            world.had_trouble(node, Trouble::Down, since);
        }
        What::ClockJump { node, seconds } => {
            world.clock(node).jump(seconds);
            sleep(fault.lasts).await;
            world.clock(node).jump(0);
        }
        What::RegistryLink { node, how } => {
            let link = &world.lane.postgres.links[node];
            let since = world.now();
            break_for(link, how, fault.lasts).await;
            if matches!(how, Breakage::Cut | Breakage::Silence | Breakage::Hold) {
                let until = since + fault.lasts;
                world.was_in_trouble(node, Trouble::CutOff, since, until);
            }
        }
        What::RegistryServer { how } => {
            let server = &world.lane.postgres.server;
            with(server, move |server| server.end(how)).await;
            let since = world.now();
            sleep(fault.lasts).await;
            let until = world.now();
            with(server, PostgresServer::resume).await;
            for node in 0..NODES {
                world.was_in_trouble(node, Trouble::CutOff, since, until);
            }
        }
        What::BusLink { node, how } => {
            let links = world.lane.bus_links(world.setup.bus);
            break_for(&links[node], how, fault.lasts).await;
        }
        What::BusServer { how } => match world.setup.bus {
            BusKind::Redis => restart(&world.lane.redis.server, how, fault.lasts).await,
            BusKind::Nats => restart(&world.lane.nats.server, how, fault.lasts).await,
            BusKind::Memory | BusKind::Postgres => unreachable!("it has no server of its own"),
        },
        What::Echoes => {
            let chance = SmallRng::seed_from_u64(fault.at.subsec_nanos().into());
            Box::pin(repeat(world, fault.lasts, chance)).await;
        }
        What::RegistryLock { all: true } => {
            let lock = RegistryLock::take(&world.launch.registry()).await;
            let since = world.now();
            sleep(fault.lasts).await;
            for node in 0..NODES {
                world.had_trouble(node, Trouble::CutOff, since);
            }
            drop(lock);
        }
        What::RegistryLock { all: false } => {
            let lock = WriteLock::take(&world.launch.registry()).await;
            sleep(fault.lasts).await;
            drop(lock);
        }
    }
}

async fn restart<S: Ends>(server: &Arc<S>, how: End, lasts: Duration) {
    with(server, move |server| server.end(how)).await;
    sleep(lasts).await;
    with(server, S::begin).await;
}

/// A server that can be ended and started again, which blocks the thread.
trait Ends: Send + Sync + 'static {
    fn end(&self, how: End);
    fn begin(&self);
}

macro_rules! ends {
    ($($server:ty),*) => {$(
        impl Ends for $server {
            fn end(&self, how: End) {
                match how {
                    End::Stopped => self.stop(),
                    End::Killed => self.kill(),
                }
            }

            fn begin(&self) {
                self.resume();
            }
        }
    )*};
}

ends!(PostgresServer, RedisServer, NatsServer);

/// Has something done to a server that blocks a thread.
async fn with<S: Send + Sync + 'static>(server: &Arc<S>, work: impl FnOnce(&S) + Send + 'static) {
    let server = Arc::clone(server);
    let done = spawn_blocking(move || work(&server)).await;
    done.expect("the server does as it is told");
}

async fn break_for(link: &FaultProxy, how: Breakage, lasts: Duration) {
    match how {
        Breakage::Cut => {
            link.set(NetworkFault::Refuse);
            link.cut();
            sleep(lasts).await;
        }
        Breakage::Reset => {
            let mut left = lasts;
            while !left.is_zero() {
                link.reset();
                let pause = RESETS.min(left);
                sleep(pause).await;
                left -= pause;
            }
        }
        Breakage::Silence => {
            link.set(NetworkFault::Silence);
            sleep(lasts).await;
            // No network loses what is in the middle of a connection and carries what comes after.
            link.cut();
        }
        Breakage::Hold => {
            link.set(NetworkFault::Hold);
            sleep(lasts).await;
        }
        Breakage::Delay(millis) => {
            link.set(NetworkFault::Delay(Duration::from_millis(millis)));
            sleep(lasts).await;
        }
    }
    link.set(NetworkFault::None);
}

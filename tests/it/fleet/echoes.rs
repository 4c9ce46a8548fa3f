//! What a bus carries, told again: later, more than once, and in another order.

mod nats;
mod postgres;
mod redis;

use super::setup::BusKind;
use super::world::World;
use nats::Nats;
use postgres::Postgres;
use rand::RngExt;
use rand::rngs::SmallRng;
use redis::Redis;
use std::cell::RefCell;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How much later something is told again, at most.
const LATEST: Duration = Duration::from_millis(700);
/// Between two looks at what is due.
const PAUSE: Duration = Duration::from_millis(5);

/// Something that a bus carried.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Message {
    channel: String,
    bytes: Vec<u8>,
}

/// A client of a bus that knows nothing of events.
enum Client {
    Redis(Redis),
    Postgres(Postgres),
    Nats(Nats),
}

impl Client {
    async fn connect(world: &World<'_>) -> anyhow::Result<Self> {
        let lane = world.lane;
        Ok(match world.setup.bus {
            BusKind::Memory => unreachable!("nothing leaves the process"),
            BusKind::Redis => Self::Redis(Redis::connect(lane.redis.server.port()).await?),
            BusKind::Nats => Self::Nats(Nats::connect(lane.nats.server.port()).await?),
            BusKind::Postgres => Self::Postgres(Postgres::connect(&world.database().url()).await?),
        })
    }

    /// The next message. Not cancel-safe.
    async fn next(&mut self) -> anyhow::Result<Message> {
        match self {
            Self::Redis(redis) => redis.next().await,
            Self::Postgres(postgres) => postgres.next().await,
            Self::Nats(nats) => nats.next().await,
        }
    }

    async fn publish(&mut self, message: &Message) -> anyhow::Result<()> {
        match self {
            Self::Redis(redis) => redis.publish(message).await,
            Self::Postgres(postgres) => postgres.publish(message).await,
            Self::Nats(nats) => nats.publish(message).await,
        }
    }
}

/// Tells everything again for so long, as far as the bus can be reached.
pub(super) async fn repeat(world: &World<'_>, lasts: Duration, chance: SmallRng) {
    let (heard, chance) = (RefCell::new(Vec::new()), RefCell::new(chance));
    let listening = again_and_again(async || listen(world, &heard, &chance).await);
    let speaking = again_and_again(async || speak(world, &heard).await);
    // It ends by this.
    let both = async { tokio::join!(listening, speaking) };
    drop(Box::pin(timeout(lasts, both)).await);
}

/// A bus is down now and then.
async fn again_and_again(work: impl AsyncFn() -> anyhow::Result<()>) {
    loop {
        drop(work().await);
        sleep(10 * PAUSE).await;
    }
}

async fn listen(
    world: &World<'_>,
    due: &RefCell<Vec<(Instant, Message)>>,
    chance: &RefCell<SmallRng>,
) -> anyhow::Result<()> {
    let mut client = Client::connect(world).await?;
    // What was told again is heard again.
    let mut known = HashSet::new();
    loop {
        let message = client.next().await?;
        if !known.insert(message.clone()) {
            continue;
        }
        let mut chance = chance.borrow_mut();
        for _ in 0..chance.random_range(1..=2) {
            let when = Instant::now() + LATEST.mul_f64(chance.random());
            due.borrow_mut().push((when, message.clone()));
        }
    }
}

async fn speak(world: &World<'_>, due: &RefCell<Vec<(Instant, Message)>>) -> anyhow::Result<()> {
    let mut client = Client::connect(world).await?;
    loop {
        let now = Instant::now();
        let ripe: Vec<_> = due
            .borrow_mut()
            .extract_if(.., |(when, _)| *when <= now)
            .collect();
        for (_, message) in ripe {
            client.publish(&message).await?;
        }
        sleep(PAUSE).await;
    }
}

use super::ask::{Asked, ask};
use super::writers::Ids;
use crate::fleet::record::{How, Look, Seen, Span};
use crate::fleet::world::{Running, World};
use rand::RngExt;
use rand::rngs::SmallRng;
use reqwest::Method;
use std::time::Duration;
use tokio::time::sleep;

/// Longer than a node takes to give up on a registry that does not answer.
const PATIENCE: Duration = Duration::from_secs(9);
const PAUSE: std::ops::Range<u64> = 5..40;
/// Between two looks at how a node is.
const LOOK: Duration = Duration::from_millis(70);

/// Asks bots of a node, for ever.
pub(in crate::fleet) async fn read_chats(
    world: &World<'_>,
    node: usize,
    ids: &Ids,
    chance: SmallRng,
) {
    read(world, node, ids, chance, How::Chat, false).await;
}

/// Reads registrations of a node, for ever.
pub(in crate::fleet) async fn read_stored(
    world: &World<'_>,
    node: usize,
    ids: &Ids,
    chance: SmallRng,
) {
    read(world, node, ids, chance, How::Stored, false).await;
}

/// Asks bots of a node for what was acknowledged elsewhere, for ever.
pub(in crate::fleet) async fn read_demands(
    world: &World<'_>,
    node: usize,
    ids: &Ids,
    chance: SmallRng,
) {
    read(world, node, ids, chance, How::Chat, true).await;
}

async fn read(
    world: &World<'_>,
    node: usize,
    ids: &Ids,
    mut chance: SmallRng,
    how: How,
    demands: bool,
) {
    loop {
        sleep(Duration::from_millis(chance.random_range(PAUSE))).await;
        let Some(running) = world.running(node) else {
            continue;
        };
        let id = ids.any(&mut chance);
        let acknowledged = ids.acknowledged(id);
        let asked = Asked {
            how,
            id: id.to_owned(),
            min_revision: acknowledged.filter(|_| demands),
            patience: PATIENCE,
        };
        let read = ask(world, &running, &asked).await;
        // What is not answered because the process is gone says nothing.
        if running.process.is_running(world) || !matches!(read.seen, Seen::Unanswered(_)) {
            world.recorder.note(|record| record.reads.push(read));
        }
    }
}

/// Asks a node how it is, for ever.
pub(in crate::fleet) async fn watch_health(world: &World<'_>, node: usize) {
    loop {
        sleep(LOOK).await;
        let Some(running) = world.running(node) else {
            continue;
        };
        if let Some(look) = look(world, &running).await {
            world.recorder.note(|record| record.looks.push(look));
        }
    }
}

async fn look(world: &World<'_>, running: &Running) -> Option<Look> {
    let Running { process, node } = running;
    let from = world.now();
    let request = node.request(Method::GET, "/api/v1/health");
    let answer = node.try_send(request.timeout(PATIENCE)).await.ok()?;
    let span = Span {
        from,
        to: world.now(),
    };
    let health = answer.json();
    Some(Look {
        process: *process,
        span,
        stale: health["freshness"]["stale"].as_bool()?,
    })
}

//! Whether every node is at the head, in time.

use super::record::{Entry, How, Seen};
use super::schedule::NODES;
use super::timing::convergence;
use super::workload::{Asked, ask};
use super::world::World;
use futures::future::join_all;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

/// How long is waited for one who is late already, to tell late from never.
const LATE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(15);

/// Waits until every node serves what the log says. Called when the last fault is over and nobody writes any more; what
/// was written and not answered may still be done, and then the time begins anew.
pub(super) async fn converge(world: &World<'_>) {
    let (mut log, mut since) = (Vec::new(), world.now());
    let mut late = None;
    loop {
        if read_on(world, &mut log).await {
            since = world.now();
        }
        let nodes = (0..NODES).map(|node| differences(world, node, &log));
        let wrong: Vec<String> = join_all(nodes).await.into_iter().flatten().collect();
        let took = world.now().saturating_sub(since);
        if wrong.is_empty() {
            if let Some(late) = late {
                note(world, format!("in the end after {took:?}; {late}"));
            }
            return;
        }
        if took > LATE {
            note(world, format!("never; {wrong:?}"));
            return;
        }
        if took > convergence(world.setup.mode, world.latest()) && late.is_none() {
            late = Some(format!("after {took:?} {wrong:?}"));
        }
        sleep(PAUSE).await;
    }
}

/// Notes the whole log. Called when nobody reads any more either.
pub(super) async fn note_log(world: &World<'_>) {
    let mut log = Vec::new();
    read_on(world, &mut log).await;
    world.recorder.note(|record| record.log = log);
}

fn note(world: &World<'_>, lag: String) {
    world.recorder.note(|record| record.laggards.push(lag));
}

/// Where a node serves something else than the log says.
async fn differences(world: &World<'_>, node: usize, log: &[Entry]) -> Vec<String> {
    let heads: BTreeMap<&str, &Entry> = log.iter().map(|it| (it.id.as_str(), it)).collect();
    let running = world.running(node).expect("every fault is over");
    let mut wrong = Vec::new();
    for entry in heads.into_values() {
        let asked = Asked {
            how: How::Chat,
            id: entry.id.clone(),
            min_revision: None,
            patience: LATE,
        };
        let read = ask(world, &running, &asked).await;
        let right = match &read.seen {
            Seen::Gone => entry.deleted,
            Seen::At { revision, .. } => !entry.deleted && *revision == entry.revision,
            _ => false,
        };
        if !right {
            wrong.push(format!("{entry:?} but {read}"));
        }
        world.recorder.note(|record| record.reads.push(read));
    }
    wrong
}

/// Reads the rest of the log; whether there was any.
async fn read_on(world: &World<'_>, log: &mut Vec<Entry>) -> bool {
    let node = world.running(0).expect("every fault is over").node;
    let before = log.len();
    loop {
        let after = log.last().map_or(0, |entry: &Entry| entry.revision);
        let answer = node.get(&format!("/api/v1/changes?after={after}")).await;
        if answer.status == 503 {
            sleep(PAUSE).await;
            continue;
        }
        let page = answer.expect(200).json();
        let changes = page["changes"].as_array().unwrap();
        log.extend(changes.iter().map(entry));
        if page["next"] == page["head"] {
            return log.len() > before;
        }
    }
}

fn entry(change: &Value) -> Entry {
    Entry {
        revision: change["revision"].as_u64().unwrap(),
        id: change["id"].as_str().unwrap().to_owned(),
        deleted: change["kind"] == "deleted",
    }
}

//! Loads and unloads through the desk, again and again: in a process of its own, for what is measured is its memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../desk/backend.rs"]
#[expect(dead_code, reason = "it is made for another test")]
mod backend;
#[path = "../desk/node.rs"]
#[expect(dead_code, reason = "it is made for another test")]
mod node;
#[path = "../desk/shop.rs"]
#[expect(dead_code, reason = "it is made for another test")]
mod shop;

use hotbed_mods::{Cascade, EventName, ModEvent, ModHost, Outcome};
use hotbed_registry::{ChangeNote, HistoryRetention, Precondition, RegistryBackend, Retention};
use hotbed_testkit::sized;
use node::{Fleet, beside, eventually};
use serde_json::{Map, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Asks a mod all the time, and counts. No event may fail; one that is not there may not answer.
fn ask(host: &ModHost, over: &Arc<AtomicBool>, name: &'static str) -> JoinHandle<u64> {
    let (host, over) = (host.clone(), Arc::clone(over));
    beside(async move {
        let mut answered = 0;
        while !over.load(SeqCst) {
            let event = EventName::new(&format!("to_{name}.ping")).unwrap();
            let event = ModEvent::new(event, "alice", Map::new());
            let dispatched = host.dispatch(event).await;
            assert!(dispatched.failures.is_empty(), "{dispatched:?}");
            answered += u64::from(matches!(dispatched.outcome, Outcome::Answered { .. }));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        answered
    })
}

/// What of this process is in memory, in pages.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse().unwrap()
}

fn median(pages: &[u64]) -> u64 {
    let mut pages = pages.to_vec();
    pages.sort_unstable();
    pages[pages.len() / 2]
}

/// A mod is loaded and unloaded again and again, under events for it and for another: no event fails, nothing is left, and
/// the memory of the process is as it was.
///
/// The registry's log and history grow by themselves, and are compacted as a server compacts them.
///
/// Meant to catch: what a desk or a follower keeps of a mod that is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loads_and_unloads_through_the_desk_leave_nothing_behind_and_fail_no_event() {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let cycles = usize::try_from(sized(2_000, 10_000)).unwrap();
    let part = cycles / 10;
    let fleet = Fleet::new();
    let node = fleet.node();
    node.load("steady", json!({})).await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let steady = ask(&node.host, &over, "steady");
    let guests = ask(&node.host, &over, "guest");
    let keep = Retention {
        entries: 100,
        history: HistoryRetention {
            versions: 4,
            ..HistoryRetention::default()
        },
        ..Retention::default()
    };
    let mut pages = Vec::with_capacity(cycles);
    // What is allocated once is, before anything is measured.
    for cycle in 0..part + cycles {
        let loaded = node.load("guest", json!({"x": cycle})).await.unwrap();
        assert!(loaded.is_well(), "{loaded:?}");
        let gone = node
            .desk
            .unload(
                "guest",
                Cascade::Refuse,
                Precondition::Any,
                ChangeNote::NONE,
            )
            .await;
        assert_eq!(gone.unwrap().len(), 1);
        if cycle % 50 == 0 {
            fleet.store.compact(keep).await.unwrap();
            assert_eq!(node.host.statuses().len(), 1);
        }
        if cycle >= part {
            pages.push(resident());
        }
    }
    let (first, last) = (median(&pages[..part]), median(&pages[cycles - part..]));
    println!("{cycles} cycles: the first {part} took {first} pages, the last {part} {last}");
    assert!(last <= first + first / 50, "{first} pages became {last}");
    over.store(true, SeqCst);
    let (steady, guests) = (steady.await.unwrap(), guests.await.unwrap());
    println!(
        "{steady} events of a mod that stayed, {guests} of one that came and went: none failed"
    );
    assert!(steady > 0 && guests > 0);
    assert_eq!(node.status("steady").unwrap().tally.failed, 0);
    assert_eq!(node.shop.constructed(), part + cycles + 1);
    assert_eq!(node.shop.alive(), 1);
    assert_eq!(node.follower.registered().len(), 1);
    node.assert_ends_empty().await;
    drop((node, fleet));
    eventually("no task is left", || tasks() == before).await;
}

//! A deterministic simulation of the hot-reload loop: fleets of three to five nodes, in every mode, on paused time, over a
//! registry and a bus that go wrong as a seed says. What runs is the loop as it ships with a `ConfigWatcher`, and in one
//! world of fifteen a cache with readers. What happens in a world follows from its seed alone, to the millisecond: every
//! chance is drawn from it, those of the loop and of the cache too, and a digest of all that happened proves it.
//!
//! # A world
//! Two to four times a *storm* (`storm.rs`), a *recovery* and a *calm* (`world.rs`). In a storm each node's reads fail, hang
//! and are slow (what was read is old when it arrives), its events are lost with and without a gap, repeated, shuffled and
//! overflow, its subscription ends and is refused, its process is stopped (its clock is not) or killed and started anew;
//! the registry is out of reach, its log compacted, and after it sometimes a backup restored. In a calm a few things are
//! written, and time passes.
//!
//! # What is held against the truth (`checker.rs`, `served.rs`, `callbacks.rs`)
//! - At any time: a node that is not `stale` knows all that is older than two poll intervals, or, if it goes by events alone,
//!   than the longest that its bus keeps one; it knows all that was there when it says that it was last confirmed; what it
//!   says it reached exists. What it tells was written. Readers get no less than was told before they asked, and never less
//!   than somebody got before. Callbacks begin where the one before ended.
//! - One poll interval after the faults' end (10 s without polling: an attempt to subscribe that hangs, and the wait before
//!   the next), and the slack of `Plan::slack`: it is at the head and says so, was told of all that is there, of all that is
//!   gone, and of each invalidation that it heard. Then the callbacks add up to what is stored (another 1 s, and 6.1 s at
//!   least: a read that hangs and its retry), and so does what the cache holds.
//! - In a calm: each change is known after the delay of the bus, or one interval.
//!
//! # How the hours are counted
//! Simulated time from a world's first start to its end, once for each node, stopped or not. 600 worlds are 1,023,287 hours:
//! 342,537 of nodes that go by events alone, 679,938 of nodes that poll every 5 minutes to 3 hours, and 811 of nodes that poll
//! every 2 to 60 seconds. The hours are in the calms of slow worlds, the faults in all alike: 881,397 reads of a log, 300,482
//! writes, 53,093 faults of reads, 26,484 of events, 18,403 stopped and 5,414 killed processes, 338 restores. 30 to 60 s
//! of one core, hardly optimised, on a busy machine.
//!
//! # Mutations that it caught
//! `hear` advances without telling; the cursor jumps to the head after a page of the log; `hear` takes any newer revision for
//! the next; a gap is not read for; a read confirms when it ended, not when it began; an invalidation is dropped, or forgotten
//! by a read that fails; `relist` tells of no deletion, or asks one target alone what is held; reads have no deadline; the
//! interval counts from a read's end; a node is stale after three intervals; one that hears no events is not stale; a
//! subscription that ended is not renewed; `Machine::observe` begins no epoch; jitter is drawn at random (by the digest).
//!
//! # What it leaves out
//! - A restored registry that has written past a node's cursor before that reads it: revisions alone do not show it. Nothing
//!   is written between a restore and the recovery.
//! - A restored registry that ends after all that the loop told, and before what a cache or watcher read by itself since
//!   (`Node::would_miss`): the loop does not see it.
//! - Events of what was restored away: the bus is restarted with the registry.
//! - Losses that neither the node nor its bus can know of, in nodes that go by events alone, until the gap at the storm's end.
//! - The write door of a node, and its snapshot.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backend;
mod bus;
mod callbacks;
mod census;
mod checker;
mod complaints;
mod dice;
mod mirror;
mod node;
mod plan;
mod served;
mod storm;
mod trace;
mod truth;
mod weather;
mod world;

use census::Census;
use hotbed_testkit::sized;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What an ordinary run must have come to: less proves less than it says.
const AT_LEAST: [(&str, u64); 13] = [
    ("node milliseconds", 1_000_000 * HOUR_MS),
    ("changes", 400_000),
    ("writes", 200_000),
    ("faults of reads", 30_000),
    ("faults of events", 15_000),
    ("freezes", 10_000),
    ("restarts", 3_000),
    ("outages", 3_000),
    ("compactions", 10_000),
    ("restores", 200),
    ("overflows", 5_000),
    ("inspections that found it stale", 2_000),
    ("reads", 40_000),
];
const HOUR_MS: u64 = 3_600_000;

#[test]
fn a_million_hours_of_nodes_keep_the_promises() {
    if let Some(seed) = replayed() {
        let report = world::run(seed, true, &Census::default());
        assert_eq!(report.complaint, None);
        return;
    }
    let worlds = sized(600, 20_000);
    let census = Census::default();
    let failures = run(worlds, &census);
    println!("{census:#?}");
    assert!(
        failures.is_empty(),
        "{} of {worlds} worlds broke a promise; each runs again with HOTBED_SIM_SEED set to its seed: {:#?}",
        failures.len(),
        &failures[..failures.len().min(10)]
    );
    for (what, least) in AT_LEAST {
        assert!(census.of(what) >= least, "{what}: {}", census.of(what));
    }
}

/// Runs the worlds of the first seeds; answers which broke a promise, and how.
fn run(worlds: u64, census: &Census) -> Vec<(u64, String)> {
    let (next, failures) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed >= worlds {
                        return;
                    }
                    if let Some(complaint) = world::run(seed, false, census).complaint {
                        failures.lock().unwrap().push((seed, complaint));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    failures
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests have no command line of their own"
)]
fn replayed() -> Option<u64> {
    std::env::var("HOTBED_SIM_SEED").ok()?.parse().ok()
}

/// What happens in a world, and when, follows from its seed alone.
#[test]
fn one_seed_is_one_world() {
    for seed in 0..16 {
        let digest = || world::run(seed, false, &Census::default()).digest;
        assert_eq!(digest(), digest(), "seed {seed}");
    }
}

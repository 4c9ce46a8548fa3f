mod chaos;
mod fleet;

use crate::convergence::fleet::{Fleet, Mode};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// To run one seed again, narrow this. Waits are jittered at random, so a seed repeats its faults, not every
/// millisecond.
const SEEDS: Range<u64> = 0..3_000;

/// Three nodes on one registry that fails, hangs, answers late, loses answers and is compacted, with a bus that loses,
/// repeats, delays and reorders events, ends subscriptions and refuses them, and with loops that stop and start again:
/// after the faults' end every node is at the registry's head, deletions included, and holds nothing older: within one
/// poll interval where it polls, right after the gap that ends the faults where it goes by events alone. At no time
/// does a reader see an older revision of an id after a newer one.
///
/// Mutations: `hear` takes any newer revision for the next one; a gap is not read for; `relist` does not tell of
/// deletions; `walk` advances before it lists; a read of the log has no deadline; `Ear` does not subscribe again.
#[test]
fn convergence() {
    let (next, failures) = (AtomicU64::new(SEEDS.start), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, SeqCst);
                    if !SEEDS.contains(&seed) {
                        return;
                    }
                    let mode = Mode::of(seed);
                    if let Err(what) = run(seed, mode) {
                        let failure = format!("seed {seed}, {mode:?}: {what}");
                        failures.lock().unwrap().push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let first = failures.first();
    assert!(first.is_none(), "{} failed: {first:?}", failures.len());
}

fn run(seed: u64, mode: Mode) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let fleet = Fleet::new(seed, mode);
        fleet.suffer().await;
        fleet.recover().await;
        fleet.check().await
    })
}

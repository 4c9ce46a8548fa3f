use super::checker::check;
use super::convergence::{converge, note_log};
use super::faults::bring_about;
use super::lane::Lane;
use super::record::Record;
use super::schedule::{NODES, Schedule, Seed};
use super::setup::{BusKind, Mode, Setup};
use super::timing::STORM;
use super::workload::{Ids, read_chats, read_demands, read_stored, watch_health};
use super::world::World;
use futures::FutureExt;
use futures::future::{LocalBoxFuture, join_all};
use hotbed_testkit::{replayed, sized};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

/// Fleets side by side.
const LANES: usize = 2;
/// Schedules of a soak.
const SOAK: usize = 520;
/// Violations of one schedule that are shown.
const SHOWN: usize = 6;

/// Promises of a fleet, under faults: monotonic, no stale fill, convergence, no failed call, no lost update, freshness
/// that is visible, and revisions that are demanded.
#[test]
fn schedules() {
    let seeds = seeds();
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..LANES.min(seeds.len()) {
            scope.spawn(|| {
                let runtime = Builder::new_current_thread().enable_all().build().unwrap();
                let lane = Lane::start();
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if !runtime.block_on(holds(&lane, *seed)) {
                        failed.lock().unwrap().push(seed.to_string());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "{} of {} schedules broke a promise; each runs again with HOTBED_REPLAY set to its seed: {failed:?}",
        failed.len(),
        seeds.len(),
    );
}

/// Whether a fleet kept its promises; says what it saw.
async fn holds(lane: &Lane, seed: Seed) -> bool {
    let schedule = Schedule::of(seed);
    let ran = AssertUnwindSafe(run(lane, &schedule)).catch_unwind().await;
    let Ok(record) = ran else {
        eprintln!("{schedule}\n    could not be run");
        return false;
    };
    let violations = check(seed.setup, &record);
    eprintln!("{}", summary(seed, &record, violations.len()));
    if !violations.is_empty() {
        eprintln!(
            "{schedule}\n  everything that was noted is in {}",
            keep(seed, &record).display()
        );
    }
    for violation in violations.iter().take(SHOWN) {
        eprintln!("    {violation}");
    }
    violations.is_empty()
}

/// The test command has one schedule of each setup, the same each time; a soak has as many new ones as it likes.
fn seeds() -> Vec<Seed> {
    if let Some(seed) = replayed() {
        return vec![seed.parse().unwrap()];
    }
    let setups = Setup::all().into_iter();
    let is_soak = sized(0, 1) == 1;
    if !is_soak {
        // Polling nodes hear nothing of a bus: one kind of it will do.
        let setups = setups.filter(|it| it.mode != Mode::Polling || it.bus == BusKind::Memory);
        let seeds = (0..).zip(setups);
        return seeds
            .map(|(number, setup)| Seed { setup, number })
            .collect();
    }
    let first = u64::from(rand::random::<u32>());
    let rounds =
        (first..).flat_map(|number| setups.clone().map(move |setup| Seed { setup, number }));
    rounds.take(SOAK).collect()
}

/// Keeps what was noted, one note a line and each kind in order of time, for whoever wants to know why.
fn keep(seed: Seed, record: &Record) -> PathBuf {
    let name = seed.to_string().replace(['/', '#'], "-");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fleet-{name}"));
    let reads = record.reads.iter().map(|it| format!("{it:?}"));
    let writes = record.writes.iter().map(|it| format!("{it:?}"));
    let looks = record.looks.iter().map(|it| format!("{it:?}"));
    let log = record.log.iter().map(|it| format!("{it:?}"));
    let lines: Vec<_> = reads.chain(writes).chain(looks).chain(log).collect();
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

fn summary(seed: Seed, record: &Record, violations: usize) -> String {
    let verdict = match violations {
        0 => "holds".to_owned(),
        count => format!("VIOLATED {count} times"),
    };
    format!(
        "{seed} {verdict}: {} reads, {} writes, {} looks",
        record.reads.len(),
        record.writes.len(),
        record.looks.len()
    )
}

/// Runs one schedule to its end.
async fn run(lane: &Lane, schedule: &Schedule) -> Record {
    let world = World::start(lane, schedule).await;
    let ids = Ids::new();
    let mut chance = SmallRng::seed_from_u64(!schedule.seed.number);
    let (no_more_writes, over) = (CancellationToken::new(), CancellationToken::new());
    let writers = ids.writers(&world, &mut chance, &no_more_writes);
    let mut readers: Vec<LocalBoxFuture<'_, ()>> = Vec::new();
    readers.push(world.watch_machine().boxed_local());
    for node in 0..NODES {
        let mut chance = || SmallRng::from_rng(&mut chance);
        readers.push(read_chats(&world, node, &ids, chance()).boxed_local());
        readers.push(read_stored(&world, node, &ids, chance()).boxed_local());
        readers.push(read_demands(&world, node, &ids, chance()).boxed_local());
        readers.push(watch_health(&world, node).boxed_local());
    }
    let script = async {
        let storm = async {
            bring_about(&world, schedule).await;
            world.until(STORM).await;
            no_more_writes.cancel();
        };
        tokio::join!(storm, join_all(writers));
        converge(&world).await;
        over.cancel();
    };
    tokio::join!(script, over.run_until_cancelled(join_all(readers)));
    note_log(&world).await;
    world.recorder.finish()
}

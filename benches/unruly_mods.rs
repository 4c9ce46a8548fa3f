//! What the events of a mod that does as it should cost beside mods that block, panic, hang, flood and lie, against the same
//! events alone.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

use futures::future::join_all;
use hotbed::mods::{
    BoxError, Context, Emissions, EventName, EventPattern, Health, HostSettings, Manifest, Mod,
    ModEvent, ModHost, ModId, ModLoader, ModPath, OpenError, Outcome, Package, Placement, Response,
    Scheme,
};
use serde_json::{Map, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The most that the 99th of a hundred events of a mod that never blocks may take beside them, as a multiple of what it takes
/// alone.
const LIMIT: f64 = 1.05;
const ROUNDS: usize = 15;
/// Alone and beside take turns, each so long.
const SLICES: usize = 40;
const SLICE: Duration = Duration::from_millis(20);
/// How often each of the unruly is asked while it is.
const ASKED_EVERY: Duration = Duration::from_millis(100);
/// How many events come at once where one is flooded.
const FLOOD: usize = 100;
const UNRULY: [&str; 5] = ["blocks", "panics", "hangs", "floods", "lies"];

#[derive(Clone)]
struct Shop {
    good: Placement,
}

#[async_trait::async_trait]
impl ModLoader for Shop {
    fn scheme(&self) -> Scheme {
        Scheme::BUILT_IN
    }

    async fn open(&self, path: &ModPath) -> Result<Package, OpenError> {
        let name = path.as_str().trim_start_matches("bench.").to_owned();
        let manifest = Manifest {
            name: name.clone(),
            version: "1".to_owned(),
            events: vec![EventPattern::new(&format!("to_{name}.*")).unwrap()],
            ..Manifest::default()
        };
        let placement = if name == "good" {
            self.good
        } else {
            Placement::Threads
        };
        Ok(Package::new(manifest, "1", placement, move || {
            let context = OnceLock::new();
            Ok(Arc::new(Told { name, context }) as Arc<dyn Mod>)
        }))
    }
}

/// A mod that does as its name says.
struct Told {
    name: String,
    context: OnceLock<Context>,
}

#[async_trait::async_trait]
impl Mod for Told {
    async fn initialize(&self, context: &Context) -> Result<bool, BoxError> {
        drop(self.context.set(context.clone()));
        Ok(true)
    }

    async fn handle(&self, event: &ModEvent) -> Result<Option<Response>, BoxError> {
        match self.name.as_str() {
            "blocks" => std::thread::sleep(Duration::from_millis(500)),
            "panics" => panic!("told to"),
            "hangs" => std::future::pending().await,
            // More than anybody takes from it, and than anybody else has places for.
            "floods" => {
                let name = EventName::new("floods.flood").unwrap();
                let context = self.context.get().unwrap();
                for _ in 0..FLOOD {
                    let to = event.destination.clone();
                    drop(context.emit(name.clone(), Map::new(), to, None));
                }
            }
            // It says that it is well, and that all is done, and fails.
            "lies" => return Err("it is not as it said".into()),
            _ => {}
        }
        Ok(Some(Response::ok("done", json!({}))))
    }

    async fn health(&self) -> Health {
        Health::healthy()
    }
}

fn desired(name: &str) -> hotbed::mods::Desired {
    let config = hotbed::configs::PortableConfig::from_value(json!({})).unwrap();
    let config = hotbed::configs::ResolvedConfig::verbatim(&config);
    let path = ModPath::new(&format!("bench.{name}")).unwrap();
    hotbed::mods::Desired::new(ModId::new(name).unwrap(), path, config)
}

/// A host, and what its mods tell, which nobody takes.
async fn host(good: Placement, names: &[&str]) -> (ModHost, Emissions) {
    let settings = HostSettings {
        event_deadline: Duration::from_millis(200),
        ..HostSettings::default()
    };
    let builder = ModHost::builder().settings(settings).loader(Shop { good });
    let (host, emissions) = builder.build();
    let report = host
        .reconcile(names.iter().map(|name| desired(name)).collect())
        .await;
    assert!(report.failed.is_empty(), "{report}");
    (host, emissions)
}

fn event(name: &str) -> ModEvent {
    let name = EventName::new(&format!("to_{name}.ping")).unwrap();
    ModEvent::new(name, "bench", Map::new())
}

/// Asks one of the unruly again and again, while it is to be.
async fn provoke(
    host: ModHost,
    name: &'static str,
    is_on: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
) {
    loop {
        tokio::time::sleep(ASKED_EVERY).await;
        if !is_on.load(Relaxed) {
            continue;
        }
        let many = if name == "floods" { FLOOD } else { 1 };
        asked.fetch_add(many, Relaxed);
        let host = host.clone();
        // Not waited for: more come while the ones before block and hang.
        tokio::spawn(async move {
            join_all((0..many).map(|_| host.dispatch(event(name)))).await;
        });
    }
}

/// Asks the good one for as long as a slice lasts.
async fn slice(host: &ModHost, times: &mut Vec<Duration>) {
    let end = Instant::now() + SLICE;
    while Instant::now() < end {
        let event = event("good");
        let began = Instant::now();
        let dispatched = host.dispatch(event).await;
        times.push(began.elapsed());
        assert!(matches!(dispatched.outcome, Outcome::Answered { .. }));
    }
}

fn p99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

fn median<T: Copy>(values: &mut [T], by: impl Fn(&T, &T) -> std::cmp::Ordering) -> T {
    values.sort_by(by);
    values[values.len() / 2]
}

async fn measure(title: &str, good: Placement, limit: Option<f64>) -> bool {
    let (alone, _told) = host(good, &["good"]).await;
    let names: Vec<&str> = UNRULY.into_iter().chain(["good"]).collect();
    let (crowd, _untaken) = host(good, &names).await;
    let is_on = Arc::new(AtomicBool::new(false));
    let asked = Arc::<AtomicUsize>::default();
    let provoked: Vec<_> = UNRULY
        .map(|name| {
            let (is_on, asked) = (Arc::clone(&is_on), Arc::clone(&asked));
            tokio::spawn(provoke(crowd.clone(), name, is_on, asked))
        })
        .into_iter()
        .collect();
    let (mut ratios, mut bases, mut besides) = (Vec::new(), Vec::new(), Vec::new());
    let mut events = 0;
    for round in 0..=ROUNDS {
        let (mut base, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..SLICES {
            is_on.store(false, Relaxed);
            slice(&alone, &mut base).await;
            is_on.store(true, Relaxed);
            slice(&crowd, &mut beside).await;
        }
        // The first round warms up.
        if round > 0 {
            events += base.len() + beside.len();
            let (base, beside) = (p99(&mut base), p99(&mut beside));
            ratios.push(beside.as_secs_f64() / base.as_secs_f64());
            bases.push(base);
            besides.push(beside);
        }
    }
    for task in provoked {
        task.abort();
    }
    let ratio = median(&mut ratios, f64::total_cmp);
    let (base, beside) = (median(&mut bases, Ord::cmp), median(&mut besides, Ord::cmp));
    let holds = limit.is_none_or(|limit| ratio <= limit);
    let verdict = limit.map_or_else(String::new, |limit| {
        let verdict = if holds { "ok" } else { "OVER" };
        format!("  (limit {limit:.2}: {verdict})")
    });
    println!(
        "\n{title}: {events} events, {} of the unruly",
        asked.load(Relaxed)
    );
    println!("  alone                          p99 {base:>10.1?}    1.00x");
    println!("  beside those who do not        p99 {beside:>10.1?} {ratio:>7.2}x{verdict}");
    let failed = crowd.status("good").unwrap().tally.failed;
    assert_eq!(failed, 0);
    holds
}

fn main() {
    // What panics here is meant to, and a terminal is slow.
    std::panic::set_hook(Box::new(|panic| {
        if panic.payload_as_str() != Some("told to") {
            println!("{panic}");
        }
    }));
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    let holds = runtime.block_on(async {
        let never_blocks = measure("a mod that never blocks", Placement::Tasks, Some(LIMIT)).await;
        // Its threads are begun when they are needed, and others need some at the same time.
        measure("a mod of which nothing is known", Placement::Threads, None).await;
        never_blocks
    });
    std::process::exit(i32::from(!holds));
}

//! What the events of a mod that does as it should cost beside mods that block, panic, hang, flood and lie, against the same
//! events alone.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

#[path = "support/steal.rs"]
mod steal;

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

/// The most that the 99th of a hundred events may take beside them, as a multiple of what it takes alone.
const LIMIT: f64 = 1.05;
/// Alone, alone again and beside take turns. What lies between the first two is what the machine does by itself.
const TURNS: usize = 600;
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

/// Asks the good one for as long as a slice lasts. A slice in which others on the same machine took its processors away
/// tells nothing, and is begun again.
async fn slice(host: &ModHost, times: &mut Vec<Duration>) {
    let before = times.len();
    loop {
        let stolen = steal::stolen();
        ask(host, times).await;
        if steal::stolen() == stolen {
            return;
        }
        times.truncate(before);
    }
}

async fn ask(host: &ModHost, times: &mut Vec<Duration>) {
    let end = Instant::now() + SLICE;
    while Instant::now() < end {
        let event = event("good");
        let began = Instant::now();
        let dispatched = host.dispatch(event).await;
        times.push(began.elapsed());
        assert!(matches!(dispatched.outcome, Outcome::Answered { .. }));
    }
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

async fn measure(title: &str, good: Placement) -> bool {
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
    // What they were asked last is done with before anybody is measured alone.
    let warm_up = &mut Vec::new();
    let (mut base, mut again, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        is_on.store(false, Relaxed);
        ask(&alone, warm_up).await;
        slice(&alone, &mut base).await;
        slice(&alone, &mut again).await;
        is_on.store(true, Relaxed);
        slice(&crowd, &mut beside).await;
    }
    for task in provoked {
        task.abort();
    }
    let events = base.len() + again.len() + beside.len();
    println!(
        "\n{title}: {events} events, {} of the unruly",
        asked.load(Relaxed)
    );
    let base = show("alone", base, None);
    show("alone again", again, Some((base, None)));
    let beside = show("beside those who do not", beside, Some((base, Some(LIMIT))));
    let failed = crowd.status("good").unwrap().tally.failed;
    assert_eq!(failed, 0);
    beside.as_secs_f64() / base.as_secs_f64() <= LIMIT
}

/// Shows the 99th of a hundred, and as a multiple of a base.
fn show(name: &str, times: Vec<Duration>, base: Option<(Duration, Option<f64>)>) -> Duration {
    let p99 = p99(times);
    let ratio = base.map_or(1.0, |(base, _)| p99.as_secs_f64() / base.as_secs_f64());
    let verdict = match base.and_then(|(_, limit)| limit) {
        None => String::new(),
        Some(limit) if ratio <= limit => format!("  (limit {limit:.2}: ok)"),
        Some(limit) => format!("  (limit {limit:.2}: OVER)"),
    };
    println!("  {name:<30} p99 {p99:>10.1?} {ratio:>7.2}x{verdict}");
    p99
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
        let never_blocks = measure("a mod that never blocks", Placement::Tasks).await;
        never_blocks & measure("a mod of which nothing is known", Placement::Threads).await
    });
    std::process::exit(i32::from(!holds));
}

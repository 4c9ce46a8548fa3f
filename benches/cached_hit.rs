//! What a hit costs: `get_or_create` by `&str` against a lock-free map read and the clone of an `Arc`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

#[path = "support/ratio.rs"]
mod ratio;
#[path = "support/zipf.rs"]
mod zipf;

use futures::FutureExt;
use hotbed::cache::{
    BoxError, CacheSettings, CachingRegistryManager, Id, InstanceFactory, Revision,
};
use hotbed::configs::{PortableConfig, ResolvedConfig};
use hotbed::registry::{Draft, MemoryBackend, Precondition, Reader, RegistryBackend};
use ratio::{Contender, compare, per_operation};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

const KEYS: usize = 10_000;
const READS: usize = 1_000_000;
const ROUNDS: usize = 15;

struct Echo;

#[async_trait::async_trait]
impl InstanceFactory<String> for Echo {
    async fn create(&self, id: &Id, _: Revision, _: ResolvedConfig) -> Result<String, BoxError> {
        if id.as_str().starts_with("slow") {
            tokio::time::sleep(Duration::from_hours(1)).await;
        }
        Ok(id.to_string())
    }
}

/// Ten thousand instances in memory, and a hundred ids that take hours to build.
struct World {
    manager: Arc<CachingRegistryManager<String>>,
    names: Vec<String>,
    slow: Vec<String>,
}

impl World {
    async fn new() -> Self {
        let names: Vec<String> = (0..KEYS).map(|n| format!("bot-{n:05}")).collect();
        let slow: Vec<String> = (0..100).map(|n| format!("slow-{n}")).collect();
        let registry = Arc::new(MemoryBackend::new());
        for name in names.iter().chain(&slow) {
            let draft = Draft::active(PortableConfig::from_value(serde_json::json!({})).unwrap());
            let id = Id::new(name).unwrap();
            registry.put(&id, draft, Precondition::Any).await.unwrap();
        }
        let settings = CacheSettings {
            capacity: KEYS as u64 + 100,
            build_deadline: Duration::from_hours(2),
            ..CacheSettings::default()
        };
        let builder = CachingRegistryManager::builder(Reader::new(registry), Echo);
        let manager = Arc::new(builder.settings(settings).build());
        for name in &names {
            manager.get_or_create(name).await.unwrap();
        }
        Self {
            manager,
            names,
            slow,
        }
    }

    fn read(&self, reads: &[&str]) {
        for key in reads {
            black_box(
                self.manager
                    .get_or_create(*key)
                    .now_or_never()
                    .unwrap()
                    .unwrap(),
            );
        }
    }
}

fn main() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
    let _in_runtime = runtime.enter();
    let world = runtime.block_on(World::new());
    let reads: Vec<&str> = zipf::keys(KEYS, READS)
        .into_iter()
        .map(|key| world.names[key].as_str())
        .collect();
    let mut holds = true;
    for threads in [1, 2] {
        holds &= against_the_floor(&world, &reads, threads);
    }
    holds &= while_others_build(&world, &reads, &runtime);
    std::process::exit(i32::from(!holds));
}

fn against_the_floor(world: &World, reads: &[&str], threads: usize) -> bool {
    let floor: papaya::HashMap<String, Arc<String>, foldhash::fast::RandomState> =
        papaya::HashMap::builder()
            .capacity(KEYS)
            .hasher(foldhash::fast::RandomState::default())
            .build();
    let moka = moka::sync::Cache::builder()
        .max_capacity(2 * KEYS as u64)
        .time_to_live(Duration::from_mins(5))
        .build();
    for name in &world.names {
        floor.pin().insert(name.clone(), Arc::new(name.clone()));
        moka.insert(name.clone(), Arc::new(name.clone()));
    }
    let read_floor = |reads: &[&str]| {
        for key in reads {
            black_box(floor.pin().get(*key).map(Arc::clone));
        }
    };
    let read_moka = |reads: &[&str]| {
        for key in reads {
            black_box(moka.get(*key));
        }
    };
    let read_ours = |reads: &[&str]| world.read(reads);
    // One call per part, so that calling through a pointer costs nothing that counts.
    let run = |read: &(dyn Fn(&[&str]) + Sync)| {
        per_operation(READS / threads, || {
            std::thread::scope(|scope| {
                for part in reads.chunks(READS / threads) {
                    scope.spawn(move || read(part));
                }
            });
        })
    };
    compare(
        &format!("cached hit, {KEYS} keys, Zipf, {threads} thread(s)"),
        ROUNDS,
        Contender {
            name: "floor: papaya read + Arc clone",
            limit: None,
            round: Box::new(|| run(&read_floor)),
        },
        vec![
            Contender {
                name: "hotbed get_or_create(&str)",
                limit: Some(2.0),
                round: Box::new(|| run(&read_ours)),
            },
            Contender {
                name: "plain moka get",
                limit: None,
                round: Box::new(|| run(&read_moka)),
            },
        ],
    )
}

fn while_others_build(world: &World, reads: &[&str], runtime: &tokio::runtime::Runtime) -> bool {
    let measure = || {
        (0..5)
            .map(|_| per_operation(READS, || world.read(reads)))
            .collect::<Vec<_>>()
    };
    let alone = measure();
    let builds: Vec<_> = world
        .slow
        .iter()
        .map(|name| {
            let (manager, name) = (Arc::clone(&world.manager), name.clone());
            runtime.spawn(async move { manager.get_or_create(&name).await.map(drop) })
        })
        .collect();
    let building = || {
        world
            .manager
            .held()
            .iter()
            .filter(|held| held.id.as_str().starts_with("slow"))
            .count()
    };
    while building() < world.slow.len() {
        std::thread::yield_now();
    }
    let during = measure();
    for build in builds {
        build.abort();
    }
    ratio::verdict(
        "a hit while 100 other ids build slowly, against the same hit alone",
        &alone,
        &during,
        1.2,
    )
}

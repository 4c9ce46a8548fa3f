//! What a hit costs: `get_or_create` by `&str` against a lock-free map read and the clone of an `Arc`.

#![allow(
    missing_docs,
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
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        Ok(id.to_string())
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let _in_runtime = runtime.enter();
    let slow: Vec<String> = (0..100).map(|n| format!("slow-{n}")).collect();
    let names: Vec<String> = (0..KEYS).map(|n| format!("bot-{n:05}")).collect();
    let (manager, registry) = runtime.block_on(async {
        let registry = Arc::new(MemoryBackend::new());
        for name in names.iter().chain(&slow) {
            let draft = Draft::active(PortableConfig::from_value(serde_json::json!({})).unwrap());
            registry
                .put(&Id::new(name).unwrap(), draft, Precondition::Any)
                .await
                .unwrap();
        }
        let settings = CacheSettings {
            capacity: 2 * KEYS as u64,
            build_deadline: Duration::from_secs(7200),
            ..CacheSettings::default()
        };
        let reader = Reader::new(registry.clone());
        let manager = Arc::new(
            CachingRegistryManager::builder(reader, Echo)
                .settings(settings)
                .build(),
        );
        for name in &names {
            manager.get_or_create(name).await.unwrap();
        }
        (manager, registry)
    });
    let floor: papaya::HashMap<String, Arc<String>, foldhash::fast::RandomState> =
        papaya::HashMap::default();
    let moka: moka::future::Cache<String, Arc<String>> = moka::future::Cache::builder()
        .max_capacity(2 * KEYS as u64)
        .time_to_live(Duration::from_secs(300))
        .build();
    for name in &names {
        floor.pin().insert(name.clone(), Arc::new(name.clone()));
        runtime.block_on(moka.insert(name.clone(), Arc::new(name.clone())));
    }
    let order = zipf::keys(KEYS, READS);
    let reads: Vec<&str> = order.iter().map(|&key| names[key].as_str()).collect();

    let read_floor = |reads: &[&str]| {
        for key in reads {
            black_box(floor.pin().get(*key).map(Arc::clone));
        }
    };
    let read_ours = |reads: &[&str]| {
        for key in reads {
            black_box(manager.get_or_create(*key).now_or_never().unwrap().unwrap());
        }
    };
    let read_moka = |reads: &[&str]| {
        for key in reads {
            black_box(moka.get(*key).now_or_never().unwrap());
        }
    };
    let mut holds = true;
    for threads in [1, 2] {
        let run = |read: &(dyn Fn(&[&str]) + Sync)| {
            per_operation(READS / threads, || {
                std::thread::scope(|scope| {
                    for part in reads.chunks(READS / threads) {
                        scope.spawn(move || read(part));
                    }
                });
            })
        };
        holds &= compare(
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
        );
    }

    let alone = || per_operation(READS, || read_ours(&reads));
    let before: Vec<Duration> = (0..5).map(|_| alone()).collect();
    let builds: Vec<_> = slow
        .iter()
        .map(|name| {
            let (manager, name) = (Arc::clone(&manager), name.clone());
            runtime.spawn(async move { manager.get_or_create(&name).await.map(drop) })
        })
        .collect();
    while manager
        .held()
        .iter()
        .filter(|held| held.id.as_str().starts_with("slow"))
        .count()
        < slow.len()
    {
        std::thread::yield_now();
    }
    let during: Vec<Duration> = (0..5).map(|_| alone()).collect();
    builds.into_iter().for_each(|build| build.abort());
    holds &= ratio::verdict(
        "a hit while 100 other ids build slowly, against the same hit alone",
        &before,
        &during,
        1.2,
    );
    drop(registry);
    std::process::exit(i32::from(!holds));
}

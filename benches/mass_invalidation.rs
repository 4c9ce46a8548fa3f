//! A million entries are invalidated, or expire, at once: how long the slowest reader waits, beside plain moka.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

#[path = "support/steal.rs"]
mod steal;

use hotbed::cache::{
    BoxError, CacheSettings, CachingRegistryManager, Id, InstanceFactory, Revision,
};
use hotbed::configs::{PortableConfig, ResolvedConfig};
use hotbed::registry::{Draft, MemoryBackend, Precondition, Reader, RegistryBackend};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ENTRIES: usize = 1_000_000;
/// Reads after the event, over all keys in an order that jumps about.
const READS: usize = 300_000;
const LIMIT: Duration = Duration::from_millis(15);
const TTL: Duration = Duration::from_secs(20);
/// So many reads after another are looked at together for whether the machine was taken from us.
const LOOK: usize = 16;

struct Small;

#[async_trait::async_trait]
impl InstanceFactory<u64> for Small {
    async fn create(&self, _: &Id, revision: Revision, _: ResolvedConfig) -> Result<u64, BoxError> {
        Ok(revision.0)
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    println!("\n{ENTRIES} entries at once: the slowest of {READS} readers");
    let holds = runtime.block_on(async {
        let names: Arc<Vec<String>> = Arc::new((0..ENTRIES).map(|n| format!("bot-{n}")).collect());
        let backend = registry(&names).await;
        let mut holds = true;

        let manager = filled(&backend, &names, Duration::from_hours(1)).await;
        let slowest = slowest_reader(&names, &manager, || manager.invalidate_all()).await;
        holds &= show("hotbed, invalidate_all", slowest, Some(LIMIT));
        drop(manager);

        let manager = filled(&backend, &names, TTL).await;
        tokio::time::sleep(TTL).await;
        let slowest = slowest_reader(&names, &manager, || ()).await;
        holds &= show("hotbed, all expired", slowest, Some(LIMIT));
        drop(manager);

        plain_moka(&names).await;
        holds
    });
    std::process::exit(i32::from(!holds));
}

async fn registry(names: &[String]) -> Arc<MemoryBackend> {
    let backend = Arc::new(MemoryBackend::new());
    let config = PortableConfig::from_value(serde_json::json!({})).unwrap();
    for name in names {
        backend
            .put(
                &Id::new(name).unwrap(),
                Draft::active(config.clone()),
                Precondition::Any,
            )
            .await
            .unwrap();
    }
    backend
}

async fn filled(
    backend: &Arc<MemoryBackend>,
    names: &[String],
    ttl: Duration,
) -> Arc<CachingRegistryManager<u64>> {
    let settings = CacheSettings {
        capacity: 2 * ENTRIES as u64,
        ttl,
        ttl_jitter: 0.0,
        // What nobody uses must not be renewed before it expires: the worst case is wanted.
        ..CacheSettings::default()
    };
    let manager = CachingRegistryManager::builder(Reader::new(backend.clone()), Small)
        .settings(settings)
        .build();
    let manager = Arc::new(manager);
    for name in names {
        manager.get_or_create(name).await.unwrap();
    }
    manager
}

/// Reads in a task, as the handlers of a server do. Tells the longest wait, and how many reads are not counted: those in
/// which the host of this virtual machine ran something else for half of their wait or more.
async fn slowest_reader(
    names: &Arc<Vec<String>>,
    manager: &Arc<CachingRegistryManager<u64>>,
    event: impl FnOnce(),
) -> (Duration, usize) {
    event();
    let (names, manager) = (Arc::clone(names), Arc::clone(manager));
    tokio::spawn(async move { read(&names, &manager).await })
        .await
        .unwrap()
}

async fn read(names: &[String], manager: &CachingRegistryManager<u64>) -> (Duration, usize) {
    let (mut slowest, mut set_aside) = (Duration::ZERO, 0);
    let mut stolen = steal::stolen();
    for read in 0..READS {
        let name = &names[read * 7_919 % ENTRIES];
        let began = Instant::now();
        manager.get_or_create(name).await.unwrap();
        let waited = began.elapsed();
        if waited > LIMIT || read % LOOK == 0 {
            let before = std::mem::replace(&mut stolen, steal::stolen());
            if waited > LIMIT && stolen.saturating_sub(before) * 2 >= waited {
                set_aside += 1;
                continue;
            }
        }
        slowest = slowest.max(waited);
    }
    (slowest, set_aside)
}

/// The same on plain moka, for comparison: one reader pays for the purge.
async fn plain_moka(names: &[String]) {
    let cache: moka::future::Cache<String, Arc<u64>> = moka::future::Cache::builder()
        .max_capacity(2 * ENTRIES as u64)
        .build();
    for name in names {
        cache.insert(name.clone(), Arc::new(0)).await;
    }
    cache.run_pending_tasks().await;
    cache.invalidate_all();
    let mut slowest = Duration::ZERO;
    for read in 0..READS {
        let name = &names[read * 7_919 % ENTRIES];
        let began = Instant::now();
        cache.get_with(name.clone(), async { Arc::new(1) }).await;
        slowest = slowest.max(began.elapsed());
    }
    show("plain moka, invalidate_all", (slowest, 0), None);
}

fn show(name: &str, (slowest, set_aside): (Duration, usize), limit: Option<Duration>) -> bool {
    let holds = limit.is_none_or(|limit| slowest <= limit);
    let verdict = match limit {
        None => String::new(),
        Some(limit) => format!(
            "  (limit {limit:.0?}: {})",
            if holds { "ok" } else { "OVER" }
        ),
    };
    println!("  {name:<32} {:>10}{verdict}", format!("{slowest:.1?}"));
    if set_aside > 0 {
        println!(
            "    not counted: {set_aside} reads while the host of this machine ran something else"
        );
    }
    holds
}

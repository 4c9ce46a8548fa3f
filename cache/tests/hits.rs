//! What a hit does not do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use futures::FutureExt;
use hotbed_cache::{CacheSettings, ConfigCachingManager, ResolvedConfigs};
use hotbed_registry::{
    Draft, Id, MemoryBackend, PortableConfig, Precondition, Reader, RegistryBackend,
};
use std::sync::Arc;
use std::time::Duration;

const IDS: usize = 1_000;

async fn cache() -> (ConfigCachingManager, Vec<String>) {
    let backend = Arc::new(MemoryBackend::new());
    let ids: Vec<String> = (0..IDS).map(|n| format!("bot-{n}")).collect();
    for id in &ids {
        let draft = Draft::active(PortableConfig::from_value(serde_json::json!({})).unwrap());
        let id = Id::new(id).unwrap();
        backend.put(&id, draft, Precondition::Any).await.unwrap();
    }
    let cache = ConfigCachingManager::builder(Reader::new(backend), ResolvedConfigs).build();
    for id in &ids {
        cache.get_or_create(id).await.unwrap();
    }
    (cache, ids)
}

/// Mutations: `GetOrCreate` boxes before it looks; the index is asked for an owned `Id`.
#[test]
fn a_hit_allocates_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let (cache, ids) = runtime.block_on(cache());
    let read_all = || {
        for id in &ids {
            drop(cache.get_or_create(id).now_or_never().unwrap().unwrap());
        }
    };
    // The first on a thread makes the thread known to the index.
    read_all();
    let allocated = allocation_counter::measure(read_all);
    assert_eq!(allocated.count_total, 0, "{allocated:?}");
}

/// A hit is answered at the first poll, while the keeper, the refresher and every other task of the cache stand still:
/// it can wait for none of them.
#[test]
fn a_hit_waits_for_nobody() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let (cache, ids) = runtime.block_on(cache());
    // From here on nothing drives the runtime.
    for _ in 0..100 {
        for id in &ids {
            let lease = cache.get_or_create(id).now_or_never();
            assert_eq!(lease.unwrap().unwrap().id(), id);
        }
    }
    assert_eq!(cache.stats().hits, 100 * IDS as u64);
}

/// The memory of the index is there from the start: it does not grow, and move its entries, under those who read.
#[tokio::test(start_paused = true)]
async fn a_default_cache_holds_as_many_as_it_says() {
    let (cache, _) = cache().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(cache.stats().size, CacheSettings::default().capacity);
    assert_eq!(cache.stats().evictions, 0);
}

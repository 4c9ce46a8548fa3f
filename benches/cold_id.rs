//! Ten thousand tasks ask for one id that is not in memory: one build serves them all.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

use hotbed::cache::{BoxError, CachingRegistryManager, Id, InstanceFactory, Revision};
use hotbed::configs::{PortableConfig, ResolvedConfig};
use hotbed::registry::{Draft, MemoryBackend, Precondition, Reader, RegistryBackend};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const TASKS: usize = 10_000;

struct Slow {
    builds: Arc<AtomicU64>,
    takes: Duration,
}

#[async_trait::async_trait]
impl InstanceFactory<String> for Slow {
    async fn create(&self, id: &Id, _: Revision, _: ResolvedConfig) -> Result<String, BoxError> {
        self.builds.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.takes).await;
        Ok(id.to_string())
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    println!("\n{TASKS} tasks on one cold id");
    let mut holds = true;
    for takes in [Duration::ZERO, Duration::from_millis(10)] {
        let (builds, elapsed) = runtime.block_on(crowd(takes));
        let verdict = if builds == 1 { "ok" } else { "OVER" };
        println!(
            "  a build takes {takes:>5.0?}: {builds} build(s) in {elapsed:.1?}  (limit 1: {verdict})"
        );
        holds &= builds == 1;
    }
    std::process::exit(i32::from(!holds));
}

async fn crowd(takes: Duration) -> (u64, Duration) {
    let backend = Arc::new(MemoryBackend::new());
    let draft = Draft::active(PortableConfig::from_value(serde_json::json!({})).unwrap());
    backend
        .put(&Id::new("cold").unwrap(), draft, Precondition::Any)
        .await
        .unwrap();
    let builds = Arc::new(AtomicU64::new(0));
    let factory = Slow {
        builds: Arc::clone(&builds),
        takes,
    };
    let manager = Arc::new(CachingRegistryManager::builder(Reader::new(backend), factory).build());
    let began = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let manager = Arc::clone(&manager);
            tokio::spawn(async move { manager.get_or_create("cold").await.unwrap().len() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    (builds.load(Ordering::Relaxed), began.elapsed())
}

//! x
use hotbed_backends::*;
use hotbed_configs::PortableConfig;
use hotbed_registry::*;
use std::sync::Arc;
#[tokio::main]
async fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let path = std::path::Path::new(&dir).join("speed.db");
    let _ = std::fs::remove_file(&path);
    let store = SqliteStore::open(&path, SqliteOptions::default())
        .await
        .unwrap();
    let b = store.collection(&CollectionName::bots());
    let config = PortableConfig::from_value(
        serde_json::json!({"llm":{"provider":"echo","model":"x"},"system_prompt":"y".repeat(300)}),
    )
    .unwrap();
    for (writers, each) in [(1usize, 1000usize), (32, 500), (128, 200)] {
        let t = tokio::time::Instant::now();
        let mut set = tokio::task::JoinSet::new();
        for w in 0..writers {
            let b = Arc::clone(&b);
            let config = config.clone();
            set.spawn(async move {
                for n in 0..each {
                    b.put(
                        &Id::new(&format!("bot-{}", (w * 7919 + n * 31) % 10000)).unwrap(),
                        Draft::active(config.clone()),
                        Precondition::Any,
                    )
                    .await
                    .unwrap();
                }
            });
        }
        set.join_all().await;
        let s = t.elapsed().as_secs_f64();
        println!("{writers} writers: {:.0}/s", (writers * each) as f64 / s);
    }
    let t = tokio::time::Instant::now();
    for n in 0..20000 {
        b.get(&Id::new(&format!("bot-{}", n % 10000)).unwrap())
            .await
            .unwrap();
    }
    println!("get: {:.0}/s", 20000.0 / t.elapsed().as_secs_f64());
    let head = b.head().await.unwrap();
    let t = tokio::time::Instant::now();
    for _ in 0..20000 {
        b.changes(head, 1000).await.unwrap();
    }
    println!(
        "idle poll: {:.1} us",
        t.elapsed().as_secs_f64() / 20000.0 * 1e6
    );
    store.close().await;
}

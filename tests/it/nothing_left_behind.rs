use crate::harness::{Launch, Node, chat_with_strangers, eventually};
use serde_json::Value;
use std::fs;
use std::time::Duration;

/// Rounds in which the node comes to its size: above all, SQLite's connections fill their caches of pages.
const WARM_UP: usize = 2;
/// Rounds after which it must not have grown.
const ROUNDS: usize = 4;
/// Per round: 60,000 requests and 600 bots in all.
const STRANGERS: usize = 10_000;
const BOTS: usize = 100;
/// What the allocator may keep of all rounds together, in KiB. The strangers of one round, or what one part of the node
/// knew of its bots, would be more.
const MARGIN: u64 = 2_048;

/// Caught: a cache that remembers every unknown id; conversations that outlive their bot.
#[tokio::test]
async fn nothing_left_behind() {
    let launch = Launch::new().arg("--cache-capacity", "50");
    // Each further arena of glibc's grows to the size of the first when it is used, which is whenever threads meet.
    let node = launch.env("MALLOC_ARENA_MAX", "1").start().await;
    node.put_bot("resident", "p").await;
    node.served("resident").await;
    let before = node.health().await["cache"].clone();
    let mut sizes = Vec::new();
    for round in 0..WARM_UP + ROUNDS {
        let strangers = (0..STRANGERS).map(|number| format!("stranger-{round}-{number}"));
        chat_with_strangers(&node, strangers).await;
        for bot in 0..BOTS {
            come_and_go(&node, &format!("bot-{round}-{bot}")).await;
        }
        sizes.push(anonymous_kib(&node));
    }
    eprintln!("KiB after each round: {sizes:?}");
    let growth = sizes[WARM_UP + ROUNDS - 1].saturating_sub(sizes[WARM_UP - 1]);
    assert!(growth < MARGIN, "KiB after each round: {sizes:?}");
    settled(&node, &before).await;
    node.terminate().await;
}

async fn come_and_go(node: &Node, id: &str) {
    let prompt = "a prompt that takes room ".repeat(800);
    node.put_bot(id, &prompt).await;
    let message = "a message that takes room ".repeat(800);
    node.chat(id, &message).await.expect(200);
    node.delete(&format!("/api/v1/bots/{id}")).await.expect(204);
    node.chat(id, "hi").await.problem(404);
}

/// Waits until the cache holds what it held before.
async fn settled(node: &Node, before: &Value) {
    eventually(
        "the cache is as it was",
        Duration::from_secs(30),
        async || {
            let now = node.health().await["cache"].clone();
            let is_back = ["size", "instances"]
                .iter()
                .all(|member| now[member] == before[member]);
            if is_back {
                Ok(())
            } else {
                Err(now.to_string())
            }
        },
    )
    .await;
}

/// Memory of the node's own. What it has mapped of files, the program itself for one, comes and goes with the load of the
/// machine.
fn anonymous_kib(node: &Node) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

//! Many agents at once: nothing is lost but what is counted as dropped.

use crate::world::{Agent, World, settings};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::task::JoinSet;

const AGENTS: usize = 12;
const EVENTS: usize = 150;
const ROOM: usize = 64;
/// The agent that polls only once all is over.
const SLEEPER: usize = 0;

/// What one agent received: of each sender the numbers in the order of their coming; and how many were dropped.
#[derive(Default)]
struct Received {
    numbers: BTreeMap<String, Vec<u64>>,
    dropped: u64,
}

impl Received {
    fn take(&mut self, polled: &Value) {
        self.dropped += polled["dropped"].as_u64().unwrap_or(0);
        for event in polled["messages"].as_array().unwrap() {
            if event["event_name"] == "crowd.said" {
                let from = event["source_id"].as_str().unwrap().to_owned();
                let number = event["payload"]["n"].as_u64().unwrap();
                self.numbers.entry(from).or_default().push(number);
            }
        }
    }

    fn count(&self) -> usize {
        self.numbers.values().map(Vec::len).sum()
    }
}

/// Every agent sends to its neighbour and to all, while all poll, and while others join, are refused, leave and try to
/// take over.
///
/// Caught: what is dropped and not counted; queues without a limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_a_crowd_nothing_is_lost_but_what_is_counted() {
    let mut settings = settings();
    settings.queue_events = ROOM;
    let world = Arc::new(World::with(settings));
    let agents: Vec<Agent> = (0..AGENTS)
        .map(|n| world.join(&format!("agent_{n}")))
        .collect();
    let is_over = Arc::new(AtomicBool::new(false));
    let taken_over = Arc::new(AtomicUsize::new(0));

    let mut senders = JoinSet::new();
    for (n, agent) in agents.iter().enumerate() {
        let (world, agent) = (Arc::clone(&world), agent.clone());
        let neighbour = format!("agent:agent_{}", (n + 1) % AGENTS);
        senders.spawn(async move {
            for number in 0..EVENTS {
                let to = if number % 3 == 0 { "all" } else { &neighbour };
                let payload = json!({"n": number});
                let answer = world.send(&agent, "crowd.said", to, payload).await;
                assert_eq!(answer["success"], true, "{answer}");
            }
        });
    }
    let mut pollers = JoinSet::new();
    for (n, agent) in agents.iter().enumerate() {
        let (world, agent) = (Arc::clone(&world), agent.clone());
        let is_over = Arc::clone(&is_over);
        pollers.spawn(async move {
            let mut received = Received::default();
            loop {
                let last = is_over.load(Ordering::SeqCst);
                if n == SLEEPER && !last {
                    tokio::task::yield_now().await;
                    continue;
                }
                received.take(&world.poll_body(&agent.id, &agent.secret));
                if last {
                    return (agent.id, received);
                }
                tokio::task::yield_now().await;
            }
        });
    }
    let mut others = JoinSet::new();
    for n in 0..3 {
        let (world, is_over) = (Arc::clone(&world), Arc::clone(&is_over));
        let taken_over = Arc::clone(&taken_over);
        others.spawn(async move {
            while !is_over.load(Ordering::SeqCst) {
                let visitor = world.join(&format!("visitor_{n}"));
                let payload = json!({"channel_id": "lobby"});
                world
                    .ask(&visitor, "system.add_channel_member", payload)
                    .await;
                let victim =
                    world.register(&json!({"agent_id": "agent_0", "secret": visitor.secret}));
                if victim["success"] == true {
                    taken_over.fetch_add(1, Ordering::SeqCst);
                }
                world.unregister(&json!({"agent_id": visitor.id, "secret": visitor.secret}));
                tokio::task::yield_now().await;
            }
        });
    }

    while let Some(sent) = senders.join_next().await {
        sent.unwrap();
    }
    is_over.store(true, Ordering::SeqCst);
    while let Some(visited) = others.join_next().await {
        visited.unwrap();
    }
    let to_all = EVENTS.div_ceil(3);
    let expected = (EVENTS - to_all) + (AGENTS - 1) * to_all;
    while let Some(polled) = pollers.join_next().await {
        let (id, received) = polled.unwrap();
        let all = received.count() + usize::try_from(received.dropped).unwrap();
        assert_eq!(all, expected, "{id}");
        if id == format!("agent_{SLEEPER}") {
            assert_eq!(received.count(), ROOM, "the others were dropped");
        }
        for (from, numbers) in &received.numbers {
            let in_order = numbers.windows(2).all(|pair| pair[0] < pair[1]);
            assert!(in_order, "{id} from {from}: {numbers:?}");
        }
    }
    assert_eq!(taken_over.load(Ordering::SeqCst), 0);
    let health = world.network.health();
    assert_eq!(health["data"]["agent_count"], AGENTS);
    let root = world.admin();
    let channels = world.ask(&root, "system.list_channels", json!({})).await;
    assert_eq!(channels["data"]["channels"], json!([]));
}

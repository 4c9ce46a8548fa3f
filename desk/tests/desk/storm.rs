//! Loads, unloads, reloads, changes and kills of the same mods on three nodes at once.

mod model;
mod people;

use crate::node::{Disk, Fleet, Node, eventually, within};
use hotbed_registry::{Query, Registration, RegistryBackend, Status};
use hotbed_testkit::{replayed, sized};
use model::{Answered, Model, is_enabled, is_good};
use people::Deed;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const NAMES: [&str; 4] = ["aa", "bb", "cc", "dd"];
const SLOTS: usize = 3;
const PEOPLE: u64 = 4;
const DEEDS: usize = 8;

/// Three places for nodes, of which now and then one dies and another takes its place.
struct Storm {
    fleet: Fleet,
    slots: Vec<Mutex<Arc<Node>>>,
    disks: Vec<Arc<Disk>>,
    answered: Mutex<Vec<Answered>>,
}

impl Storm {
    fn new() -> Self {
        let fleet = Fleet::new();
        // `bb` cannot run without `aa`.
        fleet.shop.bind("bb", &["aa"]);
        let disks: Vec<Arc<Disk>> = (0..SLOTS).map(|_| Arc::default()).collect();
        let slots = disks.iter().map(|disk| {
            let node = fleet.opened(Some(Arc::clone(disk) as _));
            node.run();
            Mutex::new(Arc::new(node))
        });
        Self {
            slots: slots.collect(),
            fleet,
            disks,
            answered: Mutex::default(),
        }
    }

    fn node(&self, slot: usize) -> Arc<Node> {
        Arc::clone(&self.slots[slot].lock().unwrap())
    }

    /// One who kills nodes, cuts their lines, and slows them down.
    async fn trouble(&self, mut random: StdRng) {
        for _ in 0..random.random_range(0..5) {
            pause(&mut random, 4_000).await;
            let slot = random.random_range(0..SLOTS);
            let node = self.node(slot);
            match random.random_range(0..3) {
                0 => {
                    node.line.cut();
                    pause(&mut random, 8_000).await;
                    node.line.slow(random.random());
                }
                1 => node.line.slow(random.random()),
                _ => {
                    node.kill().await;
                    pause(&mut random, 3_000).await;
                    let disk = Arc::clone(&self.disks[slot]);
                    let born = self.fleet.opened(Some(disk as _));
                    let starts_alone = random.random_bool(0.3);
                    if starts_alone {
                        born.line.cut();
                    }
                    born.run();
                    let born = Arc::new(born);
                    *self.slots[slot].lock().unwrap() = Arc::clone(&born);
                    if starts_alone {
                        pause(&mut random, 8_000).await;
                        born.line.mend();
                    }
                }
            }
        }
    }

    /// One who does things with mods.
    async fn person(&self, person: u64, mut random: StdRng) {
        for number in 0..DEEDS {
            let node = self.node(random.random_range(0..SLOTS));
            let deed = Deed::some(&mut random);
            let by = format!("{person}.{number}");
            let answered = deed.is_done(&node, &self.fleet.store, by).await;
            self.answered.lock().unwrap().push(answered);
            if random.random_bool(0.5) {
                pause(&mut random, 3_000).await;
            }
        }
    }

    /// What is registered in the end.
    async fn registered(&self) -> Vec<Registration> {
        self.fleet
            .store
            .list(&Query::default())
            .await
            .unwrap()
            .items
    }

    /// Every node runs exactly what is registered, each mod once.
    async fn assert_converged(&self) {
        let registered = self.registered().await;
        for slot in 0..SLOTS {
            let node = self.node(slot);
            node.line.mend();
            within(
                Duration::from_mins(3),
                "a node has gone by what is written",
                || has_gone_by(&node, &registered),
            )
            .await;
        }
        for slot in 0..SLOTS {
            let node = self.node(slot);
            // What it has begun by itself it ends, too.
            node.follower.settled().await.unwrap();
            for registration in &registered {
                assert_runs(&node, registration, &registered).await;
            }
            eventually("what was replaced is gone", || {
                node.shop.alive() == node.running().len()
            })
            .await;
            node.shop.assert_sound();
        }
    }

    /// And nothing is left of it once nothing is registered.
    async fn assert_empties(&self) {
        for registration in self.registered().await {
            self.fleet.delete(registration.id.as_str()).await;
        }
        for slot in 0..SLOTS {
            let node = self.node(slot);
            let nothing = || node.host.statuses().is_empty() && node.host.leftovers().is_empty();
            eventually("nothing is left", nothing).await;
            node.assert_ends_empty().await;
        }
    }
}

fn has_gone_by(node: &Node, registered: &[Registration]) -> bool {
    let statuses = node.host.statuses();
    let wanted = registered.iter().map(|it| Some(it.revision.0));
    statuses.len() == registered.len()
        && wanted.eq(statuses.iter().map(|status| status.desired_revision))
        && statuses.iter().all(|status| status.generations.len() <= 1)
}

async fn assert_runs(node: &Node, registration: &Registration, all: &[Registration]) {
    let name = registration.id.as_str();
    let status = node.status(name).unwrap();
    if !is_enabled(registration) {
        assert_eq!(status.generation, None, "{status:?}");
        return;
    }
    let other = |other: &str| all.iter().find(|it| it.id.as_str() == other);
    let (needed, needing) = match name {
        "aa" => (None, other("bb")),
        "bb" => (other("aa").filter(|it| is_enabled(it)), None),
        _ => (None, None),
    };
    if name == "bb" && needed.is_none() {
        assert_eq!(status.generation, None, "{status:?}");
    } else if !is_good(registration) {
        assert!(status.error.is_some(), "{status:?}");
    } else if [needed, needing].into_iter().flatten().all(is_good) {
        assert!(status.is_well(), "{status:?}");
        assert_eq!(status.revision, Some(registration.revision.0));
        let config = registration.config.get("config");
        assert_eq!(node.ask(name).await, config.cloned());
    } else {
        // It comes into service together with the other, which does not come up, or did before that was spoiled.
        assert!(status.is_well() || status.error.is_some(), "{status:?}");
    }
}

async fn pause(random: &mut StdRng, longest_ms: u64) {
    let pause = random.random_range(0..longest_ms);
    tokio::time::sleep(Duration::from_millis(pause)).await;
}

async fn storm(seed: u64) {
    let random = |stream: u64| StdRng::seed_from_u64(seed * 64 + stream);
    let storm = Storm::new();
    for name in ["aa", "cc"] {
        let registration = crate::node::registration(name, json!({"x": 0}));
        storm.fleet.write(name, registration).await;
    }
    for slot in 0..SLOTS {
        storm
            .node(slot)
            .line
            .slow(random(32 + slot as u64).random());
    }
    let everybody = (0..PEOPLE).map(|person| storm.person(person, random(person)));
    let everybody = futures::future::join_all(everybody);
    tokio::join!(everybody, storm.trouble(random(16)));
    storm.assert_converged().await;
    let model = Model::of(&storm.fleet.store).await;
    for answered in &*storm.answered.lock().unwrap() {
        model.judge(answered);
    }
    storm.assert_empties().await;
}

/// Each answer is one that may be, given what was written meanwhile; whatever was done, every node ends in what is
/// registered, and nothing is left over.
///
/// Caught: an edit that writes over another; a load that takes out what somebody else wrote, leaves what it wrote, or does
/// not wait until it is out; a follower that keeps what is gone, reads an id only once, or answers before it has looked.
///
/// A seed again, and nothing else, its people and its troubles the same, its threads as the machine has them:
/// `HOTBED_REPLAY=17 cargo test -p hotbed-desk --test desk storm -- --nocapture`.
#[test]
fn in_a_storm_on_three_nodes_every_answer_may_be_and_every_node_ends_in_what_is_registered() {
    let seeds = match replayed() {
        Some(seed) => {
            let seed = seed.parse().unwrap();
            seed..seed + 1
        }
        None => 0..sized(200, 20_000),
    };
    for seed in seeds {
        println!("seed {seed}");
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(storm(seed));
        // What belongs to nodes that were killed hangs for ever.
        runtime.shutdown_background();
    }
}

/// Whether a registration of these keys is one that does not come up.
fn spoils(config: Option<&Value>) -> bool {
    config.is_some_and(|config| {
        ["initialize", "start", "health"]
            .iter()
            .any(|key| config.get(key).is_some())
    })
}

fn is_active(registration: &Registration) -> bool {
    registration.status == Status::Active
}

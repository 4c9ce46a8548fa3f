//! What a node served survives its death, whenever that comes, and the absence of its registry.

mod told;

use crate::harness::{Launch, Node, POLL, echo, eventually};
use futures::future::{join, join_all};
use hotbed_testkit::{FaultProxy, NetworkFault, sized};
use nix::sys::signal::Signal;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use std::fs;
use std::time::Duration;
use tokio::time::sleep;
use told::{Told, log};

const IDS: usize = 6;
const READERS: usize = 3;
/// The longest time for which a node is used before it is killed.
const LONGEST: Duration = Duration::from_millis(120);
/// One that is never deleted.
const STEADY: &str = "steady";

/// Caught: a snapshot that is written up to a second later (`DiskSnapshot::save` that appends nothing); one that is
/// saved after the instance is installed; deletions that are not kept.
#[tokio::test]
async fn a_node_that_is_killed_never_steps_back_behind_what_it_served() {
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut chance = SmallRng::seed_from_u64(seed);
    let registry_launch = Launch::new();
    let registry = registry_launch.start().await;
    let (_, port) = registry.address().rsplit_once(':').unwrap();
    let way = FaultProxy::to(port.parse().unwrap());
    let launch = Launch::new()
        .arg(
            "--registry",
            format!("http://127.0.0.1:{}/api/v1", way.port()),
        )
        .arg("--cache-ttl", "50ms")
        .polling(POLL);
    let told = Told::default();
    let mut node = launch.start().await;
    registry.put_bot(STEADY, "p").await;
    let mut proven = 0;
    for round in 0..sized(15, 400) {
        told.read(&node, STEADY).await.expect("it runs");
        let moment = LONGEST.mul_f64(chance.random());
        let killed = async {
            sleep(moment).await;
            node.signal(Signal::SIGKILL);
        };
        let mut of_its_own = || SmallRng::from_rng(&mut chance);
        let readers: Vec<_> = (0..READERS)
            .map(|_| read_until_killed(&node, &told, of_its_own()))
            .collect();
        let writing = write_until_killed(&node, &registry, &told, of_its_own());
        tokio::join!(join(join_all(readers), writing), killed);
        node.ended().await;

        way.set(NetworkFault::CutBefore(b"HTTP/1.1".to_vec()));
        way.cut();
        node = launch.start().await;
        let log = log(&registry).await;
        for id in ids() {
            let answer = node.chat(&id, "hi").await;
            let served = (answer.status == 200).then(|| answer.revision());
            proven += told.check(&id, served, &log, &format!("round {round}, seed {seed}"));
        }
        let health = node.health().await;
        assert_eq!(health["status"], "stale", "{health}");
        assert_eq!(health["registry"]["state"], "unreachable");
        let warnings = health["warnings"].to_string();
        assert!(!warnings.contains("older"), "{warnings}");
        let instance = node.instance(STEADY).await;
        assert_eq!(instance["state"], "degraded", "{instance}");

        way.set(NetworkFault::None);
        for id in ids() {
            let truth = log.newest(&id);
            let what = format!("{id} is served as it stands at {truth:?}");
            eventually(&what, Duration::from_secs(20), async || {
                let answer = node.chat(&id, "hi").await;
                match (answer.status, truth) {
                    (200, Some(revision)) if answer.revision() == revision => Ok(()),
                    (404, None) => Ok(()),
                    _ => Err(answer.text),
                }
            })
            .await;
        }
    }
    eprintln!("{proven} answers could have been wrong");
    assert!(
        proven >= 30,
        "{proven} answers are too few to show anything"
    );
    node.terminate().await;
    registry.terminate().await;
}

fn ids() -> Vec<String> {
    let others = (0..IDS).map(|n| format!("bot-{n}"));
    others.chain([STEADY.to_owned()]).collect()
}

async fn read_until_killed(node: &Node, told: &Told, mut chance: SmallRng) {
    let ids = ids();
    while let Some(id) = ids.choose(&mut chance)
        && told.read(node, id).await.is_some()
    {}
}

/// Writes by way of either node until the one that is killed does not answer.
async fn write_until_killed(node: &Node, registry: &Node, told: &Told, mut chance: SmallRng) {
    let ids = ids();
    while let Some(id) = ids.choose(&mut chance) {
        let path = format!("/api/v1/bots/{id}");
        let by_node = chance.random_ratio(1, 2);
        let by = if by_node { node } else { registry };
        if id != STEADY && chance.random_ratio(1, 3) {
            let Ok(answer) = by.try_send(by.request(Method::DELETE, &path)).await else {
                return;
            };
            if answer.status == 204 && by_node {
                let revision = answer.header("x-hotbed-revision").unwrap();
                told.deleted(id, revision.parse().unwrap());
            }
        } else {
            let request = by.request(Method::PUT, &path).json(&echo("p"));
            if by.try_send(request).await.is_err() {
                return;
            }
        }
        if !by_node && node.try_get("/healthz").await.is_err() {
            return;
        }
    }
}

/// Caught: a file of the data directory that holds a configuration in clear; a log that does.
#[tokio::test]
async fn a_literal_secret_stands_in_no_file_but_the_registry() {
    const SECRET: &str = "literal-secret-93c1";
    let launch = Launch::new().arg("--log", "trace");
    let node = launch.start().await;
    let mut logged = Vec::new();
    let mut body = echo(SECRET);
    body["metadata"] = serde_json::json!({"token": SECRET});
    node.put("/api/v1/bots/b", &body).await.expect(201);
    node.served("b").await;
    logged.push(node.errors());
    node.kill().await;
    let files = |launch: &Launch| -> Vec<_> {
        let files = fs::read_dir(launch.data_dir()).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    };
    let look = |launch: &Launch| {
        let found = files(launch);
        assert!(found.len() >= 3, "{found:?}");
        for file in found {
            let bytes = fs::read(&file).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(SECRET), "{}", file.display());
        }
    };
    look(&launch);
    let node = launch.start().await;
    node.served("b").await;
    logged.push(node.errors() + &node.output());
    node.terminate().await;
    look(&launch);
    for said in logged {
        assert!(!said.contains(SECRET), "it is in the log");
    }
}

#[tokio::test]
async fn the_snapshot_is_sealed_under_the_key_that_is_given() {
    let digits = "0f".repeat(32);
    let launch = Launch::new();
    let file = launch.home().join("key");
    fs::write(&file, format!("{digits}\n")).unwrap();
    let node = launch
        .clone()
        .arg("--snapshot-key-file", &file)
        .start()
        .await;
    node.put_bot("b", "p").await;
    let revision = node.served("b").await;
    node.terminate().await;
    assert!(!launch.data_dir().join("snapshot.key").exists());
    fs::rename(launch.registry(), launch.home().join("away.db")).unwrap();
    fs::create_dir(launch.registry()).unwrap();

    // Without it there is nothing to serve from, and with it there is again.
    let ended = launch.fail().await;
    assert!(ended.errors.contains("another key"), "{ended:?}");
    let sealed = launch.data_dir().join("snapshot.sealed");
    fs::rename(sealed.with_extension("sealed.bad"), &sealed).unwrap();
    let node = launch
        .clone()
        .env("HOTBED_SNAPSHOT_KEY", &digits)
        .start()
        .await;
    assert_eq!(node.served("b").await, revision);
    node.terminate().await;

    for (name, value) in [
        ("HOTBED_SNAPSHOT_KEY", "a passphrase"),
        ("HOTBED_SNAPSHOT_KEY_FILE", "/no/such/file"),
    ] {
        let ended = launch.clone().env(name, value).fail().await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(!ended.errors.contains("passphrase"), "{ended:?}");
        let shown = ["HOTBED_SNAPSHOT_KEY", "--snapshot-key-file"];
        assert!(
            shown.iter().any(|it| ended.errors.contains(it)),
            "{ended:?}"
        );
    }
}

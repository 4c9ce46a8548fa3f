//! Mods of a fleet: what one node is told every node does, whatever happens to nodes and servers meanwhile.

use crate::harness::{DEADLINE, Launch, Node, eventually};
use hotbed_testkit::{PostgresServer, RedisServer};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// The mods that are loaded and unloaded by everybody at once.
const IDS: [&str; 4] = ["a", "b", "c", "d"];
/// What each node's people do.
const CHANGES: usize = 30;
const PATHS: [&str; 3] = [
    "hotbed.mods.wiki",
    "hotbed.mods.shared_cache",
    "hotbed.mods.project",
];

/// What runs on a node, by id: from where, and by which revision.
async fn running(node: &Node) -> Result<BTreeMap<String, (String, u64)>, String> {
    let answer = node
        .try_get("/api/v1/mods")
        .await
        .map_err(|it| it.to_string())?;
    let mods = answer.json();
    let items = mods["items"].as_array().ok_or(answer.text)?;
    let running = items
        .iter()
        .filter(|it| it["state"] == "running")
        .map(|it| {
            let text = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
            (
                text("id"),
                (text("path"), it["serves"].as_u64().unwrap_or_default()),
            )
        });
    Ok(running.collect())
}

/// What is registered and to run, by id: from where, and at which revision.
async fn registered(node: &Node) -> BTreeMap<String, (String, u64)> {
    let mods = node.get("/api/v1/mods").await.expect(200).json();
    let items = mods["items"].as_array().unwrap().iter();
    let wanted = items.filter(|it| it["enabled"] == true && !it["revision"].is_null());
    let wanted = wanted.map(|it| {
        let text = |key: &str| it[key].as_str().unwrap().to_owned();
        (text("id"), (text("path"), it["revision"].as_u64().unwrap()))
    });
    wanted.collect()
}

async fn ask(node: &Node, method: Method, path: &str, body: &Value) -> Option<u16> {
    let request = node.request(method, path).timeout(DEADLINE).json(body);
    node.try_send(request)
        .await
        .ok()
        .map(|answer| answer.status)
}

/// Changes mods at a node, and answers how many changes it took. Whatever it is told must be one of the answers that there
/// are: nothing fails inside.
async fn meddle(node: &Node, mut chance: SmallRng) -> usize {
    let mut taken = 0;
    for _ in 0..CHANGES {
        let id = *IDS.choose(&mut chance).unwrap();
        let path = *PATHS.choose(&mut chance).unwrap();
        let at = format!("/api/v1/mods/{id}");
        let status = match chance.random_range(0..7) {
            0 | 1 => {
                ask(
                    node,
                    Method::POST,
                    "/api/v1/mods",
                    &json!({"id": id, "path": path}),
                )
                .await
            }
            2 => ask(node, Method::DELETE, &at, &json!(null)).await,
            3 => ask(node, Method::PUT, &at, &json!({"path": path})).await,
            4 => ask(node, Method::POST, &format!("{at}/disable"), &json!(null)).await,
            5 => ask(node, Method::POST, &format!("{at}/enable"), &json!(null)).await,
            _ => ask(node, Method::POST, &format!("{at}/reload"), &json!(null)).await,
        };
        match status {
            Some(200 | 201) => taken += 1,
            // There is one, there is none, it was unloaded meanwhile, the registry is away.
            Some(404 | 409 | 412 | 422 | 503) | None => {}
            Some(other) => panic!("{other}: {}", node.errors()),
        }
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..20))).await;
    }
    taken
}

/// Meant to catch: a node that is told by its own desk only, one that starts with what it ran before, one that misses what
/// happened while its registry or its bus was away.
#[tokio::test]
async fn every_node_runs_what_is_registered_whatever_happened_meanwhile() {
    let (postgres, redis) = (PostgresServer::start(&[]), RedisServer::start(&[]));
    let database = postgres.database();
    let launch = Launch::new()
        .polling(Duration::from_millis(300))
        .arg("--registry", database.tcp_url())
        .arg("--bus", redis.url());
    let launches = ["one", "two", "three"].map(|name| launch.named(name).arg("--node-id", name));
    let (one, mut two, three) = tokio::join!(
        launches[0].start(),
        launches[1].start(),
        launches[2].start()
    );

    let load = json!({"path": "hotbed.mods.wiki", "id": "a"});
    let status = ask(&one, Method::POST, "/api/v1/mods", &load).await;
    assert_eq!(status, Some(201));
    for node in [&two, &three] {
        eventually("the mod runs", DEADLINE, async || {
            let running = running(node).await?;
            running
                .contains_key("a")
                .then_some(())
                .ok_or(format!("{running:?}"))
        })
        .await;
    }

    let seed = |n: u64| SmallRng::seed_from_u64(n);
    let storm = async {
        let (first, third) = tokio::join!(meddle(&one, seed(1)), meddle(&three, seed(3)));
        first + third
    };
    let faults = async {
        two.signal(nix::sys::signal::Signal::SIGKILL);
        two.ended().await;
        redis.stop();
        tokio::time::sleep(Duration::from_millis(300)).await;
        two = launches[1].start().await;
        redis.resume();
        let pause = Duration::from_millis(400);
        three.pause();
        tokio::time::sleep(pause).await;
        three.resume();
        postgres.kill();
        tokio::time::sleep(pause).await;
        postgres.resume();
    };
    let (taken, ()) = tokio::join!(storm, faults);
    assert!(taken > 0, "nothing was changed");
    // Once more with all there, so that the end is not the end of a fault.
    meddle(&two, seed(2)).await;

    for node in [&one, &two, &three] {
        eventually("the node runs what is registered", DEADLINE, async || {
            let (wanted, running) = (registered(&one).await, running(node).await?);
            if wanted == running {
                Ok(())
            } else {
                Err(format!("{wanted:?} is registered, and {running:?} runs"))
            }
        })
        .await;
    }
    eventually("the fleet is seen to be so", DEADLINE, async || {
        let fleet = one.get("/api/v1/fleet").await.expect(200).json();
        let mods = &fleet["desired"]["mods"];
        if mods["nodes"] == 3 && mods["applied_by"] == 3 {
            Ok(())
        } else {
            Err(mods.to_string())
        }
    })
    .await;
    for node in [one, two, three] {
        node.terminate().await;
    }
}

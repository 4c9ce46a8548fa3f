//! A fleet whose nodes are restarted one after another, as a deployment does, under clients that never try again.

use crate::harness::{DEADLINE, Launch, Node, eventually};
use rand::seq::IndexedRandom;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const NODES: usize = 5;
const CLIENTS: usize = 4;
/// How long a node that is to end still takes requests, so that a balancer notices.
const DRAIN_DELAY: &str = "400ms";
/// How often a balancer asks whether a node takes requests.
const PROBE: Duration = Duration::from_millis(20);

/// What a balancer knows: which nodes take requests.
struct Balancer {
    urls: Vec<String>,
    ready: Vec<AtomicBool>,
    http: reqwest::Client,
    calls: AtomicUsize,
    over: AtomicBool,
}

impl Balancer {
    fn new(urls: Vec<String>) -> Arc<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .retry(reqwest::retry::never())
            .timeout(DEADLINE)
            .build()
            .unwrap();
        Arc::new(Self {
            ready: urls.iter().map(|_| AtomicBool::new(false)).collect(),
            urls,
            http,
            calls: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        })
    }

    /// Asks one node again and again.
    async fn probe(self: Arc<Self>, node: usize) {
        while !self.over.load(Ordering::SeqCst) {
            let answer = self
                .http
                .get(format!("{}/readyz", self.urls[node]))
                .send()
                .await;
            let is_ready = answer.is_ok_and(|answer| answer.status() == 200);
            self.ready[node].store(is_ready, Ordering::SeqCst);
            sleep(PROBE).await;
        }
    }

    /// Talks without a pause, to any node that takes requests. Answers what went wrong, and the lowest revision that was
    /// served after a higher one by the same node since it was started.
    async fn talk(self: Arc<Self>, newest: Arc<AtomicU64>) -> Vec<String> {
        let mut failures = Vec::new();
        while !self.over.load(Ordering::SeqCst) {
            let ready: Vec<usize> = (0..NODES)
                .filter(|node| self.ready[*node].load(Ordering::SeqCst))
                .collect();
            let Some(&node) = ready.choose(&mut rand::rng()) else {
                failures.push("no node takes requests".to_owned());
                sleep(PROBE).await;
                continue;
            };
            let demanded = newest.load(Ordering::SeqCst);
            let url = format!(
                "{}/api/v1/bots/b/chat?min_revision={demanded}",
                self.urls[node]
            );
            let body = serde_json::json!({"message": "hi"});
            self.calls.fetch_add(1, Ordering::SeqCst);
            match self.http.post(url).json(&body).send().await {
                Ok(answer) if answer.status() == 200 => {
                    let served = answer.headers()["x-hotbed-revision"]
                        .to_str()
                        .unwrap()
                        .parse();
                    let served: u64 = served.unwrap();
                    if served < demanded {
                        failures.push(format!("node {node}: {served} in place of {demanded}"));
                    }
                }
                Ok(answer) => failures.push(format!("node {node}: {answer:?}")),
                Err(error) => failures.push(format!("node {node}: {error:?}")),
            }
        }
        failures
    }
}

fn free_ports() -> Vec<u16> {
    let listeners: Vec<TcpListener> = (0..NODES)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    listeners
        .iter()
        .map(|listener| listener.local_addr().unwrap().port())
        .collect()
}

/// Caught: a node that stops taking requests in the moment in which it says that it will; one that says it is ready before
/// it has caught up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_while_nodes_are_restarted_one_after_another() {
    const NAMES: [&str; NODES] = ["a", "b", "c", "d", "e"];
    let ports = free_ports();
    let launch = Launch::new().polling(Duration::from_millis(200));
    let launches: Vec<Launch> = (0..NODES)
        .map(|node| {
            launch
                .named(NAMES[node])
                .arg("--listen", format!("127.0.0.1:{}", ports[node]))
                .arg("--drain-delay", DRAIN_DELAY)
        })
        .collect();
    let mut nodes = Vec::new();
    for launch in &launches {
        nodes.push(launch.start().await);
    }
    let newest = Arc::new(AtomicU64::new(nodes[0].put_bot("b", "version 0").await));
    let balancer = Balancer::new(nodes.iter().map(|node| node.url.clone()).collect());
    let mut background = JoinSet::new();
    for node in 0..NODES {
        let probe = Arc::clone(&balancer).probe(node);
        background.spawn(async move {
            probe.await;
            Vec::new()
        });
    }
    eventually("all are ready", DEADLINE, async || {
        let ready = |it: &AtomicBool| it.load(Ordering::SeqCst);
        balancer
            .ready
            .iter()
            .all(ready)
            .then_some(())
            .ok_or_else(String::new)
    })
    .await;
    for _ in 0..CLIENTS {
        background.spawn(Arc::clone(&balancer).talk(Arc::clone(&newest)));
    }
    for node in 0..NODES {
        let writer = &nodes[(node + 1) % NODES];
        let revision = writer
            .put_bot("b", &format!("before {node} restarts"))
            .await;
        newest.store(revision, Ordering::SeqCst);
        let old: Node = nodes.remove(node);
        old.terminate().await;
        let begun = Instant::now();
        nodes.insert(node, launches[node].start().await);
        let revision = nodes[node]
            .put_bot("b", &format!("after {node} restarted"))
            .await;
        newest.store(revision, Ordering::SeqCst);
        eventually("it takes requests again", DEADLINE, async || {
            let ready = balancer.ready[node].load(Ordering::SeqCst);
            ready
                .then_some(())
                .ok_or_else(|| format!("{:?}", begun.elapsed()))
        })
        .await;
    }
    balancer.over.store(true, Ordering::SeqCst);
    let failures = background.join_all().await.concat();
    let calls = balancer.calls.load(Ordering::SeqCst);
    assert!(
        failures.is_empty(),
        "{} of {calls} failed: {:?}",
        failures.len(),
        failures.first()
    );
    assert!(calls > 100, "only {calls} calls");
    for node in nodes {
        node.terminate().await;
    }
}

//! How long after a write was acknowledged on one node a new instance answers on another: with Redis and with PostgreSQL
//! for the bus, against a bare message from one connection to another in the same run; with 1, 10 and 100 nodes that
//! listen. The registry is one PostgreSQL; every node has its own cache, loop and bus connection, and all share this
//! process.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

use async_trait::async_trait;
use futures::StreamExt;
use hotbed::cache::{BoxError, CachingRegistryManager, Id, InstanceFactory, Revision};
use hotbed::configs::ResolvedConfig;
use hotbed::events::{EventBus, Interest};
use hotbed::hotreload::{HotReloadManager, ReloadMode, ReloadTarget};
use hotbed::registry::{
    CollectionName, Draft, PortableConfig, Precondition, Registry, RegistryBackend,
};
use hotbed_backends::{PostgresOptions, PostgresStore, RegistryUrl, open_bus};
use hotbed_testkit::{PostgresServer, RedisServer};
use serde_json::json;
use sqlx::Connection;
use sqlx::postgres::{PgConnection, PgListener};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Messages and writes that are measured, and those before them that are not.
const ROUNDS: usize = 400;
const WARM_UP: usize = 50;
/// Between two of them: nobody changes a configuration without a pause, and a fleet must come to rest.
const PAUSE: Duration = Duration::from_millis(2);

fn main() {
    let runtime = Runtime::new().unwrap();
    let (redis, postgres) = (RedisServer::start(&[]), PostgresServer::start(&[]));
    let database = postgres.database();
    runtime.block_on(async {
        let redis_floor = redis_floor(&redis.url()).await;
        let notify_floor = notify_floor(&database.tcp_url()).await;
        show("floor: Redis PUBLISH -> received", &redis_floor, None);
        show("floor: NOTIFY -> received", &notify_floor, None);
        for nodes in [1, 10, 100] {
            for (bus, url, floor) in [
                ("redis", redis.url(), &redis_floor),
                ("postgres", database.tcp_url(), &notify_floor),
            ] {
                let times = propagation(&url, &database.tcp_url(), nodes).await;
                let title = format!("{bus}: acknowledged -> answers on the last of {nodes}");
                show(&title, &times, Some(floor));
            }
        }
    });
}

fn show(name: &str, times: &[Duration], floor: Option<&[Duration]>) {
    let at = |times: &[Duration], share: f64| {
        let mut times = times.to_vec();
        times.sort();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "an index of a short list"
        )]
        let index = ((times.len() - 1) as f64 * share) as usize;
        times[index]
    };
    let (p50, p99) = (at(times, 0.5), at(times, 0.99));
    let ratios = floor.map(|floor| {
        let ratio = |share| at(times, share).as_secs_f64() / at(floor, share).as_secs_f64();
        format!("   {:>6.2}x {:>6.2}x", ratio(0.5), ratio(0.99))
    });
    println!(
        "  {name:<52} p50 {:>10} p99 {:>10}{}",
        format!("{p50:.1?}"),
        format!("{p99:.1?}"),
        ratios.unwrap_or_default()
    );
}

async fn redis_floor(url: &str) -> Vec<Duration> {
    let client = redis::Client::open(url).unwrap();
    let mut publisher = client.get_multiplexed_async_connection().await.unwrap();
    let mut subscriber = client.get_async_pubsub().await.unwrap();
    subscriber.subscribe("floor").await.unwrap();
    let mut messages = subscriber.into_on_message();
    let mut times = Vec::new();
    for _ in 0..WARM_UP + ROUNDS {
        let began = Instant::now();
        let mut publish = redis::cmd("PUBLISH");
        publish.arg("floor").arg("message");
        let (sent, heard) =
            tokio::join!(publish.query_async::<()>(&mut publisher), messages.next());
        times.push(began.elapsed());
        sent.unwrap();
        heard.unwrap();
        tokio::time::sleep(PAUSE).await;
    }
    times.split_off(WARM_UP)
}

async fn notify_floor(url: &str) -> Vec<Duration> {
    let mut listener = PgListener::connect(url).await.unwrap();
    listener.listen("floor").await.unwrap();
    let mut publisher = PgConnection::connect(url).await.unwrap();
    let mut times = Vec::new();
    for _ in 0..WARM_UP + ROUNDS {
        let began = Instant::now();
        let publish = sqlx::query("SELECT pg_notify('floor', 'message')").execute(&mut publisher);
        let (sent, heard) = tokio::join!(publish, listener.recv());
        times.push(began.elapsed());
        sent.unwrap();
        heard.unwrap();
        tokio::time::sleep(PAUSE).await;
    }
    times.split_off(WARM_UP)
}

/// A node that keeps one instance and says when a new one of it stands.
struct Node {
    cache: Arc<CachingRegistryManager<u64>>,
    built: watch::Receiver<u64>,
}

struct Tells(watch::Sender<u64>);

#[async_trait]
impl InstanceFactory<u64> for Tells {
    async fn create(&self, _: &Id, revision: Revision, _: ResolvedConfig) -> Result<u64, BoxError> {
        self.0.send_replace(revision.0);
        Ok(revision.0)
    }
}

async fn backend(url: &str) -> Arc<dyn RegistryBackend> {
    let Ok(RegistryUrl::Postgres(url)) = url.parse() else {
        panic!("a good URL")
    };
    let store = PostgresStore::open(&url, PostgresOptions::default()).await;
    store.unwrap().collection(&CollectionName::bots())
}

/// The times from the acknowledgement on one node until the last of `nodes` others answers with the new revision.
async fn propagation(bus: &str, database: &str, nodes: usize) -> Vec<Duration> {
    let (writer_side, reader_side) = (backend(database).await, backend(database).await);
    let door = |backend, bus: &Arc<dyn EventBus>| {
        Registry::builder(CollectionName::bots(), backend, Arc::clone(bus)).build()
    };
    let bus_url = bus.parse().unwrap();
    let writer = door(writer_side, &open_bus(&bus_url));
    let id = Id::new("bot").unwrap();
    put(&writer, &id, 0).await;
    let stop = CancellationToken::new();
    let mut loops = JoinSet::new();
    let mut fleet = Vec::new();
    for _ in 0..nodes {
        let bus = open_bus(&bus_url);
        let reader = door(Arc::clone(&reader_side), &bus).reader();
        let (tell, built) = watch::channel(0);
        let cache = CachingRegistryManager::builder(reader.clone(), Tells(tell)).build();
        let cache = Arc::new(cache);
        let mode = ReloadMode::Hybrid {
            bus,
            topics: Interest::from(Registry::topic_of(&CollectionName::bots())),
            every: Duration::from_mins(1),
        };
        let targets: Vec<Arc<dyn ReloadTarget>> = vec![Arc::clone(&cache) as _];
        let manager = HotReloadManager::new(reader, mode, targets);
        let handle = manager.handle();
        loops.spawn(manager.run(stop.clone()));
        handle.sync().await.unwrap();
        cache.get_or_create(&id).await.unwrap();
        fleet.push(Node { cache, built });
    }
    // Until all are subscribed, a change is not heard but polled for.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut times = Vec::new();
    for n in 0..WARM_UP + ROUNDS {
        let revision = put(&writer, &id, n).await;
        let acknowledged = Instant::now();
        for node in &mut fleet {
            let news = node.built.wait_for(|built| *built >= revision);
            let heard = tokio::time::timeout(Duration::from_secs(10), news).await;
            heard.expect("it is heard").unwrap();
            let served = *node.cache.get_or_create(&id).await.unwrap();
            assert!(served >= revision, "{served} in place of {revision}");
        }
        times.push(acknowledged.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    stop.cancel();
    loops.join_all().await;
    times.split_off(WARM_UP)
}

async fn put(registry: &Registry, id: &Id, n: usize) -> u64 {
    let config = PortableConfig::from_value(json!({ "n": n })).unwrap();
    let written = registry
        .put(id, Draft::active(config), Precondition::Any)
        .await;
    written.unwrap().registration.revision.0
}

use crate::world::name;
use async_trait::async_trait;
use hotbed_cache::{
    BoxError, CacheSettings, CachingRegistryManager, GetError, Id, InstanceFactory, Revision,
};
use hotbed_configs::{PortableConfig, ResolvedConfig};
use hotbed_events::MemoryBus;
use hotbed_registry::{
    CollectionName, Draft, MemoryBackend, Precondition, Reader, Registry, RegistryBackend,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::{JoinSet, yield_now};
use tokio::time::Instant;

const KEYS: usize = 32;
const READERS: usize = 2;
const WRITERS: usize = 2;
/// Writes between two rests of a writer, which leave time for reads that hit.
const BURST: usize = 8;
const REST: Duration = Duration::from_millis(1);
/// Keys that most reads are of.
const HOT: usize = 4;
/// How long plain moka may take to show a stale read. Usually it takes milliseconds.
const CONTROL_DEADLINE: Duration = Duration::from_secs(20);

/// Readers on threads of their own note what was acknowledged before each read began, while writers write, delete and
/// create again, instances are evicted, run out of trust and are invalidated: not one of ten million reads is stale.
/// Plain moka under the same schedule shows that the schedule can tell.
///
/// Mutations: `Machine::observe` begins no epoch; `judge` settles the newest epoch whatever was read; the registry
/// tells its observers after it answered; `Instance::is_fresh` does not look at the generation; `Slot::observe` does
/// not publish.
#[test]
fn no_stale_fill() {
    let plain = CacheSettings::default();
    let setups = [
        ("with room for all", 8_000_000, plain.clone(), Chaos::None),
        (
            "with room for a quarter",
            1_000_000,
            CacheSettings {
                capacity: KEYS as u64 / 4,
                ..plain.clone()
            },
            Chaos::None,
        ),
        (
            "with trust for 10 ms",
            1_000_000,
            CacheSettings {
                ttl: Duration::from_millis(10),
                negative_ttl: Duration::from_millis(1),
                ..plain.clone()
            },
            Chaos::Invalidate,
        ),
        (
            "with everything at once",
            300_000,
            CacheSettings {
                capacity: KEYS as u64 / 2,
                ttl: Duration::from_millis(20),
                idle: Duration::from_millis(50),
                ..plain
            },
            Chaos::InvalidateAll,
        ),
    ];
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for (title, reads, settings, chaos) in setups {
        let seen = runtime.block_on(async {
            let registry = registry();
            let reader = registry.reader();
            let cache = CachingRegistryManager::builder(reader, Revisions).settings(settings);
            let cache = Arc::new(cache.build());
            registry.add_observer(cache.clone());
            let stress = Stress::new(registry, Ours(cache, chaos));
            stress.run(move |seen| seen.reads < reads).await
        });
        println!(
            "{title}: {} reads during {} writes",
            seen.reads, seen.writes
        );
        assert_eq!(seen.stale, 0, "{title}");
        assert!(seen.reads >= reads && seen.writes > 1_000, "{title}");
    }
    let control = runtime.block_on(async {
        let registry = registry();
        let moka = PlainMoka {
            cache: moka::future::Cache::new(KEYS as u64),
            reader: registry.reader(),
        };
        let began = Instant::now();
        let stress = Stress::new(registry, moka);
        stress
            .run(move |seen| seen.stale == 0 && began.elapsed() < CONTROL_DEADLINE)
            .await
    });
    println!(
        "plain moka: {} of {} reads are stale",
        control.stale, control.reads
    );
    assert!(control.stale > 0, "the schedule cannot tell");
}

/// The race of plain moka step by step, on our cache: a build that read before the write ends after it.
#[tokio::test(start_paused = true)]
async fn a_build_that_read_the_old_configuration_never_sticks() {
    let world = crate::world::World::new(CacheSettings::default());
    world.put("a").await;
    let gate = world.workshop.gate("a");
    let mut readers = JoinSet::new();
    world.ask(&mut readers, "a");
    crate::world::eventually("it has read", || world.workshop.begun("a") == 1).await;
    let newer = world.put("a").await;
    gate.add_permits(2);
    readers.join_all().await;
    assert_eq!(world.serves("a").await, newer);
}

fn registry() -> Registry {
    let backend: Arc<dyn RegistryBackend> = Arc::new(MemoryBackend::new());
    Registry::builder(CollectionName::bots(), backend, Arc::new(MemoryBus::new())).build()
}

/// A cache under test.
#[async_trait]
trait Subject: Send + Sync + 'static {
    /// The revision that is served; `None` if there is none.
    async fn read(&self, id: &Id) -> Option<u64>;
    /// What a user of this cache does after each write.
    async fn written(&self, id: &Id, count: usize);
}

/// What is done to the cache besides writing.
#[derive(Clone, Copy)]
enum Chaos {
    None,
    Invalidate,
    InvalidateAll,
}

struct Ours(Arc<CachingRegistryManager<Revision>>, Chaos);

struct Revisions;

#[async_trait]
impl InstanceFactory<Revision> for Revisions {
    async fn create(&self, _: &Id, at: Revision, _: ResolvedConfig) -> Result<Revision, BoxError> {
        yield_now().await;
        Ok(at)
    }
}

#[async_trait]
impl Subject for Ours {
    async fn read(&self, id: &Id) -> Option<u64> {
        match self.0.get_or_create(id).await {
            Ok(lease) => {
                assert_eq!(*lease, lease.revision());
                Some(lease.revision().0)
            }
            Err(GetError::NotFound { .. }) => None,
            Err(error) => panic!("{error}"),
        }
    }

    async fn written(&self, id: &Id, count: usize) {
        match self.1 {
            Chaos::Invalidate if count.is_multiple_of(5) => self.0.invalidate(id),
            Chaos::InvalidateAll if count.is_multiple_of(500) => self.0.invalidate_all(),
            _ => {}
        }
    }
}

/// moka as its documentation has it: load through `get_with`, `invalidate` after each write.
struct PlainMoka {
    cache: moka::future::Cache<Id, Option<u64>>,
    reader: Reader,
}

#[async_trait]
impl Subject for PlainMoka {
    async fn read(&self, id: &Id) -> Option<u64> {
        let load = async {
            let found = self.reader.peek(id).await.unwrap();
            yield_now().await;
            found.map(|found| found.revision.0)
        };
        self.cache.get_with(id.clone(), load).await
    }

    async fn written(&self, id: &Id, _: usize) {
        self.cache.invalidate(id).await;
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    reads: u64,
    stale: u64,
    writes: u64,
}

struct Stress<S> {
    registry: Registry,
    subject: S,
    ids: Vec<Id>,
    acknowledged: Vec<Acknowledged>,
    done: AtomicBool,
    reads: AtomicU64,
    stale: AtomicU64,
    writes: AtomicU64,
}

/// What every reader of an id must see from now on: a revision, and in the lowest bit whether the id may be absent.
#[derive(Default)]
struct Acknowledged(AtomicU64);

impl Acknowledged {
    fn note(&self, revision: Revision, may_be_absent: bool) {
        let word = revision.0 << 1 | u64::from(may_be_absent);
        self.0.store(word, Ordering::Release);
    }

    /// Whether a read that began when this was `before` is stale.
    fn is_stale(&self, before: u64, read: Option<u64>) -> bool {
        match read {
            Some(revision) => revision < before >> 1,
            // Absent is right if it was at any time during the read.
            None => before & 1 == 0 && self.0.load(Ordering::Acquire) == before,
        }
    }
}

impl<S: Subject> Stress<S> {
    fn new(registry: Registry, subject: S) -> Arc<Self> {
        Arc::new(Self {
            registry,
            subject,
            ids: (0..KEYS).map(|n| name(&format!("bot-{n}"))).collect(),
            acknowledged: (0..KEYS).map(|_| Acknowledged::default()).collect(),
            done: AtomicBool::new(false),
            reads: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        })
    }

    fn seen(&self) -> Seen {
        Seen {
            reads: self.reads.load(Ordering::Relaxed),
            stale: self.stale.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
        }
    }

    async fn run(self: Arc<Self>, go_on: impl Fn(Seen) -> bool) -> Seen {
        for key in 0..KEYS {
            self.put(key).await;
        }
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                let (stress, runtime) = (Arc::clone(&self), Handle::current());
                std::thread::spawn(move || runtime.block_on(stress.read(reader)))
            })
            .collect();
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            writers.spawn(Arc::clone(&self).write(writer));
        }
        while go_on(self.seen()) && !readers.iter().any(std::thread::JoinHandle::is_finished) {
            tokio::time::sleep(REST).await;
        }
        self.done.store(true, Ordering::Relaxed);
        for reader in readers {
            tokio::task::block_in_place(|| reader.join().unwrap());
        }
        writers.join_all().await;
        self.seen()
    }

    async fn read(&self, reader: usize) {
        let mut random = reader as u64 + 1;
        while !self.done.load(Ordering::Relaxed) {
            const BATCH: u64 = 1_000;
            for _ in 0..BATCH {
                let key = match next(&mut random) {
                    any if any < HOT => next(&mut random),
                    hot => hot % HOT,
                };
                let before = self.acknowledged[key].0.load(Ordering::Acquire);
                let read = self.subject.read(&self.ids[key]).await;
                if self.acknowledged[key].is_stale(before, read) {
                    self.stale.fetch_add(1, Ordering::Relaxed);
                }
            }
            self.reads.fetch_add(BATCH, Ordering::Relaxed);
        }
    }

    async fn write(self: Arc<Self>, writer: usize) {
        let mut random = writer as u64 + 101;
        let mut count = 0;
        while !self.done.load(Ordering::Relaxed) {
            for _ in 0..BURST {
                // Each key has one writer, so that what it notes is in order.
                let key = next(&mut random) / WRITERS * WRITERS + writer;
                count += 1;
                if count % 4 == 0 {
                    self.delete(key).await;
                    self.subject.written(&self.ids[key], count).await;
                }
                self.put(key).await;
            }
            self.writes.fetch_add(BURST as u64, Ordering::Relaxed);
            tokio::time::sleep(REST).await;
        }
    }

    async fn put(&self, key: usize) {
        let draft = Draft::active(PortableConfig::from_value(serde_json::json!({})).unwrap());
        let put = self.registry.put(&self.ids[key], draft, Precondition::Any);
        let revision = put.await.unwrap().registration.revision;
        self.subject.written(&self.ids[key], 0).await;
        self.acknowledged[key].note(revision, false);
    }

    async fn delete(&self, key: usize) {
        let before = self.acknowledged[key].0.load(Ordering::Relaxed) >> 1;
        self.acknowledged[key].note(Revision(before), true);
        let delete = self.registry.delete(&self.ids[key], Precondition::Any);
        let revision = delete.await.unwrap();
        self.subject.written(&self.ids[key], 1).await;
        self.acknowledged[key].note(revision, true);
    }
}

/// The next key, by xorshift.
fn next(random: &mut u64) -> usize {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    usize::try_from(*random % KEYS as u64).unwrap()
}

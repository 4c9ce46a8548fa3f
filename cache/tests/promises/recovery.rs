//! What a registry and the factories must stand when everything is to be built anew: after an invalidation of
//! everything, and while and after the registry did not answer.

use crate::world::{Behaviour, Health, World, eventually, name, pass};
use hotbed_cache::{CacheSettings, CachingRegistryManager, GetError, InstanceState, Revision};
use hotbed_registry::{Id, Registration, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

const MANY: usize = 10_000;
/// Ids without an answer that make an outage.
const MISSES: usize = 5;
/// Longer than the keeper takes to learn of uses, and of what happened to all.
const TICK: Duration = Duration::from_millis(150);
/// The longest wait between two probes.
const STEP: Duration = Duration::from_secs(2);

fn ids(many: usize) -> Vec<String> {
    (0..many).map(|n| format!("bot-{n}")).collect()
}

async fn held(world: &World, ids: &[String]) {
    for id in ids {
        world.put(id).await;
        world.get(id).await.unwrap();
    }
    pass(TICK).await;
}

/// A cache with room for many.
fn roomy() -> CacheSettings {
    CacheSettings {
        capacity: 2 * MANY as u64,
        ..CacheSettings::default()
    }
}

/// Each of these ids is asked for, of a registry that is down: enough of them, and it is known to be.
async fn find_out(world: &World, ids: &[String]) {
    world.backend.set(Health::Down);
    for id in ids {
        let read = world.backend.gets();
        drop(world.get(id).await);
        assert_eq!(world.backend.gets(), read + 1);
    }
}

/// Ten thousand are invalidated at once. Those that nobody asks for are built a few at a time, and if all are asked
/// for at the same moment, so are they.
///
/// Mutations: the keeper takes no notice of an invalidation of everything; `take_early` asks for no place of its own;
/// a build begins without a place.
#[tokio::test(start_paused = true)]
async fn after_an_invalidation_of_everything_no_more_are_built_at_once_than_the_settings_say() {
    let settings = roomy();
    let world = World::new(settings.clone());
    let ids = ids(MANY);
    held(&world, &ids).await;
    world
        .workshop
        .usually(Behaviour::Take(Duration::from_millis(20)));
    world.backend.set(Health::Slow(Duration::from_millis(5)));
    let at_once = || (world.workshop.most_at_once(), world.backend.most_at_once());

    at_once();
    world.cache.invalidate_all();
    eventually("all are built without a reader", || {
        world.cache.stats().builds == 2 * MANY as u64
    })
    .await;
    let (factories, reads) = at_once();
    assert_eq!(factories, settings.refreshes);
    assert!(reads <= settings.refreshes, "{reads}");

    world.cache.invalidate_all();
    let mut readers = JoinSet::new();
    for id in &ids {
        world.ask(&mut readers, id);
    }
    for lease in readers.join_all().await {
        lease.unwrap();
    }
    let (factories, reads) = at_once();
    assert!((1..=settings.builds).contains(&factories), "{factories}");
    assert!(
        (settings.refreshes..=settings.builds).contains(&reads),
        "{reads}"
    );
    assert_eq!(world.cache.stats().builds, 3 * MANY as u64, "once each");
}

/// Mutations: the queue is in the order of coming; the keeper has cold ones built too; it does not take notice of the
/// last uses before it does.
#[tokio::test(start_paused = true)]
async fn after_an_invalidation_of_everything_the_hot_come_first_and_the_cold_when_they_are_asked_for()
 {
    for era in [false, true] {
        let world = World::new(CacheSettings {
            ttl: Duration::from_secs(10),
            refreshes: 1,
            ..CacheSettings::default()
        });
        let (cold, hot) = (ids(50), ["c", "a", "d", "b", "e"].map(String::from));
        held(&world, &cold).await;
        pass(Duration::from_secs(11)).await;
        for id in &hot {
            world.put(id).await;
        }
        for id in ["e", "d", "c", "b", "a"] {
            world.get(id).await.unwrap();
            pass(TICK).await;
        }
        // A hit, of which only a mark in the index tells until the keeper comes by.
        world.cache.hit("c").unwrap();
        world.workshop.take_order();
        if era {
            world.cache.begin_era();
        } else {
            world.cache.invalidate_all();
        }
        pass(Duration::from_secs(5)).await;
        let order = world.workshop.take_order();
        if era {
            // No change will tell of those that the new registry does not have.
            assert_eq!(order.len(), 55);
            assert_eq!(order[..2], ["a", "b"]);
            continue;
        }
        assert_eq!(order, ["c", "a", "b", "d", "e"]);
        world.get(&cold[7]).await.unwrap();
        assert_eq!(world.workshop.take_order(), cold[7..8]);
    }
}

/// Mutation: refreshes wait for their places in the same line as readers.
#[tokio::test(start_paused = true)]
async fn builds_that_readers_wait_for_come_before_all_that_nobody_waits_for() {
    let world = World::new(CacheSettings {
        builds: 3,
        refreshes: 2,
        patience: Duration::from_secs(1),
        ..CacheSettings::default()
    });
    let ids = ids(60);
    held(&world, &ids).await;
    world
        .workshop
        .usually(Behaviour::Take(Duration::from_millis(10)));
    world.workshop.take_order();
    world.cache.invalidate_all();
    eventually("as many as may are under way", || {
        world.workshop.all_begun() == 62
    })
    .await;
    let under_way = world.workshop.take_order();
    let asked: Vec<&String> = ids.iter().filter(|id| !under_way.contains(id)).collect();
    let mut readers = JoinSet::new();
    for id in &asked[30..50] {
        world.ask(&mut readers, id);
    }
    readers.join_all().await;
    let order = world.workshop.take_order();
    let first: BTreeSet<&String> = order.iter().take(20).collect();
    assert_eq!(first, asked[30..50].iter().copied().collect());
}

/// All places but one are held by factories that hang: nobody else notices. All are: then the next one waits for no
/// longer than the patience, and so does what has changed and is to be built early.
///
/// Mutations: a factory keeps its place for as long as it takes; a refresh keeps its own.
#[tokio::test(start_paused = true)]
async fn factories_that_hang_give_up_their_places_to_other_ids() {
    let settings = CacheSettings::default();
    let world = World::new(settings.clone());
    for id in ["a", "b", "c"] {
        world.put(id).await;
    }
    world.get("c").await.unwrap();
    let hanging = ids(settings.builds);
    for id in &hanging {
        world.workshop.behave(id, Behaviour::Hang);
        world.put(id).await;
    }
    let mut readers = JoinSet::new();
    for id in &hanging[1..] {
        world.ask(&mut readers, id);
    }
    pass(Duration::from_millis(1)).await;
    let asked = Instant::now();
    world.get("a").await.unwrap();
    assert_eq!(asked.elapsed(), Duration::ZERO);
    world.ask(&mut readers, &hanging[0]);
    pass(Duration::from_millis(1)).await;
    let changed = world.put("c").await;
    let asked = Instant::now();
    world.get("b").await.unwrap();
    assert!(asked.elapsed() <= settings.patience);
    eventually("what changed is built", || {
        world.cache.peek(&name("c")).unwrap().revision() == changed
    })
    .await;
    assert!(asked.elapsed() <= settings.patience + Duration::from_millis(2));

    for id in ids(settings.refreshes) {
        let id = format!("refreshed-{id}");
        world.put(&id).await;
        world.get(&id).await.unwrap();
        world.workshop.behave(&id, Behaviour::Hang);
        world.put(&id).await;
    }
    pass(Duration::from_millis(1)).await;
    let changed = world.put("c").await;
    let told = Instant::now();
    eventually("what changed is built", || {
        world.cache.peek(&name("c")).unwrap().revision() == changed
    })
    .await;
    assert!(told.elapsed() <= settings.patience + Duration::from_millis(2));
}

/// The registry is down for minutes, then hangs for minutes, under ten thousand ids that are held and read, all the
/// time: it is asked now and then by one of them. Then it is back, with something newer of each: all of them have it
/// soon, though nobody tells of it, a few at a time.
///
/// Mutations: each id asks on its own clock; a probe begins beside another; the keeper takes no notice of the end of
/// an outage; those whose own next attempt is a minute away wait for it.
#[tokio::test(start_paused = true)]
async fn a_registry_that_is_down_is_probed_by_one_and_when_it_is_back_all_follow_within_a_bound() {
    let settings = CacheSettings {
        ttl: Duration::from_secs(30),
        ..roomy()
    };
    let world = World::deaf(settings.clone());
    let ids = ids(MANY);
    held(&world, &ids).await;
    // Until all trust has run out.
    world.backend.set(Health::Down);
    let mut busiest = Vec::new();
    for (health, seconds) in [(Health::Down, 120), (Health::Hanging, 60)] {
        world.backend.set(health);
        for second in 0..seconds {
            let before = world.backend.gets();
            pass(Duration::from_secs(1)).await;
            if second % 10 == 0 {
                let asked = Instant::now();
                for id in &ids {
                    world.get(id).await.unwrap();
                }
                assert!(asked.elapsed() < Duration::from_secs(1), "{health:?}");
            }
            busiest.push(world.backend.gets() - before);
        }
    }
    busiest.sort_unstable();
    let most = busiest.pop().unwrap();
    assert!(most <= settings.builds + MISSES, "{most} when it began");
    let most = busiest.pop().unwrap();
    assert!(most <= 4, "{most} within a second");
    assert_eq!(world.state("bot-0"), Some(InstanceState::Degraded));

    let mut newest = BTreeMap::new();
    for id in &ids {
        newest.insert(id, world.backend.change(id).await);
    }
    pass(TICK).await;
    world.workshop.take_order();
    world.workshop.most_at_once();
    // The probe that hangs is over within its deadline.
    world.backend.set(Health::Down);
    pass(Duration::from_secs(6)).await;
    world.backend.most_at_once();
    world
        .workshop
        .usually(Behaviour::Take(Duration::from_millis(5)));
    world.backend.set(Health::Slow(Duration::from_millis(1)));
    let back = Instant::now();
    let at_head = || {
        let revision = |id: &&String| world.cache.peek(&name(id)).unwrap().revision();
        ids.iter().filter(|id| revision(id) == newest[id]).count()
    };
    eventually("all are at the head without a reader", || {
        world.cache.stats().builds == 2 * MANY as u64 && at_head() == MANY
    })
    .await;
    let work = Duration::from_millis(7) * u32::try_from(MANY / settings.refreshes).unwrap();
    assert!(back.elapsed() <= STEP + TICK + work, "{:?}", back.elapsed());
    assert!(world.workshop.most_at_once() <= settings.refreshes);
    assert!(world.backend.most_at_once() <= settings.refreshes);
}

/// Mutation: the keeper has everything built anew whenever an outage ends, and in any order.
#[tokio::test(start_paused = true)]
async fn when_the_registry_is_back_the_hot_come_first() {
    let world = World::deaf(CacheSettings {
        ttl: Duration::from_secs(5),
        refreshes: 1,
        ..CacheSettings::default()
    });
    let ids = ids(20);
    held(&world, &ids).await;
    pass(Duration::from_secs(4)).await;
    world.backend.set(Health::Down);
    pass(Duration::from_secs(2)).await;
    for id in &ids {
        world.get(id).await.unwrap();
        pass(TICK).await;
    }
    for id in &ids {
        world.backend.change(id).await;
    }
    world.workshop.take_order();
    world.backend.set(Health::Well);
    let mut order = Vec::new();
    eventually("all are built", || world.workshop.all_begun() == 40).await;
    order.append(&mut world.workshop.take_order());
    // The first is the probe, whichever it was.
    let mut expected: Vec<String> = ids.iter().rev().cloned().collect();
    expected.retain(|id| *id != order[0]);
    assert_eq!(order[1..], expected);
}

/// Nodes that lose their registry at the same moment do not come back to it at the same moments, nor do ids.
///
/// Mutation: `wait` takes no notice of chance.
#[tokio::test(start_paused = true)]
async fn what_failed_together_is_tried_again_apart() {
    let settings = CacheSettings::default();
    let mut probes = BTreeSet::new();
    for _ in 0..40 {
        let world = World::deaf(settings.clone());
        find_out(&world, &ids(MISSES)).await;
        let (silent, read) = (Instant::now(), world.backend.gets());
        for other in 0.. {
            if world.backend.gets() > read {
                break;
            }
            drop(world.get(&format!("other-{other}")).await);
            pass(Duration::from_millis(1)).await;
        }
        let step = silent.elapsed();
        assert!(step >= settings.backoff.mul_f64(0.75) && step <= settings.backoff + TICK);
        probes.insert(step.as_millis());
    }
    assert!(probes.len() > 10, "at {probes:?} ms");

    let world = World::new(settings);
    let ids = ids(200);
    for id in &ids {
        world.put(id).await;
        world.workshop.behave(id, Behaviour::Fail);
        world.get(id).await.unwrap_err();
    }
    let mut retries = BTreeSet::new();
    for id in &ids {
        retries.insert(world.cache.held_for(&name(id)).unwrap().retry_in);
    }
    assert!(retries.len() > 50, "{}", retries.len());
}

/// Nothing is held, only failures that were told for so long that the next attempt of each is a minute away.
///
/// Mutation: only what is held probes.
#[tokio::test(start_paused = true)]
async fn what_was_never_read_can_be_read_soon_after_the_registry_is_there() {
    let world = World::new(CacheSettings::default());
    let ids = ids(20);
    for id in &ids {
        world.put(id).await;
    }
    world.backend.set(Health::Down);
    for _ in 0..600 {
        for id in &ids {
            world.get(id).await.unwrap_err();
        }
        pass(Duration::from_secs(1)).await;
    }
    world.backend.set(Health::Well);
    pass(STEP + TICK).await;
    for id in &ids {
        world.get(id).await.unwrap();
    }
}

/// Nobody knows yet that the registry is back when a write through this node is acknowledged: who reads after that
/// sees it, whether the id was held or not.
///
/// Mutation: `observe` casts no doubt on the outage.
#[tokio::test(start_paused = true)]
async fn a_write_that_was_acknowledged_is_seen_although_the_registry_was_silent_a_moment_ago() {
    for id in ["held", "new"] {
        let world = World::new(CacheSettings::default());
        world.put("held").await;
        world.get("held").await.unwrap();
        find_out(&world, &ids(MISSES)).await;
        world.backend.set(Health::Well);
        world.get("other").await.unwrap_err();
        let revision = world.put(id).await;
        assert_eq!(world.serves(id).await, revision);
    }
}

/// Mutation: an outage begins with the first miss, or the first few of one id.
#[tokio::test(start_paused = true)]
async fn a_few_ids_that_cannot_be_read_keep_no_other_from_being_read() {
    let world = World::new(CacheSettings::default());
    world.put("a").await;
    let ids = ids(MISSES - 1);
    find_out(&world, &ids).await;
    for _ in 0..20 {
        pass(Duration::from_secs(10)).await;
        for id in &ids {
            drop(world.get(id).await);
        }
    }
    world.backend.set(Health::Well);
    world.get("a").await.unwrap();
}

/// Mutation: whoever comes while a probe is under way is refused.
#[tokio::test(start_paused = true)]
async fn who_has_nothing_to_serve_waits_for_the_probe_that_is_under_way() {
    let world = World::new(CacheSettings::default());
    let some = ids(20);
    for id in &some {
        world.put(id).await;
    }
    find_out(&world, &some[..MISSES]).await;
    // Longer than all that follows: a failed id is tried again by itself too, and its probe must not end before.
    world.backend.set(Health::Slow(Duration::from_secs(1)));
    assert!(matches!(
        world.get(&some[MISSES]).await,
        Err(GetError::Failed { .. })
    ));
    pass(Duration::from_millis(500)).await;
    world.backend.most_at_once();
    let mut readers = JoinSet::new();
    for id in &some[MISSES + 1..] {
        world.ask(&mut readers, id);
    }
    pass(Duration::from_millis(50)).await;
    assert_eq!(world.backend.most_at_once(), 1);
    for lease in readers.join_all().await {
        lease.unwrap();
    }
}

/// Mutations: without leave to ask the registry the snapshot is not looked at either; a build that had no leave is put
/// off although the outage is over when it ends.
#[tokio::test(start_paused = true)]
async fn a_registry_that_is_known_to_be_silent_does_not_delay_what_the_snapshot_has() {
    let world = World::new(CacheSettings::default());
    let ids = ids(20);
    let reader = world
        .registry
        .reader()
        .with_snapshot(Arc::new(Saved::default()));
    for id in ids.iter().map(String::as_str).chain(["salvaged"]) {
        world.put(id).await;
        reader.read(&name(id)).await.unwrap();
    }
    let cache = CachingRegistryManager::builder(reader, world.workshop.clone()).build();
    let cache = Arc::new(cache);
    world.backend.set(Health::Hanging);
    for id in &ids[..MISSES] {
        cache.get_or_create(id).await.unwrap();
    }
    let asked = Instant::now();
    for id in &ids[MISSES..] {
        cache.get_or_create(id).await.unwrap();
        let held = cache.held_for(&name(id)).unwrap();
        assert_eq!(held.state, InstanceState::Degraded);
        assert!(held.revision > Some(Revision::ZERO));
    }
    assert_eq!(asked.elapsed(), Duration::ZERO);

    // One that is at work on what the snapshot has when the outage ends follows at once too.
    let (last, cached) = (&ids[ids.len() - 1], Arc::clone(&cache));
    let gate = world.workshop.gate("salvaged");
    let mut salvaged = JoinSet::new();
    salvaged.spawn(async move { cached.get_or_create("salvaged").await });
    pass(Duration::from_millis(1)).await;
    let ready = |id: &str| cache.held_for(&name(id)).unwrap().state == InstanceState::Ready;
    world.backend.set(Health::Well);
    eventually("the outage is over", || ready(last)).await;
    pass(TICK).await;
    gate.add_permits(2);
    salvaged.join_next().await.unwrap().unwrap().unwrap();
    let over = Instant::now();
    eventually("it follows", || ready("salvaged")).await;
    assert!(over.elapsed() <= TICK, "{:?}", over.elapsed());
}

/// A snapshot in memory.
#[derive(Debug, Default)]
struct Saved(Mutex<BTreeMap<Id, Registration>>);

impl Snapshot for Saved {
    fn load(&self, id: &Id) -> Option<Registration> {
        self.0.lock().unwrap().get(id).cloned()
    }

    fn save(&self, registration: &Registration) {
        let saved = (registration.id.clone(), registration.clone());
        self.0.lock().unwrap().insert(saved.0, saved.1);
    }

    fn revisions(&self) -> Vec<(Id, Revision)> {
        let saved = self.0.lock().unwrap();
        let of = |(id, it): (&Id, &Registration)| (id.clone(), it.revision);
        saved.iter().map(of).collect()
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn forget(&self, id: &Id) {
        self.0.lock().unwrap().remove(id);
    }
}

/// Too few failed to call it an outage. They wait each for its own next attempt, until the node says that it reaches the
/// registry again.
///
/// Mutation: `registry_is_back` counts as the end of an outage only if there was one.
#[tokio::test(start_paused = true)]
async fn the_few_that_failed_are_built_as_soon_as_the_registry_is_said_to_be_back() {
    let world = World::new(CacheSettings {
        backoff: Duration::from_mins(10),
        max_backoff: Duration::from_hours(1),
        ..CacheSettings::default()
    });
    let few = ids(MISSES - 1);
    held(&world, &few).await;
    for id in &few {
        world.cache.invalidate(&name(id));
    }
    find_out(&world, &few).await;
    world.backend.set(Health::Well);
    let states = || few.iter().filter_map(|id| world.state(id));
    pass(STEP * 10).await;
    assert!(states().all(|state| state == InstanceState::Degraded));
    world.cache.registry_is_back();
    pass(TICK * 2).await;
    assert!(states().all(|state| state == InstanceState::Ready));
}

use crate::world::{Health, World, eventually, name, pass};
use hotbed_cache::{CacheSettings, ConfigChange, ConfigWatcher, Revision};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A change, by who and the revisions before and after.
type Seen = (String, Option<u64>, Option<u64>);

struct Watched {
    world: World,
    watcher: Arc<ConfigWatcher>,
    seen: Arc<Mutex<Vec<Seen>>>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Watched {
    async fn new(world: World) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let note = Arc::clone(&seen);
        let on_change = move |change: ConfigChange| {
            let note = Arc::clone(&note);
            async move {
                let revision = |found: Option<hotbed_registry::Registration>| {
                    found.map(|found| found.revision.0)
                };
                let id = change.id.to_string();
                note.lock()
                    .unwrap()
                    .push((id.clone(), revision(change.old), revision(change.new)));
                assert_ne!(id, "panics", "told to panic");
            }
        };
        let watcher = ConfigWatcher::start(world.registry.reader(), on_change)
            .await
            .unwrap();
        let watcher = Arc::new(watcher);
        world.registry.add_observer(watcher.clone());
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (running, until) = (Arc::clone(&watcher), shutdown.clone());
        tasks.spawn(async move { running.run(until).await });
        Self {
            world,
            watcher,
            seen,
            shutdown,
            tasks,
        }
    }

    async fn sees(&self, id: &str, old: Option<Revision>, new: Option<Revision>) {
        let revision = |revision: Option<Revision>| revision.map(|revision| revision.0);
        let expected = (id.to_owned(), revision(old), revision(new));
        eventually(&format!("{expected:?}"), || {
            self.seen.lock().unwrap().first() == Some(&expected)
        })
        .await;
        self.seen.lock().unwrap().remove(0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watcher_tells_the_old_and_the_new_of_every_change() {
    let world = World::deaf(CacheSettings::default());
    let known = world.put("known").await;
    let watched = Watched::new(world).await;
    let world = &watched.world;
    assert_eq!(watched.watcher.revisions(), [(name("known"), known)]);

    let created = world.put("a").await;
    watched.sees("a", None, Some(created)).await;
    let updated = world.put("a").await;
    watched.sees("a", Some(created), Some(updated)).await;
    let inactive = world.deactivate("a").await;
    watched.sees("a", Some(updated), Some(inactive)).await;
    let active = world.activate("a").await;
    watched.sees("a", Some(inactive), Some(active)).await;
    world.delete("a").await;
    watched.sees("a", Some(active), None).await;
    let again = world.put("known").await;
    watched.sees("known", Some(known), Some(again)).await;

    // Looking again at what is the same tells nothing.
    watched.watcher.look_again(&name("known"));
    pass(Duration::from_secs(5)).await;
    assert!(watched.seen.lock().unwrap().is_empty());
    watched.shutdown.cancel();
    watched.tasks.close();
    watched.tasks.wait().await;
}

/// Mutation: the callback is awaited unguarded.
#[tokio::test(start_paused = true)]
async fn a_callback_that_panics_is_called_again_for_the_next_change() {
    let watched = Watched::new(World::deaf(CacheSettings::default())).await;
    let first = watched.world.put("panics").await;
    watched.sees("panics", None, Some(first)).await;
    let second = watched.world.put("panics").await;
    watched.sees("panics", Some(first), Some(second)).await;
}

/// Mutation: a change whose registration could not be read is forgotten.
#[tokio::test(start_paused = true)]
async fn changes_told_while_the_registry_cannot_be_read_are_told_when_it_can() {
    let watched = Watched::new(World::deaf(CacheSettings::default())).await;
    let world = &watched.world;
    let a = world.put("a").await;
    watched.sees("a", None, Some(a)).await;
    for health in [Health::Down, Health::Hanging] {
        let b = world.put("b").await;
        world.backend.set(health);
        pass(Duration::from_secs(20)).await;
        watched.seen.lock().unwrap().clear();
        world.backend.set(Health::Well);
        let newer = world.put("b").await;
        assert!(newer > b);
        eventually("the newest is told", || {
            let seen = watched.seen.lock().unwrap();
            seen.last().is_some_and(|(_, _, new)| *new == Some(newer.0))
        })
        .await;
    }
}

/// Mutation: what could not be read is put back before the others had their turn.
#[tokio::test(start_paused = true)]
async fn a_registration_that_cannot_be_understood_keeps_no_other_from_being_told() {
    let watched = Watched::new(World::deaf(CacheSettings::default())).await;
    let world = &watched.world;
    world.backend.corrupt(Some(name("a")));
    let a = world.put("a").await;
    let b = world.put("b").await;
    watched.sees("b", None, Some(b)).await;
    world.backend.corrupt(None);
    watched.sees("a", None, Some(a)).await;
}

/// Mutation: revisions alone tell whether something changed.
#[tokio::test(start_paused = true)]
async fn what_another_registry_holds_at_the_same_revision_is_told_as_a_change() {
    let watched = Watched::new(World::deaf(CacheSettings::default())).await;
    let world = &watched.world;
    let a = world.put("a").await;
    watched.sees("a", None, Some(a)).await;
    let b = world.put("b").await;
    watched.sees("b", None, Some(b)).await;
    world.backend.replace();
    // Its revision is the same as before, and so nobody told of it.
    let same = world.put("a").await;
    assert_eq!(same, a);
    for id in ["a", "b"] {
        watched.watcher.look_again(&name(id));
    }
    watched.sees("a", Some(a), Some(same)).await;
    watched.sees("b", Some(b), None).await;
}

use crate::world::{Behaviour, World, pass};
use hotbed_cache::{CacheSettings, GetError, Revision};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const IDS: usize = 8;
const WRITES: usize = 3_000;

/// Readers on real threads remember what they saw, while writers write, factories fail now and then, instances are
/// evicted and their trust runs out: nobody ever sees an older revision after a newer one.
///
/// Mutations: `Slot::settle` installs whatever was built; `judge` does not compare with what was observed when the
/// build began; `begin_era` at every invalidation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn monotonic() {
    let world = Arc::new(World::new(CacheSettings {
        capacity: IDS as u64 / 2,
        ttl: Duration::from_millis(20),
        backoff: Duration::from_millis(1),
        max_backoff: Duration::from_millis(2),
        ..CacheSettings::default()
    }));
    let ids: Vec<String> = (0..IDS).map(|n| format!("bot-{n}")).collect();
    for id in &ids {
        world.put(id).await;
    }
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|reader: usize| {
            let (world, ids, done) = (Arc::clone(&world), ids.clone(), Arc::clone(&done));
            let runtime = tokio::runtime::Handle::current();
            std::thread::spawn(move || {
                let mut seen = [Revision::ZERO; IDS];
                let mut reads = 0_usize;
                while !done.load(Ordering::Relaxed) {
                    let which = (reads * 5 + reader) % IDS;
                    match runtime.block_on(world.get(&ids[which])) {
                        Ok(lease) => {
                            let (now, before) = (lease.revision(), seen[which]);
                            assert!(now >= before, "{now} after {before}");
                            seen[which] = now;
                        }
                        Err(GetError::Failed { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                    reads += 1;
                }
                reads
            })
        })
        .collect();
    for write in 0..WRITES {
        let id = &ids[write % IDS];
        let behaviour = match write % 7 {
            0 => Behaviour::Fail,
            1 => Behaviour::Take(Duration::from_millis(1)),
            _ => Behaviour::Build,
        };
        world.workshop.behave(id, behaviour);
        world.put(id).await;
        if write % 97 == 0 {
            world.cache.invalidate_all();
        }
        if write % 8 == 0 {
            // Leaves time for reads between the writes.
            pass(Duration::from_millis(1)).await;
        }
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        let reads = reader.join().unwrap();
        println!("{reads} reads");
        assert!(reads > WRITES / 10);
    }
}

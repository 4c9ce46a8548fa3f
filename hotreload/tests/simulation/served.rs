//! What readers get from the cache of a node, held against what the node was told.

use crate::dice::Dice;
use crate::node::Node;
use async_trait::async_trait;
use hotbed_cache::{
    BoxError, CacheSettings, CachingRegistryManager, Chance, GetError, InstanceFactory,
};
use hotbed_configs::ResolvedConfig;
use hotbed_registry::{Id, Reader, Revision, Status};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Nobody waits longer for an instance.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a reader rests, at most.
const REST: Duration = Duration::from_millis(700);

/// What a node serves.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) cache: Arc<CachingRegistryManager<u64>>,
    /// The newest of each id that a reader was given, and in which era.
    given: Mutex<BTreeMap<Id, (u64, Revision)>>,
}

/// Builds the number of its revision.
struct Numbers;

#[async_trait]
impl InstanceFactory<u64> for Numbers {
    async fn create(&self, _: &Id, revision: Revision, _: ResolvedConfig) -> Result<u64, BoxError> {
        Ok(revision.0)
    }
}

impl Served {
    pub(crate) fn new(reader: Reader, seed: u64) -> Self {
        let settings = CacheSettings {
            backoff: Duration::from_millis(100),
            max_backoff: Duration::from_millis(500),
            ..CacheSettings::default()
        };
        let cache = CachingRegistryManager::builder(reader, Numbers);
        let cache = cache.settings(settings).chance(Chance::seeded(seed));
        Self {
            cache: Arc::new(cache.build()),
            given: Mutex::default(),
        }
    }
}

/// Reads at random until the world ends, whatever befalls it.
pub(crate) async fn read(node: Arc<Node>, mut dice: Dice) {
    loop {
        tokio::time::sleep(dice.time(REST)).await;
        let id = node.plan.any_id(&mut dice);
        node.read(&id).await;
    }
}

impl Node {
    /// One read: nobody is given less than the node was told, nor less than somebody was given before.
    async fn read(&self, id: &Id) {
        let Some(life) = self.life() else {
            return;
        };
        let Some(served) = &life.served else {
            return;
        };
        let (told, era) = (life.mirror.of(id), life.mirror.eras());
        let got = tokio::time::timeout(PATIENCE, served.cache.get_or_create(id)).await;
        let got = got.map(|got| got.map(|lease| lease.revision()));
        self.complaints.trace().note((
            "read",
            self.index,
            id.as_str(),
            got.as_ref()
                .ok()
                .and_then(|got| got.as_ref().ok())
                .map(|it| it.0),
        ));
        self.census.note("reads");
        if life.mirror.eras() != era || !life.mirror.knows_the_registry() {
            return;
        }
        let complain = |what: String| {
            self.complaints
                .add(self.index, || format!("{id} is {what}"));
        };
        let revision = match got {
            Ok(Ok(revision)) => revision,
            Ok(Err(GetError::NotFound { .. })) => {
                let created = self.truth.created(id);
                let told = told.filter(|told| !told.is_gone).and_then(|it| it.revision);
                // It was told that there is one, and there is one.
                if let (Some(told), Some(created)) = (told, created)
                    && told >= created
                {
                    complain(format!("not found, told was {told}, created at {created}"));
                }
                return;
            }
            _ => return,
        };
        if let Some(told) = told
            && let Some(known) = told.revision
        {
            let held = served.cache.held_for(id);
            let is_degraded = held.is_some_and(|held| held.failure.is_some());
            if (told.is_gone && revision <= known) || (revision < known && !is_degraded) {
                complain(format!("served at {revision}, told was {told:?}"));
            }
        }
        let mut given = served.given.lock().unwrap();
        let newest = given.entry(id.clone()).or_insert((era, revision));
        if newest.0 == era && revision < newest.1 {
            complain(format!("served at {revision} after {}", newest.1));
        }
        *newest = (era, revision);
    }

    /// What it holds is what is stored, before anybody asks and when somebody does.
    pub(crate) async fn must_serve_what_is_stored(&self) {
        let life = self.life().expect("every node runs once the storm is over");
        let Some(served) = &life.served else {
            return;
        };
        for held in served.cache.held() {
            let stored = self.truth.get(&held.id);
            let stored = stored.filter(|found| found.status == Status::Active);
            let stored = stored.map(|found| found.revision);
            if held.revision.is_some() && held.revision != stored {
                self.complaints
                    .add(self.index, || format!("{stored:?} is stored, {held:?}"));
            }
        }
        for id in self.plan.all_ids() {
            let got = served.cache.get_or_create(&id).await;
            let stored = self.truth.get(&id);
            let agree = match (&stored, &got) {
                (None, Err(GetError::NotFound { .. })) => true,
                (Some(found), Err(GetError::Inactive { .. })) => found.status == Status::Inactive,
                (Some(found), Ok(lease)) => {
                    found.status == Status::Active && found.revision == lease.revision()
                }
                _ => false,
            };
            if !agree {
                let stored = stored.map(|found| (found.revision, found.status));
                self.complaints.add(self.index, || {
                    format!("{stored:?} is stored of {id}, got {got:?}")
                });
            }
        }
    }
}

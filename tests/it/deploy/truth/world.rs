//! A registry in memory, a cache that counts, and a directory that is written again and again.

use async_trait::async_trait;
use hotbed::cache::{BoxError, CachingRegistryManager, InstanceFactory};
use hotbed::configs::{PortableConfig, ResolvedConfig};
use hotbed::events::MemoryBus;
use hotbed::registry::{
    CollectionName, Draft, Error, Id, MemoryBackend, Precondition, Query, Registry, Revision,
    Status,
};
use hotbed_deploy::{Action, Deployment, Desired, Directory, Registered, Step};
use rand::RngExt;
use rand::rngs::SmallRng;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// All bots that there ever are.
pub(super) const IDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// Where they stand, as it comes.
const PATHS: [&str; 4] = [
    "domains/one.yaml",
    "domains/two.yml",
    "domains/team/one.yaml",
    "domains/team/three.json",
];

pub(super) type Contents = BTreeMap<String, Content>;

/// What is registered under an id, as far as a writer says it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Content {
    pub(super) config: PortableConfig,
    pub(super) is_active: bool,
    pub(super) metadata: Map<String, Value>,
}

impl Content {
    pub(super) fn of(desired: &Desired) -> Self {
        Self {
            config: desired.config.clone(),
            is_active: desired.status() == "active",
            metadata: desired.metadata.clone(),
        }
    }
}

/// One directory for all pairs: what is known of its files is known of files that were written over many times, mostly
/// with as many bytes as before.
pub(super) struct Files {
    dir: TempDir,
    directory: Directory,
}

impl Files {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("domains/team")).unwrap();
        Self {
            directory: Directory::new(dir.path()),
            dir,
        }
    }

    /// Writes a random directory over the one before.
    pub(super) fn write(&self, chance: &mut SmallRng) {
        let mut texts: BTreeMap<&str, String> = BTreeMap::new();
        for id in IDS {
            if chance.random_ratio(2, 3) {
                let text = texts
                    .entry(PATHS[chance.random_range(0..PATHS.len())])
                    .or_default();
                let (config, metadata) = (config(chance), metadata(chance));
                let mut domain = json!({"id": id});
                domain.as_object_mut().unwrap().extend(metadata);
                writeln!(text, "---\n{}", json!({"domain": domain, "bot": config})).unwrap();
            }
        }
        for path in PATHS {
            let file = self.dir.path().join(path);
            match texts.get(path) {
                Some(text) => fs::write(file, text).unwrap(),
                None => drop(fs::remove_file(file)),
            }
        }
    }

    pub(super) fn deployment(&mut self) -> Result<Deployment, String> {
        Deployment::prove(&self.directory.read()).map_err(|problems| problems.to_string())
    }
}

fn config(chance: &mut SmallRng) -> Map<String, Value> {
    let n = chance.random_range(0..3);
    let config = match chance.random_range(0..3) {
        0 => json!({"n": n}),
        1 => json!({"n": n, "tools": [{"name": "x"}]}),
        _ => json!({"llm": {"n": n}}),
    };
    config.as_object().unwrap().clone()
}

fn metadata(chance: &mut SmallRng) -> Map<String, Value> {
    match chance.random_range(0..4) {
        0 => Map::from_iter([("tier".to_owned(), json!(chance.random_range(0..2)))]),
        _ => Map::new(),
    }
}

/// Counts what it makes and takes apart, by id.
#[derive(Debug, Default, Clone)]
struct Counting(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    created: Vec<String>,
    destroyed: Vec<String>,
}

#[async_trait]
impl InstanceFactory<String> for Counting {
    async fn create(&self, id: &Id, _: Revision, _: ResolvedConfig) -> Result<String, BoxError> {
        self.0.lock().unwrap().created.push(id.to_string());
        Ok(id.to_string())
    }

    async fn destroy(&self, instance: String) {
        self.0.lock().unwrap().destroyed.push(instance);
    }
}

pub(super) struct World {
    registry: Registry,
    cache: Arc<CachingRegistryManager<String>>,
    counting: Counting,
}

impl World {
    pub(super) fn new() -> Self {
        let (backend, bus) = (Arc::new(MemoryBackend::new()), Arc::new(MemoryBus::new()));
        let registry = Registry::builder(CollectionName::bots(), backend, bus).build();
        let counting = Counting::default();
        let cache = CachingRegistryManager::builder(registry.reader(), counting.clone());
        let cache = Arc::new(cache.build());
        registry.add_observer(cache.clone());
        Self {
            registry,
            cache,
            counting,
        }
    }

    /// What a plan is made from, as the command line reads it of the API.
    pub(super) async fn existing(&self) -> BTreeMap<String, Registered> {
        let live = self.live();
        let page = self
            .registry
            .reader()
            .list(&Query::default())
            .await
            .unwrap();
        let registered = page.items.into_iter().map(|it| {
            let registered = Registered {
                config: it.config.as_map().clone(),
                status: it.status.to_string(),
                metadata: it.metadata,
                revision: it.revision.0,
                is_live: live.contains(it.id.as_str()),
            };
            (it.id.to_string(), registered)
        });
        registered.collect()
    }

    pub(super) async fn contents(&self) -> Contents {
        let page = self
            .registry
            .reader()
            .list(&Query::default())
            .await
            .unwrap();
        let content = page.items.into_iter().map(|it| {
            let content = Content {
                config: it.config,
                is_active: it.status == Status::Active,
                metadata: it.metadata,
            };
            (it.id.to_string(), content)
        });
        content.collect()
    }

    /// The ids that have an instance in memory.
    pub(super) fn live(&self) -> BTreeSet<String> {
        let held = self.cache.held().into_iter();
        let live = held.filter(|held| held.revision.is_some());
        live.map(|held| held.id.to_string()).collect()
    }

    /// Does one step; answers whether it was done.
    pub(super) async fn carry_out(&self, step: &Step) -> bool {
        let id = Id::new(&step.id).unwrap();
        let at = |at: &u64| Precondition::At(Revision(*at));
        let done = match &step.action {
            Action::Create { desired } => self.put(&id, desired, Precondition::Absent).await,
            Action::Update {
                desired,
                at: revision,
                ..
            } => self.put(&id, desired, at(revision)).await,
            Action::Delete { at: revision } => {
                self.registry.delete(&id, at(revision)).await.map(drop)
            }
            Action::Refuse { .. } => return false,
        };
        match done {
            Ok(()) => true,
            Err(Error::Conflict { .. } | Error::NotFound { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }

    async fn put(&self, id: &Id, desired: &Desired, when: Precondition) -> Result<(), Error> {
        let draft = Draft {
            config: desired.config.clone(),
            status: desired.status().parse().unwrap(),
            metadata: Some(desired.metadata.clone()),
            created_at: None,
        };
        self.registry.put(id, draft, when).await.map(drop)
    }

    /// Others write to some of the bots.
    pub(super) async fn disturb(&self, chance: &mut SmallRng) {
        for id in IDS {
            if chance.random_ratio(1, 3) {
                self.write_as_others(id, chance).await;
            }
        }
    }

    /// Others write while somebody applies; answers to which.
    pub(super) async fn meddle(&self, chance: &mut SmallRng) -> BTreeSet<String> {
        let id = IDS[chance.random_range(0..IDS.len())];
        let before = self.existing().await.remove(id).map(|it| it.revision);
        self.write_as_others(id, chance).await;
        let after = self.existing().await.remove(id).map(|it| it.revision);
        let touched = (before != after).then(|| id.to_owned());
        touched.into_iter().collect()
    }

    async fn write_as_others(&self, name: &str, chance: &mut SmallRng) {
        let id = Id::new(name).unwrap();
        let owner = ["hotbed-apply:ops", "hotbed-apply:web", "terraform"];
        let mut metadata = metadata(chance);
        match chance.random_range(0..5) {
            0 => return drop(self.registry.delete(&id, Precondition::Any).await),
            1 => return drop(self.registry.deactivate(&id, Precondition::Any).await),
            2 => metadata.extend([(
                "managed_by".to_owned(),
                json!(owner[chance.random_range(0..3)]),
            )]),
            3 => metadata.extend([("changed_by".to_owned(), json!("ada"))]),
            _ => {}
        }
        let draft = Draft {
            config: PortableConfig::from_map(config(chance)).unwrap(),
            status: Status::Active,
            metadata: Some(metadata),
            created_at: None,
        };
        self.registry
            .put(&id, draft, Precondition::Any)
            .await
            .unwrap();
    }

    /// Some bots are talked to, and so are in memory.
    pub(super) async fn use_some(&self, chance: &mut SmallRng) {
        for id in IDS {
            if chance.random() {
                drop(self.cache.get_or_create(id).await);
            }
        }
        self.settle().await;
    }

    /// Whatever was made or taken apart up to now does not count.
    pub(super) async fn forget_counts(&self) {
        self.settle().await;
        *self.counting.0.lock().unwrap() = Counts::default();
    }

    /// Which of those that were live were built anew, and which are gone. Each is built once, and nothing else is.
    pub(super) async fn fates(
        &self,
        live: &BTreeSet<String>,
    ) -> (BTreeSet<String>, BTreeSet<String>) {
        self.settle().await;
        for id in live {
            drop(self.cache.get_or_create(id.as_str()).await);
        }
        self.settle().await;
        let counts = std::mem::take(&mut *self.counting.0.lock().unwrap());
        let built: BTreeSet<_> = counts.created.iter().cloned().collect();
        assert_eq!(
            built.len(),
            counts.created.len(),
            "built twice: {:?}",
            counts.created
        );
        let gone: BTreeSet<_> = counts.destroyed.into_iter().collect();
        let removed = gone.difference(&built).cloned().collect();
        (built, removed)
    }

    /// Lets every task do what it has to.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }

    pub(super) async fn close(&self) {
        self.cache.close(Duration::from_mins(1)).await.unwrap();
    }
}

//! The mods and agents of a node, over a memory registry of their own.

use hotbed_agents::{AgentNetwork, NetworkSettings};
use hotbed_configs::Environment;
use hotbed_desk::{Desk, Follower};
use hotbed_events::MemoryBus;
use hotbed_hotreload::{Handle, HotReloadManager, ReloadMode};
use hotbed_mods::{BuiltIns, Field, FieldKind, Manifest, Mod, ModHost, Placement, SettingsForm};
use hotbed_registry::{Admission, CollectionName, MemoryBackend, Registry};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What a server has of mods and agents.
pub(crate) struct Mods {
    pub(crate) desk: Desk,
    pub(crate) handle: Handle,
    pub(crate) network: AgentNetwork,
    pub(crate) registry: Registry,
}

impl Mods {
    /// The mods that come with us, none of them loaded; guests have authority.
    pub(crate) async fn follow(following: &mut JoinSet<()>) -> Self {
        let bus = Arc::new(MemoryBus::new());
        let collection = CollectionName::new("mods").unwrap();
        let backend = Arc::new(MemoryBackend::new());
        let topic = Registry::topic_of(&collection);
        let registry = Registry::builder(collection.clone(), backend, Arc::clone(&bus) as _)
            .admission(Admission::Strict)
            .build();
        let (host, emissions) = ModHost::builder()
            .loader(with_locked(BuiltIns::standard()))
            .build();
        let environment = Arc::new(Environment::empty("test"));
        let follower = Follower::new(registry.reader(), host.clone(), environment);
        registry.add_check(Arc::new(follower.check()));
        registry.add_observer(Arc::clone(&follower) as _);
        let desk = Desk::new(registry.clone(), host.clone(), Arc::clone(&follower));
        let mut settings = NetworkSettings::default();
        settings.authority.insert(settings.default_group.clone());
        let (network, deliverer) =
            AgentNetwork::new(settings, host, emissions, Arc::new(desk.clone()));
        let mode = ReloadMode::Hybrid {
            bus,
            topics: topic.into(),
            every: Duration::from_hours(1),
        };
        let manager =
            HotReloadManager::new(registry.reader(), mode, vec![Arc::clone(&follower) as _])
                .of(collection);
        let handle = manager.handle();
        following.spawn(manager.run(CancellationToken::new()));
        following.spawn(deliverer.run(CancellationToken::new()));
        following.spawn(async move { follower.run(CancellationToken::new()).await });
        handle.sync().await.unwrap();
        Self {
            desk,
            handle,
            network,
            registry,
        }
    }
}

/// A mod whose configuration holds a password.
struct Locked;

#[async_trait::async_trait]
impl Mod for Locked {}

fn with_locked(mods: BuiltIns) -> BuiltIns {
    let key = Field::new("key", "Key", FieldKind::Password);
    let manifest = Manifest {
        name: "Locked".to_owned(),
        form: Some(SettingsForm::of("Locked", vec![key])),
        ..Manifest::default()
    };
    let construct = || Ok(Arc::new(Locked) as _);
    mods.with(&["test.mods.locked"], manifest, Placement::Tasks, construct)
}

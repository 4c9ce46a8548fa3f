//! Live objects of your own, swapped the moment their configuration changes: `cargo run --example embed`.

use hotbed::cache::{BoxError, CachingRegistryManager, Id, InstanceFactory, Revision};
use hotbed::configs::{PortableConfig, ResolvedConfig};
use hotbed::events::MemoryBus;
use hotbed::registry::{CollectionName, Draft, MemoryBackend, Precondition, Registry};
use std::sync::Arc;

struct Greeter(String);

/// The one trait to implement.
struct Greeters;

#[async_trait::async_trait]
impl InstanceFactory<Greeter> for Greeters {
    async fn create(&self, _: &Id, _: Revision, c: ResolvedConfig) -> Result<Greeter, BoxError> {
        let greeting = c.get("greeting").and_then(|text| text.as_str());
        Ok(Greeter(greeting.ok_or("`greeting` is missing")?.to_owned()))
    }
}

async fn put(registry: &Registry, config: serde_json::Value) -> Result<(), BoxError> {
    let draft = Draft::active(PortableConfig::from_value(config)?);
    registry
        .put(&Id::new("door")?, draft, Precondition::Any)
        .await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    // Where configurations live, and the door through which they change.
    let (backend, bus) = (Arc::new(MemoryBackend::new()), Arc::new(MemoryBus::new()));
    let registry = Registry::builder(CollectionName::new("greeters")?, backend, bus).build();
    // The cache of live objects. It is told of every write before the writer is answered.
    let greeters = Arc::new(CachingRegistryManager::builder(registry.reader(), Greeters).build());
    registry.add_observer(greeters.clone());

    put(&registry, serde_json::json!({"greeting": "Hello"})).await?;
    let before = greeters.get_or_create("door").await?;
    put(&registry, serde_json::json!({"greeting": "Welcome"})).await?;
    let after = greeters.get_or_create("door").await?;
    // Whoever holds the old one goes on using it; it is destroyed after its last lease.
    assert_eq!((before.0.as_str(), after.0.as_str()), ("Hello", "Welcome"));

    // What cannot be built never takes a working object away.
    put(&registry, serde_json::json!({})).await?;
    assert_eq!(greeters.get_or_create("door").await?.0, "Welcome");
    Ok(())
}

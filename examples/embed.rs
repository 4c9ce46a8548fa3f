//! Live objects of your own, swapped the moment their configuration changes: `cargo run --example embed`.

use hotbed::cache::{
    BoxError, CachingRegistryManager, Id, InstanceFactory, InstanceState, Revision,
};
use hotbed::configs::{PortableConfig, ResolvedConfig};
use hotbed::events::MemoryBus;
use hotbed::registry::{CollectionName, Draft, MemoryBackend, Precondition, Registry};
use std::sync::Arc;

/// Anything that is made from configuration: here, something that greets.
struct Greeter {
    greeting: String,
}

/// The one trait to implement.
struct Greeters;

#[async_trait::async_trait]
impl InstanceFactory<Greeter> for Greeters {
    async fn create(
        &self,
        _: &Id,
        _: Revision,
        config: ResolvedConfig,
    ) -> Result<Greeter, BoxError> {
        let greeting = config
            .get("greeting")
            .and_then(|value| value.as_str())
            .ok_or("`greeting` is missing")?;
        Ok(Greeter {
            greeting: greeting.to_owned(),
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    // Where configurations live, and the door through which they change.
    let registry = Registry::builder(
        CollectionName::new("greeters")?,
        Arc::new(MemoryBackend::new()),
        Arc::new(MemoryBus::new()),
    )
    .build();
    // The cache of live objects; the registry tells it of every write before the writer is answered.
    let greeters = Arc::new(CachingRegistryManager::builder(registry.reader(), Greeters).build());
    registry.add_observer(greeters.clone());

    let put = async |greeting: &str| {
        let config = PortableConfig::from_value(serde_json::json!({ "greeting": greeting }))?;
        registry
            .put(
                &Id::new("front-door")?,
                Draft::active(config),
                Precondition::Any,
            )
            .await?;
        Ok::<_, BoxError>(())
    };
    put("Hello").await?;
    let before = greeters.get_or_create("front-door").await?;
    put("Welcome").await?;
    let after = greeters.get_or_create("front-door").await?;
    // Whoever holds the old one goes on using it; it is destroyed after its last lease.
    assert_eq!(
        (before.greeting.as_str(), after.greeting.as_str()),
        ("Hello", "Welcome")
    );

    // What cannot be built never takes a working object away.
    let broken = PortableConfig::from_value(serde_json::json!({}))?;
    registry
        .put(
            &Id::new("front-door")?,
            Draft::active(broken),
            Precondition::Any,
        )
        .await?;
    assert_eq!(
        greeters.get_or_create("front-door").await?.greeting,
        "Welcome"
    );
    assert_eq!(greeters.held()[0].state, InstanceState::Degraded);
    Ok(())
}

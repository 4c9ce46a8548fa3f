use crate::CachingRegistryManager;
use async_trait::async_trait;
use hotbed_configs::ResolvedConfig;
use hotbed_registry::{Id, Revision};

/// What a factory may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Makes instances from configuration and takes them apart again: the one trait to implement for live objects of
/// your own.
///
/// Panics in it are caught and count as failures.
#[async_trait]
pub trait InstanceFactory<T: Send + 'static>: Send + Sync + 'static {
    /// Says whether an instance can be built from this configuration, before it is stored. Pure: no clock, no
    /// network, no file. Answers what the writer should know although it can be built.
    fn check(&self, _id: &Id, _config: &ResolvedConfig) -> Result<Vec<String>, BoxError> {
        Ok(Vec::new())
    }

    /// Builds an instance; called once at a time per id. May be dropped at the build deadline, so what outlives a
    /// failure must be released by drop.
    async fn create(
        &self,
        id: &Id,
        revision: Revision,
        config: ResolvedConfig,
    ) -> Result<T, BoxError>;

    /// Takes an instance apart; called exactly once per instance, after its last lease ended.
    async fn destroy(&self, instance: T) {
        drop(instance);
    }
}

/// The factory of those who want the resolved configurations themselves.
#[derive(Debug, Clone, Copy, Default)]
pub struct ResolvedConfigs;

#[async_trait]
impl InstanceFactory<ResolvedConfig> for ResolvedConfigs {
    async fn create(
        &self,
        _: &Id,
        _: Revision,
        config: ResolvedConfig,
    ) -> Result<ResolvedConfig, BoxError> {
        Ok(config)
    }
}

/// Keeps resolved configurations ready, for programs that build their own instances.
pub type ConfigCachingManager = CachingRegistryManager<ResolvedConfig>;

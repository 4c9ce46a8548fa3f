use hotbed_configs::{ConfigErrors, Environment, PortableConfig, ResolvedConfig};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// What configurations are bound to on this node, and how often that has changed.
///
/// The number says for an instance whether it was built in what stands now. It never tells more than what a reader of
/// the environment then finds: an instance may fit better than its number says, never worse.
#[derive(Debug)]
pub(crate) struct Surroundings {
    environment: RwLock<Option<Arc<Environment>>>,
    changes: AtomicU64,
}

impl Surroundings {
    pub(crate) fn new(environment: Option<Arc<Environment>>) -> Self {
        Self {
            environment: RwLock::new(environment),
            changes: AtomicU64::new(0),
        }
    }

    pub(crate) fn replace(&self, environment: Arc<Environment>) {
        let mut current = self
            .environment
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Some(environment);
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// How often the environment was replaced.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Binds a configuration to the environment as it is now, for an instance to be built from it.
    pub(crate) fn resolve(&self, config: &PortableConfig) -> Result<ResolvedConfig, ConfigErrors> {
        match self.now() {
            Some(environment) => environment.resolve(config),
            None => Ok(ResolvedConfig::verbatim(config)),
        }
    }

    /// The same for those who only judge: no secret is read.
    pub(crate) fn resolve_without_secrets(
        &self,
        config: &PortableConfig,
    ) -> Result<ResolvedConfig, ConfigErrors> {
        match self.now() {
            Some(environment) => environment.resolve_without_secrets(config),
            None => Ok(ResolvedConfig::verbatim(config)),
        }
    }

    fn now(&self) -> Option<Arc<Environment>> {
        let environment = self.environment.read();
        environment.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

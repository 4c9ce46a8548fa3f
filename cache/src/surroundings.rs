use hotbed_configs::{ConfigErrors, ConfigSchema, Environment, PortableConfig, ResolvedConfig};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// What configurations are bound to on this node, and how often that has changed.
///
/// The number says for an instance whether it was built in what stands now. It never tells more than what a reader of
/// the surroundings then finds: an instance may fit better than its number says, never worse.
#[derive(Debug)]
pub(crate) struct Surroundings {
    bound: RwLock<Bound>,
    changes: AtomicU64,
}

/// What stands at one time, never half of one and half of another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bound {
    pub(crate) environment: Option<Arc<Environment>>,
    pub(crate) schema: Option<Arc<ConfigSchema>>,
}

impl Surroundings {
    pub(crate) fn new(bound: Bound) -> Self {
        Self {
            bound: RwLock::new(bound),
            changes: AtomicU64::new(0),
        }
    }

    pub(crate) fn replace(&self, bound: Bound) {
        *self.bound.write().unwrap_or_else(PoisonError::into_inner) = bound;
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// How often they were replaced.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Binds a configuration to what stands now, for an instance to be built from it.
    pub(crate) fn resolve(&self, config: &PortableConfig) -> Result<ResolvedConfig, ConfigErrors> {
        self.now().bind(config, Environment::resolve)
    }

    /// The same for those who only judge: no secret is read.
    pub(crate) fn resolve_without_secrets(
        &self,
        config: &PortableConfig,
    ) -> Result<ResolvedConfig, ConfigErrors> {
        self.now()
            .bind(config, Environment::resolve_without_secrets)
    }

    fn now(&self) -> Bound {
        let bound = self.bound.read();
        bound.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Bound {
    fn bind(
        &self,
        config: &PortableConfig,
        resolve: impl FnOnce(&Environment, &PortableConfig) -> Result<ResolvedConfig, ConfigErrors>,
    ) -> Result<ResolvedConfig, ConfigErrors> {
        let resolved = match &self.environment {
            Some(environment) => resolve(environment, config)?,
            None => ResolvedConfig::verbatim(config),
        };
        match &self.schema {
            Some(schema) => schema.fit(&resolved),
            None => Ok(resolved),
        }
    }
}

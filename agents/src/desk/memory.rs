use super::{DeskError, LoadOrder, LoadedMod, ModDesk};
use crate::agent_id::AgentId;
use crate::mod_list::named;
use async_trait::async_trait;
use hotbed_configs::{PortableConfig, ResolvedConfig};
use hotbed_mods::{Cascade, Desired, ModHost, ModId};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

/// A desk that keeps what is desired in memory: for tests, and for a node that remembers nothing.
///
/// It is the only one that changes the mods of its host.
#[derive(Clone)]
pub struct MemoryDesk {
    host: ModHost,
    desired: Arc<Mutex<BTreeMap<ModId, Desired>>>,
    /// What was begun goes on when the agent hangs up.
    tasks: TaskTracker,
}

impl MemoryDesk {
    /// A desk of a host without mods.
    pub fn new(host: ModHost) -> Self {
        Self {
            host,
            desired: Arc::default(),
            tasks: TaskTracker::new(),
        }
    }

    async fn to_the_end<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, DeskError>> + Send + 'static,
    ) -> Result<T, DeskError> {
        let change = self.tasks.spawn(change);
        change.await.unwrap_or_else(|error| {
            Err(DeskError::Failed {
                message: error.to_string(),
            })
        })
    }

    async fn switch(&self, name: &str, enabled: Switch) -> Result<(), DeskError> {
        let (desk, name) = (self.clone(), name.to_owned());
        self.to_the_end(async move {
            let mut desired = desk.desired.lock().await;
            let id = named(desired.values(), &name).map(|entry| entry.id.clone());
            let entry = id.and_then(|id| desired.get_mut(&id));
            let entry = entry.ok_or(DeskError::NotLoaded { name })?;
            entry.enabled = enabled == Switch::On;
            let id = entry.id.clone();
            let report = desk
                .host
                .reconcile(desired.values().cloned().collect())
                .await;
            match report.failed.get(&id) {
                Some(message) => Err(DeskError::Failed {
                    message: message.clone(),
                }),
                None => Ok(()),
            }
        })
        .await
    }
}

/// Whether a mod is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Switch {
    On,
    Off,
}

#[async_trait]
impl ModDesk for MemoryDesk {
    async fn load(&self, order: LoadOrder) -> Result<LoadedMod, DeskError> {
        let desk = self.clone();
        self.to_the_end(async move {
            let mut desired = desk.desired.lock().await;
            let id = desk.host.identify(&order.path).await?;
            let failed = |error: &dyn fmt::Display| DeskError::Failed {
                message: error.to_string(),
            };
            let config = PortableConfig::from_value(Value::Object(order.config));
            let config = config.map_err(|error| failed(&error))?;
            let config = ResolvedConfig::verbatim(&config);
            let entry = Desired::new(id.clone(), order.path.clone(), config);
            desk.host.load(entry.clone()).await?;
            desired.insert(id.clone(), entry);
            Ok(LoadedMod {
                id,
                path: order.path,
            })
        })
        .await
    }

    async fn unload(&self, name: &str, _by: &AgentId) -> Result<ModId, DeskError> {
        let (desk, name) = (self.clone(), name.to_owned());
        self.to_the_end(async move {
            let mut desired = desk.desired.lock().await;
            let id = named(desired.values(), &name).map(|entry| entry.id.clone());
            desk.host.unload(&name, Cascade::Refuse).await?;
            let id = id.ok_or(DeskError::NotLoaded { name })?;
            desired.remove(&id);
            Ok(id)
        })
        .await
    }

    async fn reload(&self, name: &str, _by: &AgentId) -> Result<LoadedMod, DeskError> {
        let (desk, name) = (self.clone(), name.to_owned());
        self.to_the_end(async move {
            let desired = desk.desired.lock().await;
            let entry = named(desired.values(), &name);
            let report = desk.host.reload(&name).await?;
            let entry = entry.ok_or(DeskError::NotLoaded { name })?;
            match report.failed.get(&entry.id) {
                Some(message) => Err(DeskError::Failed {
                    message: message.clone(),
                }),
                None => Ok(LoadedMod {
                    id: entry.id.clone(),
                    path: entry.path.clone(),
                }),
            }
        })
        .await
    }

    async fn enable(&self, name: &str, _by: &AgentId) -> Result<(), DeskError> {
        self.switch(name, Switch::On).await
    }

    async fn disable(&self, name: &str, _by: &AgentId) -> Result<(), DeskError> {
        self.switch(name, Switch::Off).await
    }
}

impl fmt::Debug for MemoryDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDesk").finish_non_exhaustive()
    }
}

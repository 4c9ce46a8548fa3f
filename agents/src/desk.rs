//! Who changes mods when an agent asks for it.

mod memory;

use crate::agent_id::AgentId;
use async_trait::async_trait;
use hotbed_mods::{LoadError, ModId, ModPath, UnloadError};
use serde_json::{Map, Value};
use std::fmt;

pub use memory::MemoryDesk;

/// Changes what mods are desired. The network asks it once it has made sure that the agent may ask.
///
/// A method returns when the change is in effect on this node. It must not be cut in two when its future is dropped,
/// for an agent may hang up.
#[async_trait]
pub trait ModDesk: Send + Sync + 'static {
    /// Adds a mod to what is desired.
    async fn load(&self, order: LoadOrder) -> Result<LoadedMod, DeskError>;

    /// Takes a mod out of what is desired, by exactly its id or exactly its path.
    async fn unload(&self, name: &str, by: &AgentId) -> Result<ModId, DeskError>;

    /// Builds a new generation of a mod, by exactly its id or exactly its path.
    async fn reload(&self, name: &str, by: &AgentId) -> Result<LoadedMod, DeskError>;

    /// Lets a mod run, by exactly its id or exactly its path. One that runs already runs on.
    async fn enable(&self, name: &str, by: &AgentId) -> Result<(), DeskError>;

    /// Keeps a mod from running, by exactly its id or exactly its path. Its entry stays.
    async fn disable(&self, name: &str, by: &AgentId) -> Result<(), DeskError>;
}

/// What is to be loaded. Its configuration may hold secrets, so `Debug` does not show it.
#[derive(Clone)]
pub struct LoadOrder {
    /// From where.
    pub path: ModPath,
    /// With which configuration.
    pub config: Map<String, Value>,
    /// Who wants it.
    pub by: AgentId,
}

impl fmt::Debug for LoadOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadOrder")
            .field("path", &self.path)
            .field("keys", &self.config.keys())
            .field("by", &self.by)
            .finish_non_exhaustive()
    }
}

/// A mod that is in service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedMod {
    /// Its id.
    pub id: ModId,
    /// Its path.
    pub path: ModPath,
}

/// Why what was asked is not in effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// It is loaded, from the same path.
    #[error("Mod '{id}' is already loaded")]
    AlreadyLoaded {
        /// Which.
        id: ModId,
    },
    /// Another mod has its id.
    #[error("Mod '{id}' is already registered")]
    Clash {
        /// Which id.
        id: ModId,
    },
    /// There is none of exactly this id or exactly this path.
    #[error("Mod '{name}' is not loaded")]
    NotLoaded {
        /// What was asked for.
        name: String,
    },
    /// Nothing is at its path.
    #[error("No module named '{module}'")]
    NoModule {
        /// The first part of the path under which there is nothing.
        module: String,
    },
    /// Anything else, as the end of a sentence.
    #[error("{message}")]
    Failed {
        /// What happened, fit for those with authority.
        message: String,
    },
}

impl From<LoadError> for DeskError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::AlreadyLoaded { id } => Self::AlreadyLoaded { id },
            LoadError::Clash { id, .. } => Self::Clash { id },
            LoadError::NoModule { module, .. } => Self::NoModule { module },
            LoadError::Failed { message, .. } => Self::Failed { message },
            other => Self::Failed {
                message: other.to_string(),
            },
        }
    }
}

impl From<UnloadError> for DeskError {
    fn from(error: UnloadError) -> Self {
        match error {
            UnloadError::NotLoaded { name } => Self::NotLoaded { name },
            other => Self::Failed {
                message: other.to_string(),
            },
        }
    }
}

use crate::follower::Unsettled;
use hotbed_agents::DeskError;
use hotbed_mods::{InvalidModId, LoadError, ModId, UnloadError};
use hotbed_registry::Error;

/// Why the mods are not as they were asked to be, by what the caller may do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModsError {
    /// It is wanted already, from the same path.
    #[error("Mod '{id}' is already loaded")]
    AlreadyLoaded {
        /// Which.
        id: ModId,
    },
    /// Another mod has its id: unload that, or give this one an id of its own.
    #[error("Mod '{id}' is already registered")]
    Clash {
        /// Whose id.
        id: ModId,
    },
    /// There is none of exactly this id or exactly this path.
    #[error("Mod '{name}' is not loaded")]
    NotLoaded {
        /// What was asked for.
        name: String,
    },
    /// Several have this path: name one by its id.
    #[error("several mods are loaded from {name}: name one of {}", names(ids))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Who is meant by it.
        ids: Vec<ModId>,
    },
    /// Others depend on it: unload them first, or with it.
    #[error(
        "mod '{id}' is needed by {}: unload them first, or all of them with `cascade`",
        names(by)
    )]
    Needed {
        /// Which.
        id: ModId,
        /// By whom, directly or through others.
        by: Vec<ModId>,
    },
    /// It is disabled, so there is nothing to reload.
    #[error("mod '{id}' is disabled: enable it first")]
    Disabled {
        /// Which.
        id: ModId,
    },
    /// What was said is no mod, or not fit for it. Nothing was written.
    #[error("{}", problems.join("; "))]
    Invalid {
        /// Everything that is wrong.
        problems: Vec<String>,
    },
    /// Nothing is at its path. Nothing was written.
    #[error("{message}")]
    NoModule {
        /// The first part of the path under which there is nothing.
        module: String,
        /// What is not there, and what there is instead.
        message: String,
    },
    /// It did not come up, or cannot. What is wanted is as it was before, unless the message says otherwise.
    #[error("{message}")]
    Failed {
        /// Why, fit for whoever may change mods.
        message: String,
    },
    /// What is written is, and this node could not look at it yet: it will by itself.
    #[error("this node has not gone by what is written yet: {0}")]
    Unsettled(#[from] Unsettled),
    /// The registry did not take it.
    #[error(transparent)]
    Registry(#[from] Error),
}

impl ModsError {
    /// What people and agents are told. The reason of a registry that fails may name a path or an address, which is for the
    /// log.
    pub fn told(&self) -> String {
        match self {
            Self::Registry(Error::Unavailable { operation, .. }) => {
                format!("the registry cannot {operation} right now: try again later")
            }
            Self::Registry(Error::Corrupt { .. }) => {
                "the registry cannot read what it holds: its log says more".to_owned()
            }
            Self::Unsettled(_) => {
                "this node has not gone by what is written yet: it will by itself".to_owned()
            }
            other => other.to_string(),
        }
    }
}

impl From<LoadError> for ModsError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::AlreadyLoaded { id } => Self::AlreadyLoaded { id },
            LoadError::Clash { id, .. } => Self::Clash { id },
            LoadError::NoModule {
                module, message, ..
            } => Self::NoModule { module, message },
            LoadError::Failed { message, .. } => Self::Failed { message },
            other => Self::Failed {
                message: other.to_string(),
            },
        }
    }
}

impl From<UnloadError> for ModsError {
    fn from(error: UnloadError) -> Self {
        match error {
            UnloadError::NotLoaded { name } => Self::NotLoaded { name },
            UnloadError::Ambiguous { name, ids } => Self::Ambiguous { name, ids },
            UnloadError::Needed { id, by } => Self::Needed { id, by },
            UnloadError::Disabled { id } => Self::Disabled { id },
            other => Self::Failed {
                message: other.to_string(),
            },
        }
    }
}

impl From<InvalidModId> for ModsError {
    fn from(error: InvalidModId) -> Self {
        Self::Invalid {
            problems: vec![error.to_string()],
        }
    }
}

/// What agents are told.
impl From<ModsError> for DeskError {
    fn from(error: ModsError) -> Self {
        match error {
            ModsError::AlreadyLoaded { id } => Self::AlreadyLoaded { id },
            ModsError::Clash { id } => Self::Clash { id },
            ModsError::NotLoaded { name } => Self::NotLoaded { name },
            ModsError::NoModule { module, .. } => Self::NoModule { module },
            other => Self::Failed {
                message: other.told(),
            },
        }
    }
}

fn names(ids: &[ModId]) -> String {
    let ids: Vec<&str> = ids.iter().map(ModId::as_str).collect();
    ids.join(", ")
}

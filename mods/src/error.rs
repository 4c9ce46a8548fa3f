use crate::id::{InvalidModId, ModId};
use crate::path::ModPath;

/// Why a mod was not loaded, by what the caller may do. Nothing of it is left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It is loaded, from the same path.
    #[error("mod '{id}' is already loaded")]
    AlreadyLoaded {
        /// Which.
        id: ModId,
    },
    /// Another mod has its id: unload that, or give this one an id of its own.
    #[error(
        "mod '{id}' is already loaded, from {path}: unload it first, or load the other under another id"
    )]
    Clash {
        /// Whose id.
        id: ModId,
        /// From where the one that has it.
        path: ModPath,
    },
    /// Its path gives no id, and its manifest none either.
    #[error(transparent)]
    InvalidId(#[from] InvalidModId),
    /// Nothing is at its dotted path.
    #[error("{message}")]
    NoModule {
        /// Its path.
        name: String,
        /// The first part of the path under which there is nothing.
        module: String,
        /// What there is instead.
        message: String,
    },
    /// It could not be read, does not fit, or did not come up.
    #[error("mod '{name}' is not loaded: {message}")]
    Failed {
        /// Which: its id, or its path if not even that is known.
        name: String,
        /// Why.
        message: String,
    },
    /// The host is stopped.
    #[error("mod '{name}' is not loaded: the host is stopped")]
    Closed {
        /// Which.
        name: String,
    },
}

/// Why a mod was not unloaded or reloaded. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnloadError {
    /// There is none of exactly this id or exactly this path.
    #[error("mod '{name}' is not loaded")]
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
    /// The host is stopped.
    #[error("the host of mod '{name}' is stopped")]
    Closed {
        /// What was asked for.
        name: String,
    },
}

/// A host that could not be stopped in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mods are not stopped yet: {}", stragglers.join(", "))]
pub struct StopError {
    /// Each as `id@generation (n calls)`, or what else is at work.
    pub stragglers: Vec<String>,
}

fn names(ids: &[ModId]) -> String {
    let ids: Vec<&str> = ids.iter().map(ModId::as_str).collect();
    ids.join(", ")
}

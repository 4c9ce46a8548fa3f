use crate::id::ModId;
use crate::path::ModPath;
use crate::state::ModState;

/// That a mod came, went, was renewed or failed: told once it is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What happened.
    pub kind: NoticeKind,
    /// To which mod.
    pub id: ModId,
    /// Its path.
    pub path: ModPath,
    /// The generation in service after it; of one that went, the last.
    pub generation: Option<u64>,
    /// How the mod is after it.
    pub state: ModState,
    /// What went wrong.
    pub error: Option<String>,
}

/// What happened to a mod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoticeKind {
    /// It came into service.
    Loaded,
    /// It left service.
    Unloaded,
    /// A new generation took the place of another.
    Reloaded,
    /// It did not come into service, or not anew: what was in service before is so still.
    Failed,
}

impl NoticeKind {
    /// The name of the event by which agents are told.
    pub fn event_name(self) -> &'static str {
        match self {
            Self::Loaded => "mod.loaded",
            Self::Unloaded => "mod.unloaded",
            Self::Reloaded => "mod.reloaded",
            Self::Failed => "mod.failed",
        }
    }
}

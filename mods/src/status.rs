use crate::health::Health;
use crate::id::ModId;
use crate::manifest::Manifest;
use crate::path::ModPath;
use crate::permission::Permissions;
use crate::priority::Priority;
use crate::scopes::Scopes;
use crate::state::ModState;
use crate::tally::Tally;
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// How one mod is, for people and for those who wait for it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModStatus {
    /// Which mod.
    pub id: ModId,
    /// Its path, of what is in service, and otherwise as desired.
    pub path: ModPath,
    /// Whether it is desired to run. False for one that leaves, too.
    pub enabled: bool,
    /// Where it is. A mod with a generation in service is running, whatever becomes of a newer one.
    pub state: ModState,
    /// The generation in service.
    pub generation: Option<u64>,
    /// All generations that are there: the one in service, those on their way up, those on their way down.
    pub generations: Vec<(u64, ModState)>,
    /// The revision of its entry that is in service.
    pub revision: Option<u64>,
    /// The revision of its entry that is desired; `None` for one that leaves.
    pub desired_revision: Option<u64>,
    /// Why it is not as desired.
    pub error: Option<String>,
    /// When the generation in service came into it.
    pub loaded_at: Option<DateTime<Utc>>,
    /// How the generation in service was when it was last asked.
    pub health: Option<Health>,
    /// Where it stands among others.
    pub priority: Priority,
    /// Where its commands may be used.
    pub scopes: Scopes,
    /// What it is granted.
    pub permissions: Permissions,
    /// What it says of itself, if it was ever read.
    pub manifest: Option<Arc<Manifest>>,
    /// What became of the events and commands of the generation in service.
    pub tally: Tally,
}

impl ModStatus {
    /// Whether it runs as desired and says that it is well.
    pub fn is_well(&self) -> bool {
        let healthy = self.health.as_ref().is_none_or(|health| health.healthy);
        self.state == ModState::Running && self.error.is_none() && healthy
    }
}

use crate::id::ModId;
use crate::path::ModPath;
use crate::permission::Permissions;
use crate::priority::Priority;
use crate::scopes::Scopes;
use hotbed_configs::{ConfigErrors, ResolvedConfig};
use std::sync::Arc;

/// One mod as its operator wants it: an entry of the desired state, which the host only reads.
#[derive(Debug, Clone)]
pub struct Desired {
    /// What it is called here.
    pub id: ModId,
    /// Where it comes from.
    pub path: ModPath,
    /// Its configuration, as this node resolves it. One that does not resolve is a failure of this mod, and what ran
    /// before runs on.
    pub config: Result<ResolvedConfig, ConfigErrors>,
    /// Whether it is to run. What is disabled keeps its entry and never starts.
    pub enabled: bool,
    /// Where it stands among others; `None` leaves it to its manifest.
    pub priority: Option<Priority>,
    /// What it is granted.
    pub permissions: Permissions,
    /// Where its commands may be used; `None` leaves it to its manifest.
    pub scopes: Option<Scopes>,
    /// The renewal that was asked for last. Another than that of a generation has it built anew, where nothing else differs
    /// too; none asks for nothing.
    pub renewal: Option<Arc<str>>,
    /// The revision of this entry, by which people tell what runs.
    pub revision: u64,
}

impl Desired {
    /// An enabled mod with nothing else said.
    pub fn new(id: ModId, path: ModPath, config: ResolvedConfig) -> Self {
        Self {
            id,
            path,
            config: Ok(config),
            enabled: true,
            priority: None,
            permissions: Permissions::none(),
            scopes: None,
            renewal: None,
            revision: 0,
        }
    }

    /// Whether a generation of this can serve where another is desired: only what the host itself looks at differs, if
    /// anything.
    pub(crate) fn has_substance_of(&self, desired: &Self) -> bool {
        let configs = match (&self.config, &desired.config) {
            (Ok(this), Ok(that)) => this.digest() == that.digest(),
            (Err(this), Err(that)) => this == that,
            _ => false,
        };
        let is_new = desired.renewal.is_none() || self.renewal == desired.renewal;
        configs && is_new && self.path == desired.path && self.permissions == desired.permissions
    }
}

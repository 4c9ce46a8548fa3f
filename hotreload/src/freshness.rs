use hotbed_registry::Revision;
use std::time::Duration;

/// How far a node follows its registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// Everything up to this revision was told to whatever is built from the registry.
    pub revision: Revision,
    /// How long ago this was last confirmed to be the registry's head; `None` if never.
    pub confirmed_ago: Option<Duration>,
    /// Whether this node can no longer say that it is up to date.
    pub stale: bool,
    /// Why the last attempt to confirm failed, if it did.
    pub error: Option<String>,
}

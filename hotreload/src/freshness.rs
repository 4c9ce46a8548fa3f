use hotbed_registry::Revision;
use std::time::Duration;

/// How far a node follows its registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// Everything up to this revision was told to whatever is built from the registry.
    pub revision: Revision,
    /// The newest revision that this node knows to exist: the end of the log as it was last read, or what an event told
    /// since.
    pub head: Revision,
    /// For how long it has known of revisions that it has not reached; zero if it has reached all it knows of.
    pub behind_for: Duration,
    /// How long ago this was last confirmed to be the registry's head; `None` if never.
    pub confirmed_ago: Option<Duration>,
    /// Whether this node can no longer say that it is up to date.
    pub stale: bool,
    /// Why the last attempt to confirm failed, if it did.
    pub error: Option<String>,
}

impl Freshness {
    /// How many revisions this node knows of and has not reached.
    pub fn behind_by(&self) -> u64 {
        self.head.0.saturating_sub(self.revision.0)
    }
}

use crate::Failure;
use hotbed_registry::{Id, Revision};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a cache holds for one id: what a status page shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The id.
    pub id: Id,
    /// How it stands.
    pub state: InstanceState,
    /// The revision of the instance that is served; `None` if there is none.
    pub revision: Option<Revision>,
    /// The newest revision that this cache was told of; newer than `revision` while a build is due.
    pub observed: Revision,
    /// Why the last build failed, if it did.
    pub failure: Option<Arc<Failure>>,
    /// How long ago the instance was built.
    pub age: Option<Duration>,
    /// When the next attempt is due, after a failure.
    pub retry_in: Option<Duration>,
}

/// How an id stands in a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstanceState {
    /// The instance is of the newest known revision.
    Ready,
    /// A newer revision is known, the next read gets it; or the first build is under way.
    Pending,
    /// The newest revision could not be built or read; the last good instance serves.
    Degraded,
    /// No instance could be built, and there is no earlier one.
    Failed,
    /// The registration is out of service.
    Inactive,
    /// There is no such registration.
    Absent,
}

impl InstanceState {
    /// The word for it on every wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Pending => "pending",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Inactive => "inactive",
            Self::Absent => "absent",
        }
    }
}

impl fmt::Display for InstanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

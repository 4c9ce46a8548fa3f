use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How one id stands in this node's memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "id": "greeter",
    "state": "degraded",
    "revision": 41,
    "observed": 42,
    "built_ago_ms": 61_000,
    "retry_in_ms": 1_500,
    "error": {"kind": "config", "message": "LLM_MODEL is not set", "revision": 42}
}))]
pub struct Instance {
    /// Whose instance.
    pub id: String,
    /// How it stands.
    pub state: InstanceState,
    /// The revision of the instance that is served; null if there is none.
    pub revision: Option<u64>,
    /// The newest revision that this node knows of.
    pub observed: u64,
    /// How long ago the instance was built; null if there is none.
    pub built_ago_ms: Option<u64>,
    /// When the next attempt is due after a failure; null if there was none.
    pub retry_in_ms: Option<u64>,
    /// Why the last build failed; null if it did not.
    pub error: Option<InstanceError>,
}

/// A page of what a node holds in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceList {
    /// How each stands, in the order of the ids.
    pub items: Vec<Instance>,
    /// Send it as `after` for the next page. Null when there is none.
    pub next: Option<String>,
}

/// How an id stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InstanceState {
    /// It is registered and nobody has asked for it yet, or it left memory. The next request builds it.
    Unloaded,
    /// The instance is of the newest known revision.
    Ready,
    /// A newer revision is known, the next request gets it; or the first build is under way.
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

/// Why the last build of an id failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceError {
    /// Which step failed: `registry`, `config`, `factory`, `panic` or `deadline`.
    pub kind: String,
    /// What it said, with its causes.
    pub message: String,
    /// The revision that could not be built; null if not even that could be read.
    pub revision: Option<u64>,
}

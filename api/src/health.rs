use crate::Instance;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a node is doing: what a person, or the `health` command, looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// All of it in a word.
    pub status: HealthStatus,
    /// Whether it takes requests.
    pub readiness: Readiness,
    /// The version of the program.
    pub version: String,
    /// Which service this is, for clients that look at several: always `hotbed`.
    #[serde(default)]
    pub service: String,
    /// What its clock shows.
    #[serde(default, with = "crate::time")]
    pub timestamp: DateTime<Utc>,
    /// How long it has been running.
    pub uptime_ms: u64,
    /// The same in seconds.
    #[serde(default)]
    pub uptime_seconds: f64,
    /// The environment whose resources its configurations are bound to.
    pub environment: String,
    /// The registry as this node sees it.
    pub registry: RegistryHealth,
    /// Which node of its fleet this is.
    pub node: String,
    /// Where this node hears of changes.
    pub bus: BusHealth,
    /// How far this node follows the registry.
    pub freshness: Freshness,
    /// The instances of bots in memory.
    pub cache: CacheHealth,
    /// Ids whose newest revision this node could not build.
    pub failures: Failures,
    /// The mods of this node.
    #[serde(default)]
    pub mods: ModsHealth,
    /// What whoever runs this node should know.
    pub warnings: Vec<String>,
}

/// How the mods of a node are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"wanted": 2, "well": 1, "failing": [{"id": "wiki", "error": "it panicked"}]}))]
pub struct ModsHealth {
    /// How many are to run.
    pub wanted: u64,
    /// How many of them run as they are registered, and say that they are well.
    pub well: u64,
    /// Those that are not well, and why; the first 100.
    pub failing: Vec<FailingMod>,
}

/// A mod that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailingMod {
    /// Which.
    pub id: String,
    /// What is the matter.
    pub error: String,
}

/// How a node is doing, in a word: the worst that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Everything works.
    Ok,
    /// It serves; an earlier instance of some id stands in for the newest revision, which could not be built, or the
    /// registry cannot be reached right now; or a mod that is to run does not, or is not well. A bot that never could be
    /// built here does not count.
    Degraded,
    /// It serves, and cannot say that what it serves is up to date.
    Stale,
    /// It serves nothing: the registry cannot be reached and there is no instance in memory.
    Down,
}

/// Whether a node takes requests: the answer of `/readyz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Readiness {
    /// Not yet.
    Starting,
    /// Yes.
    Ready,
    /// No more: it is about to end.
    Draining,
}

/// That the process is up: the answer of `/healthz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"status": "ok"}))]
pub struct Liveness {
    /// Always `ok`; a process that is not up does not answer.
    pub status: HealthStatus,
}

/// The registry as a node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegistryHealth {
    /// Whether it answers.
    pub state: RegistryState,
    /// Where it is, without secrets.
    pub location: String,
    /// What happens to configurations that no bot can be built from.
    pub admission: Admission,
    /// The newest revision; null if it does not answer.
    pub head: Option<u64>,
    /// How many registrations there are; null if it does not answer.
    pub registrations: Option<u64>,
    /// How many of them are in service; null if it does not answer.
    pub active: Option<u64>,
    /// Why it does not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Whether a registry answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RegistryState {
    /// It does.
    Reachable,
    /// It does not.
    Unreachable,
}

/// What happens to configurations that no bot can be built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Admission {
    /// They are stored, and the writer is warned.
    Permissive,
    /// They are refused.
    Strict,
}

/// Where a node hears of changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BusHealth {
    /// Where the event bus is, without secrets.
    pub location: String,
    /// How this node learns of changes: `polling`, `event-driven` or `hybrid`.
    pub mode: String,
}

/// How far a node follows its registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Freshness {
    /// Everything up to this revision is known to this node.
    pub revision: u64,
    /// The newest revision that this node knows to exist: told by an event, perhaps, before the log was read.
    pub head: u64,
    /// How many revisions it knows of and has not reached.
    pub behind_by: u64,
    /// For how long it has known of revisions that it has not reached; 0 if it has reached all.
    pub behind_for_ms: u64,
    /// How long ago this was last confirmed to be the registry's head; null if never.
    pub confirmed_ago_ms: Option<u64>,
    /// Whether this node can no longer say that it is up to date.
    pub stale: bool,
    /// Why the last attempt to confirm failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a cache has done since the node started, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheHealth {
    /// Requests served without waiting.
    pub hits: u64,
    /// Requests that had to wait, or were told that there is nothing.
    pub misses: u64,
    /// Instances created.
    pub builds: u64,
    /// Builds that failed.
    pub build_failures: u64,
    /// Times that an instance was confirmed instead of being rebuilt.
    pub renewals: u64,
    /// Ids that left because the cache was full or they were idle.
    pub evictions: u64,
    /// Ids known now, with or without an instance.
    pub size: u64,
    /// Instances not yet destroyed.
    pub instances: u64,
}

/// Ids whose newest revision a node could not build: those of state `degraded`, for which an earlier instance serves,
/// and those of state `failed`, for which nothing does. Only the former make a node `degraded`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failures {
    /// How many there are.
    pub total: u64,
    /// A hundred of them, those of state `degraded` first, then in id order.
    pub items: Vec<Instance>,
}

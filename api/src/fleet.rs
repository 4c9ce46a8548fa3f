use crate::Readiness;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The nodes of a fleet, as the one that answers sees them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Fleet {
    /// What should be in service everywhere, by collection.
    pub desired: BTreeMap<String, Desired>,
    /// The nodes: those first that somebody should look at, then by name.
    pub nodes: Vec<FleetNode>,
}

/// What should be in service everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Desired {
    /// The newest revision that any node knows of, or the registry itself told the one that answers.
    pub revision: u64,
    /// How many nodes have applied it.
    pub applied_by: u64,
    /// How many nodes there are, silent ones included.
    pub nodes: u64,
}

/// One node of a fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FleetNode {
    /// Its name.
    pub node: String,
    /// Which process of that name it is.
    pub incarnation: String,
    /// Whether it is the one that answers.
    #[serde(rename = "self")]
    pub is_self: bool,
    /// Whether it has not been heard for longer than it said. Such a node leaves by itself a little later.
    pub silent: bool,
    /// Whether another living node has the same name: give each its own.
    pub duplicate: bool,
    /// How long ago it was heard.
    pub heard_ago_ms: u64,
    /// Whether it takes requests.
    pub readiness: Readiness,
    /// The machine it runs on.
    pub host: String,
    /// Its process there.
    pub pid: u32,
    /// Where it listens.
    pub address: String,
    /// The version of its program.
    pub version: String,
    /// When it started, by its own clock.
    #[serde(with = "crate::time")]
    #[schema(value_type = String, format = DateTime)]
    pub started_at: DateTime<Utc>,
    /// The environment whose resources its configurations are bound to.
    pub environment: String,
    /// How far it is, by collection.
    pub collections: BTreeMap<String, NodeProgress>,
}

/// How far a node is with a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeProgress {
    /// Everything up to this revision is in service there, or is among its failures.
    pub applied: u64,
    /// How many revisions it has yet to apply.
    pub behind_by: u64,
    /// For how long it has known of revisions that it was not told of yet.
    pub behind_for_ms: u64,
    /// How long before it was heard it had confirmed that it knows the registry's head; null if never.
    pub confirmed_ago_ms: Option<u64>,
    /// Whether it can no longer say that it is up to date.
    pub stale: bool,
    /// How many ids it could not build at their newest revision.
    pub failing: u64,
    /// Some of them.
    pub failures: Vec<NodeFailure>,
}

/// An id that a node could not build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeFailure {
    /// Whose instance.
    pub id: String,
    /// The revision that serves in its place; null if nothing does.
    pub serves: Option<u64>,
    /// What went wrong.
    pub error: String,
}

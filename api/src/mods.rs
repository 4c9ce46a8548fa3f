use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A mod that is to be registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"path": "openagents.mods.core.shared_cache", "config": {"max_entries": 1_000}}))]
pub struct ModWrite {
    /// What it is to be called. The last part of its path, or what its manifest says, if it is left out. Not for a mod
    /// that is named by the address of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where it comes from.
    pub path: String,
    /// Its configuration: `${VAR}`, `$resource` and `$secret` are filled in on each node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Map<String, Value>>,
    /// Whether it is to run; true unless said. A text with a `${VAR}` will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<bool>)]
    pub enabled: Option<Value>,
    /// Where it stands among others: a number, or `infrastructure` (10), `security` (20), `middleware` (30), `business`
    /// (40) or `integration` (50). What its manifest says, if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub priority: Option<Value>,
    /// What it is granted: `service:NAME`, `event:PATTERN` or `*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
    /// The channels in which its commands may be used, or `any`. What its manifest says, if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// What its owners note of it. What is there stays if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

/// One mod: what is registered of it, and how it is on this node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Mod {
    /// Its id.
    pub id: String,
    /// Where it comes from.
    pub path: String,
    /// Its configuration as it is registered, passwords hidden.
    pub config: Map<String, Value>,
    /// All that is registered of it, passwords hidden; null for one that leaves.
    pub registered: Option<Map<String, Value>>,
    /// What its owners noted of it.
    pub metadata: Map<String, Value>,
    /// Whether it is to run.
    pub enabled: bool,
    /// Where it is: registered, initializing, initialized, starting, running, draining, stopping, stopped or error.
    pub state: String,
    /// The generation in service; null if there is none.
    pub generation: Option<u64>,
    /// The revision of its registration; null for one that leaves.
    pub revision: Option<u64>,
    /// The revision that is in service; null if there is none.
    pub serves: Option<u64>,
    /// Why it is not as it is registered; null if it is.
    pub error: Option<String>,
    /// When the generation in service came into it.
    pub loaded_at: Option<DateTime<Utc>>,
    /// How it said that it is when it was last asked; null if it was not yet.
    pub health: Option<ModHealth>,
    /// Where it stands among others.
    pub priority: u16,
    /// What it is granted.
    pub permissions: Vec<String>,
    /// The channels in which its commands may be used, or `any`.
    pub scopes: Vec<String>,
    /// What it says of itself; null if it was never read.
    pub manifest: Option<ModManifest>,
    /// What became of the events and commands of the generation in service.
    pub calls: ModCalls,
}

/// How a mod says that it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModHealth {
    /// Whether it can do its work.
    pub healthy: bool,
    /// What is the matter, or a word on what it does.
    pub message: String,
    /// Numbers for people.
    pub details: Map<String, Value>,
}

/// What a mod says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModManifest {
    /// What people call it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is for.
    pub description: String,
    /// What it can do, in words of its own.
    pub capabilities: Vec<String>,
    /// The mods that must run for it to run.
    pub dependencies: Vec<String>,
    /// The words of its commands.
    pub words: Vec<String>,
    /// The events that it is asked about.
    pub events: Vec<String>,
}

/// What became of the events and commands of a mod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ModCalls {
    /// How many ended well.
    pub done: u64,
    /// How many ended with an error, a panic, or at their deadline.
    pub failed: u64,
    /// How many were refused, since too many waited.
    pub refused: u64,
    /// What the last that did not end well said.
    pub last_error: Option<String>,
}

/// The mods of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModList {
    /// Each, in the order of the ids.
    pub items: Vec<Mod>,
}

/// What was unloaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"unloaded": ["wiki"]}))]
pub struct Unloaded {
    /// The mods, dependents before what they depend on.
    pub unloaded: Vec<String>,
}

/// The configuration of a mod.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"config": {"max_entries": 1_000}}))]
pub struct ModConfig {
    /// As it is registered, passwords hidden. A hidden one that is sent back stays what it was.
    pub config: Map<String, Value>,
}

/// What the configuration of a mod may hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModSchema {
    /// As a JSON Schema; null where the mod takes anything.
    #[schema(value_type = Option<Object>)]
    pub json_schema: Option<Value>,
    /// As a form: sections of fields; null likewise.
    #[schema(value_type = Option<Object>)]
    pub form: Option<Value>,
}

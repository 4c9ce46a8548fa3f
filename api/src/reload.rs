use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a reload of one id did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"id": "greeter", "outcome": "refreshed", "revision": 42, "error": null}))]
pub struct Reloaded {
    /// Whose instance.
    pub id: String,
    /// What happened to it.
    pub outcome: ReloadOutcome,
    /// The revision that serves now; null if none does.
    pub revision: Option<u64>,
    /// Why no new instance could be built, if that is the outcome.
    pub error: Option<String>,
}

/// What a reload does to an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReloadOutcome {
    /// It had no instance and has one now.
    Added,
    /// It has a new instance in place of the old one.
    Refreshed,
    /// It is no longer registered, or out of service.
    Removed,
    /// No new instance could be built; the last good one, if there is one, serves on.
    Failed,
}

/// What a reload of everything did, each list in id order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "added": [], "refreshed": ["greeter"], "removed": [],
    "failed": [{"id": "helper", "error": "LLM_MODEL is not set"}]
}))]
pub struct ReloadReport {
    /// Had no instance and have one now.
    pub added: Vec<String>,
    /// Have a new instance in place of the old one.
    pub refreshed: Vec<String>,
    /// Are no longer registered, or out of service.
    pub removed: Vec<String>,
    /// Could not be built anew; the last good instance of each, if there is one, serves on.
    pub failed: Vec<FailedReload>,
    /// The same of mods.
    #[serde(default)]
    pub mods: ModsReport,
}

/// What a reload did to mods, each list in id order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModsReport {
    /// Came into service.
    pub added: Vec<String>,
    /// Have a new generation in service, or go by another registration.
    pub refreshed: Vec<String>,
    /// Left service.
    pub removed: Vec<String>,
    /// Are not as they are registered. Of each the generation that was in service is so still.
    pub failed: Vec<FailedReload>,
    /// The same as a chat command tells it.
    pub text: String,
}

/// An id that could not be built anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailedReload {
    /// Whose instance.
    pub id: String,
    /// What went wrong.
    pub error: String,
}

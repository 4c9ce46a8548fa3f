use crate::{ChangeKind, Status};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The writes of one registration that are still remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// The writes, newest first. The first one of the first page made what stands now, or is the deletion.
    pub items: Vec<PastWrite>,
    /// Send it as `before` for the next page. Null when there is none.
    pub next: Option<u64>,
}

/// One write of the past: when, by whom and why, never the configuration itself, which `GET` with `revision` tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "revision": 42, "kind": "updated", "at": "2026-01-02T03:04:05.123456+00:00", "status": "active", "version": 3,
    "changed_by": "ada", "change_reason": "a kinder greeting"
}))]
pub struct PastWrite {
    /// The revision that it made.
    pub revision: u64,
    /// What it did, as the log of changes calls it; `updated` where the write before it is forgotten.
    pub kind: ChangeKind,
    /// When it was made, by the writer's clock.
    #[serde(with = "crate::time")]
    #[schema(value_type = String, format = DateTime)]
    pub at: DateTime<Utc>,
    /// Whether it left the registration in service. Null for a deletion.
    pub status: Option<Status>,
    /// How many writes the registration had seen by then since it was created. Null for a deletion.
    pub version: Option<u64>,
    /// Who made it, where that was said.
    pub changed_by: Option<String>,
    /// Why, where that was said.
    pub change_reason: Option<String>,
}

/// Which version a registration shall have again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object that holds `revision`")]
#[schema(example = json!({"revision": 41, "by": "ada", "reason": "the new prompt was worse"}))]
pub struct Rollback {
    /// The revision of that version.
    pub revision: u64,
    /// Who goes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why; to which revision it went back, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

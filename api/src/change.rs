use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One entry of a collection's log: what happened to whom, never the configuration itself. As a server-sent event it
/// is called `change`, and its id is the revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "id": "greeter", "revision": 42, "kind": "updated", "at": "2026-01-02T03:04:05.123456+00:00"
}))]
pub struct Change {
    /// Whom it happened to.
    pub id: String,
    /// The revision that it made.
    pub revision: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// When it was committed, by the writer's clock.
    #[serde(with = "crate::time")]
    #[schema(value_type = String, format = DateTime)]
    pub at: DateTime<Utc>,
}

/// What a [`Change`] did to its registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is new.
    Created,
    /// Its configuration or metadata was written, its status stayed.
    Updated,
    /// It came into service.
    Activated,
    /// It left service.
    Deactivated,
    /// It is gone.
    Deleted,
}

/// What happened in a collection after a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeLog {
    /// The entries, oldest first and without a gap.
    pub changes: Vec<Change>,
    /// Send it as `after` to go on from here. Smaller than `head` while there are more entries to fetch.
    pub next: u64,
    /// The collection's newest revision.
    pub head: u64,
}

/// The log does not reach back to the revision that was asked for, or never held it: list the collection, then go on after `head`.
/// The data of the server-sent event `compacted`; otherwise part of a problem of status 410.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Compacted {
    /// The oldest revision whose change is still in the log.
    pub oldest: u64,
    /// The collection's newest revision.
    pub head: u64,
}

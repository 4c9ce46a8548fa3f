use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where one registration stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"id": "greeter", "revision": 41}))]
pub struct Head {
    /// Whose registration.
    pub id: String,
    /// The change of the collection that made it what it is now.
    pub revision: u64,
}

/// Where registrations stand, in id order: enough to see which of them changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeadList {
    /// The registrations.
    pub items: Vec<Head>,
    /// Send it as `after` for the next page. Null when there is none.
    pub next: Option<String>,
    /// The collection's newest revision, read before the items: what changes meanwhile is in the log after it.
    pub head: u64,
}

/// How many registrations there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Count {
    /// How many.
    pub count: u64,
}

/// One use of a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Of which.
    pub id: String,
    /// When.
    #[serde(with = "crate::time")]
    #[schema(value_type = String, format = DateTime)]
    pub at: DateTime<Utc>,
}

/// Uses of registrations that another node has noted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object that holds `items`")]
#[schema(example = json!({"items": [{"id": "greeter", "at": "2026-01-02T03:04:05.123456+00:00"}]}))]
pub struct AccessList {
    /// The uses; 10,000 at most.
    pub items: Vec<Access>,
}

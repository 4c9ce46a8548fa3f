use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// One stored configuration and what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "bot_id": "greeter",
    "id": "greeter",
    "config": {"llm": {"provider": "echo"}, "system_prompt": "Be kind."},
    "status": "active",
    "metadata": {"team": "support"},
    "revision": 41,
    "version": 3,
    "created_at": "2026-01-02T03:04:05.123456+00:00",
    "updated_at": "2026-01-03T03:04:05.123456+00:00",
    "last_accessed_at": "2026-01-03T09:00:00.000000+00:00"
}))]
pub struct Registration {
    /// Its name; the same as `id`, under the name that clients of the Python config service look for.
    pub bot_id: String,
    /// Its name.
    pub id: String,
    /// What an instance is built from, as it is stored: references and variables are not filled in.
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// Whether it is in service.
    pub status: Status,
    /// What its owners noted of it. `changed_by` and `change_reason` say who wrote it last, and why, if that was said.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// The change of the collection that made it what it is now. Also the `ETag`, in quotes.
    pub revision: u64,
    /// How many writes it has seen since it was created: 1 at first.
    pub version: u64,
    /// When it was created.
    #[serde(with = "crate::time")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: DateTime<Utc>,
    /// When it was last written.
    #[serde(with = "crate::time")]
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: DateTime<Utc>,
    /// When it was last used, give or take some seconds.
    #[serde(with = "crate::time")]
    #[schema(value_type = String, format = DateTime)]
    pub last_accessed_at: DateTime<Utc>,
}

/// The answer to a write: what is stored now, and what its writer should know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Written {
    /// What is stored now.
    #[serde(flatten)]
    pub registration: Registration,
    /// Why no bot can be built from it, and whatever else its writer should know. Empty when all is well.
    #[serde(default)]
    #[schema(example = json!(["llm.model: the model is not pinned to a version"]))]
    pub warnings: Vec<String>,
}

/// A page of registrations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RegistrationList {
    /// The registrations.
    pub items: Vec<Registration>,
    /// With a limit and in id order: send it as `after` for the next page. Null when there is none.
    pub next: Option<String>,
}

/// Whether a registration is in service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// In service.
    Active,
    /// Kept, but out of service.
    Inactive,
    /// Kept, but out of service because its owner found it faulty.
    Error,
}

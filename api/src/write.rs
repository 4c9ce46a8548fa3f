use crate::Status;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What a writer wants a registration to be: the body of `POST` and `PUT`.
///
/// Unknown fields are refused. The fields that only the server sets (`revision`, `version`, `created_at`,
/// `updated_at`, `last_accessed_at`, `warnings`) are accepted and ignored, so what `GET` answered can be sent back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(from = "Accepted")]
#[schema(example = json!({
    "bot_id": "greeter",
    "config": {"llm": {"provider": "echo"}, "system_prompt": "Be kind."},
    "metadata": {"team": "support"}
}))]
pub struct RegistrationWrite {
    /// Its name. `POST` demands it; in `PUT` the path names it, and this must say the same if it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<String>,
    /// Its name, in short; must not contradict `bot_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Replaces the configuration as a whole. A JSON object, nested at most 120 levels deep, without
    /// numbers that do not fit in 64 bits, and without two members of one name in an object.
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// Replaces the status; active unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Replaces the metadata as a whole; without it, or with null, the metadata stays as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
}

/// Every field that a body may hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object that holds `config`")]
struct Accepted {
    bot_id: Option<String>,
    id: Option<String>,
    config: Map<String, Value>,
    status: Option<Status>,
    metadata: Option<Map<String, Value>>,
    #[serde(rename = "revision")]
    _revision: Option<IgnoredAny>,
    #[serde(rename = "version")]
    _version: Option<IgnoredAny>,
    #[serde(rename = "created_at")]
    _created_at: Option<IgnoredAny>,
    #[serde(rename = "updated_at")]
    _updated_at: Option<IgnoredAny>,
    #[serde(rename = "last_accessed_at")]
    _last_accessed_at: Option<IgnoredAny>,
    #[serde(rename = "warnings")]
    _warnings: Option<IgnoredAny>,
}

impl From<Accepted> for RegistrationWrite {
    fn from(accepted: Accepted) -> Self {
        let Accepted {
            bot_id,
            id,
            config,
            status,
            metadata,
            ..
        } = accepted;
        Self {
            bot_id,
            id,
            config,
            status,
            metadata,
        }
    }
}

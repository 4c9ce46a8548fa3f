use super::{Fields, Malformed};
use crate::auth::NotAuthenticated;
use crate::secret::Claimed;
use serde::Serialize;

/// Asks to leave: `POST /api/unregister`. `Debug` does not show the secret.
#[derive(Debug, Clone)]
pub struct UnregisterRequest {
    /// Who leaves.
    pub agent_id: String,
    /// By what he proves who he is.
    pub secret: Claimed,
}

/// What is answered to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnregisterAnswer {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
}

impl UnregisterRequest {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::parse(body)?;
        let what = "agent_id is";
        Ok(Self {
            agent_id: fields
                .text("agent_id")?
                .ok_or(Malformed::Missing { what })?,
            secret: fields.secret()?,
        })
    }
}

impl From<Result<(), NotAuthenticated>> for UnregisterAnswer {
    fn from(result: Result<(), NotAuthenticated>) -> Self {
        Self {
            success: result.is_ok(),
            error_message: result.err().map(|error| error.to_string()),
        }
    }
}

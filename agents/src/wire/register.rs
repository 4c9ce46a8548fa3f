use super::{Fields, Malformed};
use crate::register::{RegisterError, Registered};
use crate::secret::Claimed;
use crate::transport::Transport;
use serde::Serialize;
use serde_json::{Map, Value};

/// Asks to join: `POST /api/register`. `Debug` shows neither the secret nor the hash of the password.
#[derive(Clone)]
pub struct RegisterRequest {
    /// As what.
    pub agent_id: String,
    /// What the agent says of itself. Every agent can read it.
    pub metadata: Map<String, Value>,
    /// The hash of the password of a group.
    pub password_hash: Claimed,
    /// The group that it wants to belong to.
    pub agent_group: Option<String>,
    /// The secret that it has, if it is a member already and wants a new one.
    pub secret: Claimed,
    /// How it reaches the network.
    pub transport: Transport,
}

/// What is answered to it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct RegisterAnswer {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned_group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
}

impl RegisterRequest {
    /// Asks to join over HTTP, with nothing else said.
    pub fn new(agent_id: &str) -> Self {
        Self {
            agent_id: agent_id.to_owned(),
            metadata: Map::new(),
            password_hash: Claimed::nothing(),
            agent_group: None,
            secret: Claimed::nothing(),
            transport: Transport::Http,
        }
    }

    /// Reads a body. A certificate is passed over.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        Self::of(Fields::parse(body)?, None)
    }

    /// Reads fields; whoever asks is `source` if they do not say it.
    pub(crate) fn of(mut fields: Fields, source: Option<&str>) -> Result<Self, Malformed> {
        let what = "agent_id is";
        let agent_id = fields.text("agent_id")?;
        let agent_id = agent_id.or_else(|| source.map(str::to_owned));
        let transport = match fields.text("transport_type")? {
            None => Transport::Http,
            Some(text) => Transport::parse(&text).ok_or(Malformed::WrongType {
                field: "transport_type",
                expected: "http, websocket, grpc, libp2p, webrtc, mcp or a2a",
            })?,
        };
        Ok(Self {
            agent_id: agent_id.ok_or(Malformed::Missing { what })?,
            metadata: fields.object("metadata")?,
            password_hash: Claimed::new(fields.text("password_hash")?),
            agent_group: fields.text("agent_group")?,
            secret: fields.secret()?,
            transport,
        })
    }
}

impl From<Result<Registered, RegisterError>> for RegisterAnswer {
    fn from(result: Result<Registered, RegisterError>) -> Self {
        match result {
            Ok(registered) => Self {
                success: true,
                network_name: Some(registered.network_name),
                network_id: Some(registered.network_id),
                secret: Some(registered.secret.expose().to_owned()),
                assigned_group: Some(registered.group),
                error_message: None,
            },
            Err(error) => Self {
                success: false,
                network_name: None,
                network_id: None,
                secret: None,
                assigned_group: None,
                error_message: Some(format!("Registration failed: {error}")),
            },
        }
    }
}

impl std::fmt::Debug for RegisterRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegisterRequest")
            .field("agent_id", &self.agent_id)
            .field("agent_group", &self.agent_group)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for RegisterAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegisterAnswer")
            .field("success", &self.success)
            .field("error_message", &self.error_message)
            .finish_non_exhaustive()
    }
}

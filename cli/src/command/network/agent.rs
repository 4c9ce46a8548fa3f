use std::path::{Path, PathBuf};

use clap::Args;
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::client::{Answer, Client};
use crate::error::Error;

/// As whom to join a network.
#[derive(Debug, Clone, Args)]
pub struct AgentArgs {
    /// The agent to join as; a new one, `cli-…`, unless given
    #[arg(long, value_name = "ID")]
    source_id: Option<String>,
    /// The group to belong to; that of everybody unless given
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// File with the hash of the group's password, as the network knows it
    #[arg(long, value_name = "FILE")]
    password_hash_file: Option<PathBuf>,
}

impl AgentArgs {
    /// Asks a network to let the agent in.
    pub(super) fn request(&self) -> Result<JoinRequest, Error> {
        let hash = self.password_hash_file.as_deref().map(read_hash);
        let id = match &self.source_id {
            Some(id) => id.clone(),
            None => format!("cli-{:08x}", rand::random::<u32>()),
        };
        let mut body = json!({
            "agent_id": id,
            "metadata": {},
            "password_hash": hash.transpose()?.unwrap_or_default(),
        });
        if let Some(group) = &self.group {
            body["agent_group"] = group.as_str().into();
        }
        Ok(JoinRequest { id, body })
    }
}

fn read_hash(file: &Path) -> Result<String, Error> {
    let text = std::fs::read_to_string(file).map_err(|source| Error::Input {
        what: file.display().to_string(),
        source,
    })?;
    Ok(text.trim().to_owned())
}

/// What is sent to join. No `Debug`: it holds the hash of a password.
pub(super) struct JoinRequest {
    id: String,
    body: Value,
}

/// A member of a network for as long as a command takes. No `Debug`: its secret is shown to the network only.
pub(super) struct Agent {
    client: Client,
    pub(super) id: String,
    secret: String,
}

/// An event that is to be sent.
pub(super) struct Outgoing {
    pub(super) name: String,
    /// Nobody in particular if it is empty: whoever knows the event.
    pub(super) to: String,
    pub(super) payload: Map<String, Value>,
}

/// What was answered to an event.
#[derive(Deserialize)]
pub(super) struct Answered {
    pub(super) success: bool,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    error_message: Option<String>,
    #[serde(default)]
    pub(super) data: Value,
}

impl Answered {
    /// What happened, for people.
    pub(super) fn message(&self) -> &str {
        let said = self.message.as_deref().or(self.error_message.as_deref());
        match said {
            Some(message) if !message.is_empty() => message,
            _ if self.success => "done",
            _ => "the network did not say why",
        }
    }
}

/// What waited for an agent.
#[derive(Deserialize)]
pub(super) struct Polled {
    success: bool,
    #[serde(default)]
    pub(super) messages: Vec<Box<RawValue>>,
    /// How many were lost before them.
    #[serde(default)]
    pub(super) dropped: u64,
    #[serde(default)]
    error_message: Option<String>,
}

#[derive(Deserialize)]
struct Joined {
    success: bool,
    #[serde(default)]
    secret: Option<String>,
    #[serde(default)]
    error_message: Option<String>,
}

impl Agent {
    pub(super) async fn join(client: Client, request: JoinRequest) -> Result<Self, Error> {
        let JoinRequest { id, body } = request;
        let (_, joined): (_, Joined) =
            ask(&client, client.network_post(&["register"]).json(&body)).await?;
        if !joined.success {
            return Err(refused(&id, joined.error_message));
        }
        Ok(Self {
            client,
            id,
            secret: joined.secret.unwrap_or_default(),
        })
    }

    /// Sends an event, and hands out what was answered: as it came, and as it is read.
    pub(super) async fn send(&self, event: Outgoing) -> Result<(String, Answered), Error> {
        let body = json!({
            "event_id": format!("cli-{:032x}", rand::random::<u128>()),
            "event_name": event.name,
            "source_id": self.id,
            "target_agent_id": event.to,
            "payload": event.payload,
            "metadata": {},
            "visibility": "network",
            "secret": self.secret,
        });
        let request = self.client.network_post(&["send_event"]).json(&body);
        ask(&self.client, request).await
    }

    /// Takes what waits.
    pub(super) async fn poll(&self) -> Result<Polled, Error> {
        let who = [("agent_id", &self.id), ("secret", &self.secret)];
        let request = self.client.network_get(&["poll"]).query(&who);
        let (_, polled): (_, Polled) = ask(&self.client, request).await?;
        if polled.success {
            Ok(polled)
        } else {
            Err(refused(&self.id, polled.error_message))
        }
    }

    pub(super) async fn leave(&self) -> Result<(), Error> {
        let body = json!({"agent_id": self.id, "secret": self.secret});
        let request = self.client.network_post(&["unregister"]).json(&body);
        let (_, left): (_, Answered) = ask(&self.client, request).await?;
        if left.success {
            Ok(())
        } else {
            Err(refused(&self.id, left.error_message))
        }
    }
}

/// Asks something of a network. What it did not understand is answered with 400, and in the same words as a refusal.
async fn ask<T: DeserializeOwned>(
    client: &Client,
    request: RequestBuilder,
) -> Result<(String, T), Error> {
    let Answer { body, .. } = client
        .send_expecting(request, StatusCode::BAD_REQUEST)
        .await?;
    let read = client.understand(&body)?;
    Ok((body, read))
}

fn refused(id: &str, why: Option<String>) -> Error {
    Error::NoAgent {
        id: id.to_owned(),
        why: why.unwrap_or_else(|| "it did not say why".to_owned()),
    }
}

//! Lets agents join a network, talk to each other and to mods.
//!
//! An [`AgentNetwork`] knows no transport: a route reads a request of [`wire`], calls the method of the same name, and
//! writes down the answer. It speaks as OpenAgents does, so that its published clients work with it as they are.
//!
//! ```
//! use hotbed_agents::wire::{EventRequest, PollRequest, RegisterRequest};
//! use hotbed_agents::{AgentNetwork, MemoryDesk, NetworkSettings};
//! use hotbed_mods::{BuiltIns, ModHost};
//! use std::sync::Arc;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (host, emissions) = ModHost::builder().loader(BuiltIns::standard()).build();
//! let desk = Arc::new(MemoryDesk::new(host.clone()));
//! // Whoever composes the program runs the deliverer until it ends.
//! let (network, _deliverer) = AgentNetwork::new(NetworkSettings::default(), host, emissions, desk);
//!
//! let alice = network.register(RegisterRequest::parse(br#"{"agent_id": "alice"}"#)?)?;
//! let bob = network.register(RegisterRequest::new("bob"))?;
//! let body = format!(
//!     r#"{{"event_name": "chat.said", "source_id": "alice", "target_agent_id": "agent:bob",
//!          "payload": {{"text": "hello"}}, "secret": "{}"}}"#,
//!     alice.secret.expose(),
//! );
//! let answer = network.send_event(EventRequest::parse(body.as_bytes())?).await;
//! assert!(answer.success, "{}", answer.message);
//!
//! let secret = bob.secret.expose().to_owned();
//! let polled = network.poll(&PollRequest::new(Some("bob".to_owned()), Some(secret))?);
//! assert_eq!(polled.messages[0].payload["text"], "hello");
//! # Ok(())
//! # }
//! ```
//!
//! What was decided, and against what, is in `docs/adr/0018-agents-over-any-transport.md`.

mod admission;
mod agent;
mod agent_id;
mod auth;
mod channels;
mod deliverer;
mod desk;
mod event;
mod mailbox;
mod mod_list;
mod network;
mod own_events;
mod parcel;
mod recent;
mod register;
mod roster;
mod secret;
mod settings;
mod size;
mod stream;
mod subscriptions;
mod system;
mod transport;
pub mod wire;

pub use admission::NotAdmitted;
pub use agent_id::{AgentId, InvalidAgentId};
pub use auth::NotAuthenticated;
pub use deliverer::Deliverer;
pub use desk::{DeskError, LoadOrder, LoadedMod, MemoryDesk, ModDesk};
pub use event::{AgentEvent, SourceType, Visibility};
pub use network::{AgentNetwork, Standing, StreamError};
pub use register::{RegisterError, Registered};
pub use secret::{Claimed, Secret};
pub use settings::{Group, NetworkSettings};
pub use stream::{EventStream, StreamItem};
pub use transport::Transport;

//! Loads, runs and unloads mods.
//!
//! A *mod* is what others call a plugin or a command module: something that answers events and commands, and comes and
//! goes while everything else goes on. Implement [`Mod`], say in a [`Manifest`] what it is, and hand it to a [`ModHost`]
//! through a [`ModLoader`]. The host keeps running what is [`Desired`]: it builds each new *generation* beside the one in
//! service, swaps the two when the new one is proven, and stops the old one after its last call.
//!
//! ```
//! use hotbed_configs::{PortableConfig, ResolvedConfig};
//! use hotbed_mods::{BuiltIns, Desired, Destination, EventName, ModEvent, ModHost, ModPath, Outcome};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (host, _emissions) = ModHost::builder().loader(BuiltIns::standard()).build();
//! let path = ModPath::new("openagents.mods.core.shared_cache")?;
//! let id = host.identify(&path).await?;
//! let config = ResolvedConfig::verbatim(&PortableConfig::from_value(json!({}))?);
//! host.load(Desired::new(id, path, config)).await?;
//!
//! let payload = json!({"value": "42"}).as_object().cloned().unwrap_or_default();
//! let create = ModEvent::new(EventName::new("shared_cache.create")?, "alice", payload);
//! let answered = host.dispatch(create.to(Destination::parse("mod:shared_cache"))).await;
//! assert!(matches!(answered.outcome, Outcome::Answered { response, .. } if response.success));
//! # Ok(())
//! # }
//! ```
//!
//! How generations, the one writer and the desired state work together, and against what that was decided, is in
//! `docs/adr/0017-mods-come-and-go.md`.

mod birth;
mod board;
mod book;
mod built_in;
mod call;
mod command;
mod context;
mod course;
mod crew;
mod desired;
mod destination;
mod dispatch;
mod emission;
mod error;
mod event;
mod fault;
mod generation;
mod guard;
mod health;
mod host;
mod id;
mod lane;
mod loader;
mod manifest;
mod mod_trait;
mod notice;
mod open;
mod order;
mod path;
mod pattern;
mod permission;
mod priority;
mod registered;
mod report;
mod retire;
mod round;
mod scopes;
mod service;
mod settings;
mod settings_form;
mod shared;
mod standard;
mod state;
mod status;
mod survey;
mod table;
mod tally;
mod workplace;

pub use built_in::BuiltIns;
pub use call::{CallFailure, CallFailureKind};
pub use command::{
    Action, Authority, Bindmap, BindmapEntry, BindmapError, CommandCall, CommandFile,
    CommandMessage, CommandOutcome, CommandReply, CommandWords, Direction, Place, Post,
    ReloadRequest, ScopeChange, Upload,
};
pub use context::Context;
pub use desired::Desired;
pub use destination::Destination;
pub use dispatch::{Dispatched, Outcome};
pub use emission::{Emission, Emissions, EmitError};
pub use error::{LoadError, StopError, UnloadError};
pub use event::{EventName, InvalidEventName, ModEvent, Response};
pub use health::Health;
pub use host::{Cascade, HostBuilder, Leftovers, ModHost, Outdated, Unloaded};
pub use id::{InvalidModId, ModId};
pub use loader::{ModLoader, OpenError, Package, Placement};
pub use manifest::{CommandHelp, InvalidManifest, Manifest, Usage};
pub use mod_trait::{BoxError, Mod};
pub use notice::{Notice, NoticeKind};
pub use path::{InvalidModPath, ModPath, Scheme};
pub use pattern::{EventPattern, InvalidEventPattern};
pub use permission::{InvalidPermission, Permission, Permissions};
pub use priority::Priority;
pub use registered::{InvalidRegistration, mod_schema};
pub use report::Report;
pub use scopes::Scopes;
pub use service::{ServiceError, ServiceInfo};
pub use settings::HostSettings;
pub use settings_form::{ConfigFault, Field, FieldKind, Section, SettingsForm};
pub use state::ModState;
pub use status::ModStatus;
pub use tally::Tally;

//! The shapes on the wire.
//!
//! What the HTTP API sends and receives, as types that the server writes and clients read: plain data with
//! `serde` and OpenAPI schemas, no behaviour and no types of the domain. Times are texts as
//! `2026-01-02T03:04:05.123456+00:00`, durations are whole milliseconds, revisions are numbers.
//!
//! A writer may say who is writing, and why. That is kept in the metadata of what was written, as `changed_by` and
//! `change_reason`; a write that leaves the metadata as they are does not leave these two, which were about another
//! write. The history tells them of each write that is still remembered.
//!
//! Clients ignore fields that they do not know, so fields may be added; the server refuses them, so a typing error in
//! a request is never silent.

mod change;
mod chat;
mod command;
mod fleet;
mod health;
mod instance;
mod mods;
mod past;
mod peer;
mod problem;
mod registration;
mod reload;
mod time;
mod write;

pub use change::{Change, ChangeKind, ChangeLog, Compacted};
pub use chat::{ChatDelta, ChatReply, ChatRequest};
pub use command::{
    BindmapImport, CommandFile, CommandList, CommandMessage, CommandReply, CommandRequest,
    CommandWord,
};
pub use fleet::{Desired, Fleet, FleetNode, NodeFailure, NodeProgress};
pub use health::{
    Admission, BusHealth, CacheHealth, FailingMod, Failures, Freshness, Health, HealthStatus,
    Liveness, ModsHealth, Readiness, RegistryHealth, RegistryState,
};
pub use instance::{Instance, InstanceError, InstanceList, InstanceState};
pub use mods::{
    Mod, ModCalls, ModConfig, ModHealth, ModList, ModManifest, ModSchema, ModWrite, Unloaded,
};
pub use past::{History, PastWrite, Rollback};
pub use peer::{Access, AccessList, Count, Head, HeadList};
pub use problem::{Place, Problem};
pub use registration::{Registration, RegistrationList, Status, Written};
pub use reload::{FailedReload, ModsReport, ReloadOutcome, ReloadReport, Reloaded};
pub use write::RegistrationWrite;

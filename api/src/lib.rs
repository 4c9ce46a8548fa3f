//! The shapes on the wire.
//!
//! What the HTTP API sends and receives, as types that the server writes and clients read: plain data with
//! `serde` and OpenAPI schemas, no behaviour and no types of the domain. Times are texts as
//! `2026-01-02T03:04:05.123456+00:00`, durations are whole milliseconds, revisions are numbers.
//!
//! Clients ignore fields that they do not know, so fields may be added; the server refuses them, so a typing error in
//! a request is never silent.

mod change;
mod chat;
mod health;
mod instance;
mod peer;
mod problem;
mod registration;
mod reload;
mod time;
mod write;

pub use change::{Change, ChangeKind, ChangeLog, Compacted};
pub use chat::{ChatDelta, ChatReply, ChatRequest};
pub use health::{
    Admission, BusHealth, CacheHealth, Failures, Freshness, Health, HealthStatus, Liveness,
    Readiness, RegistryHealth, RegistryState,
};
pub use instance::{Instance, InstanceError, InstanceState};
pub use peer::{Access, AccessList, Count, Head, HeadList};
pub use problem::{Place, Problem};
pub use registration::{Registration, RegistrationList, Status, Written};
pub use reload::{FailedReload, ReloadOutcome, ReloadReport, Reloaded};
pub use write::RegistrationWrite;

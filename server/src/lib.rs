//! Speaks HTTP for the crates below.
//!
//! [`router`] turns a [`ServerState`] into an axum router, [`serve`] runs it on a listener until shut down and drained.
//!
//! ```text
//! connection ─ serve ─► edge (request id, access, panics, metrics, problems)
//!                         └► load (how many at once, how long) ─► a route ─► registry · bots · hot reload
//! ```
//!
//! The way of a request is short: a route parses what was asked into types of the crates below, calls one of them, and
//! spells the answer in the types of `hotbed-api`. Whatever goes wrong is a `Fault` until the edge writes it as a
//! problem document (RFC 9457), so nothing inside leaks out and every problem carries a request id that is in the log.

mod access;
mod authority;
mod body;
mod chats;
mod conditions;
mod edge;
mod fault;
mod freshness;
mod limits;
mod load;
mod media;
mod metrics;
mod mods_wire;
mod note;
mod once;
mod openapi;
mod pages;
mod params;
mod path_id;
mod reporter;
mod routes;
mod serve;
mod state;
mod tail;
mod watch;
mod wire;

pub use access::Access;
pub use authority::{AdminToken, Authority, InvalidAdminToken};
pub use chats::Chats;
pub use limits::Limits;
pub use reporter::Reporter;
pub use routes::router;
pub use serve::{ServeError, serve};
pub use state::{NodeInfo, ServerState};

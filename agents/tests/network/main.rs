//! The network as routes and agents see it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crowd;
mod delivery;
mod expiry;
mod hang_up;
mod health;
mod mod_commands;
mod notifications;
mod secrets;
mod streams;
mod system_events;
mod weaknesses;
mod wire_shapes;
mod world;

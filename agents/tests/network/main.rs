//! The network as routes and agents see it.

mod crowd;
mod delivery;
mod expiry;
mod health;
mod mod_commands;
mod notifications;
mod secrets;
mod streams;
mod system_events;
mod weaknesses;
mod wire_shapes;
mod world;

//! The server as a client sees it: every route over a memory registry, most through the router, and what needs
//! connections over a real listener.

#[cfg(test)]
#[path = "http/access.rs"]
mod access;
#[cfg(test)]
#[path = "http/agents.rs"]
mod agents;
#[cfg(test)]
#[path = "http/bad_input.rs"]
mod bad_input;
#[cfg(test)]
#[path = "http/changes.rs"]
mod changes;
#[cfg(test)]
#[path = "http/chat.rs"]
mod chat;
#[cfg(test)]
#[path = "http/commands.rs"]
mod commands;
#[cfg(test)]
#[path = "http/conditions.rs"]
mod conditions;
#[cfg(test)]
#[path = "http/description.rs"]
mod description;
#[cfg(test)]
#[path = "http/events.rs"]
mod events;
#[cfg(test)]
#[path = "http/fleet.rs"]
mod fleet;
#[cfg(test)]
#[path = "http/harness.rs"]
mod harness;
#[cfg(test)]
#[path = "http/instances.rs"]
mod instances;
#[cfg(test)]
#[path = "http/listener.rs"]
mod listener;
#[cfg(test)]
#[path = "http/lists.rs"]
mod lists;
#[cfg(test)]
#[path = "http/memory.rs"]
mod memory;
#[cfg(test)]
#[path = "http/mods.rs"]
mod mods;
#[cfg(test)]
#[path = "http/mods_harness.rs"]
mod mods_harness;
#[cfg(test)]
#[path = "http/monotonic.rs"]
mod monotonic;
#[cfg(test)]
#[path = "http/numbers.rs"]
mod numbers;
#[cfg(test)]
#[path = "http/operations.rs"]
mod operations;
#[cfg(test)]
#[path = "http/past.rs"]
mod past;
#[cfg(test)]
#[path = "http/peers.rs"]
mod peers;
#[cfg(test)]
#[path = "http/plugins.rs"]
mod plugins;
#[cfg(test)]
#[path = "http/registrations.rs"]
mod registrations;
#[cfg(test)]
#[path = "http/watchers.rs"]
mod watchers;
#[cfg(test)]
#[path = "http/websocket.rs"]
mod websocket;
#[cfg(test)]
#[path = "http/websocket_harness.rs"]
mod websocket_harness;
#[cfg(test)]
#[path = "http/websocket_limits.rs"]
mod websocket_limits;

//! The server as a client sees it: every route over a memory registry, most through the router, and what needs
//! connections over a real listener.

#[path = "http/access.rs"]
mod access;
#[path = "http/bad_input.rs"]
mod bad_input;
#[path = "http/changes.rs"]
mod changes;
#[path = "http/chat.rs"]
mod chat;
#[path = "http/conditions.rs"]
mod conditions;
#[path = "http/description.rs"]
mod description;
#[path = "http/harness.rs"]
mod harness;
#[path = "http/instances.rs"]
mod instances;
#[path = "http/listener.rs"]
mod listener;
#[path = "http/operations.rs"]
mod operations;
#[path = "http/registrations.rs"]
mod registrations;

//! What a host of mods promises, on mods that do as they are told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod commands;
mod desired_state;
mod dispatch;
mod generations;
mod groups;
mod identity;
mod lifecycle;
mod services;
mod start_order;
mod storm;
mod unruly;
mod world;

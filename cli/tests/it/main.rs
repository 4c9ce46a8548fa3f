//! The commands as the binary runs them, against a server that answers from a script. What a real server answers is
//! tested with the real server; here are the answers that it gives rarely.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod admin_token;
mod arguments;
mod chat;
mod commands;
mod deploy;
mod failures;
mod fleet;
mod harness;
mod mods;
mod network;
mod past;
mod reads;
mod reload;
mod watch;
mod writes;

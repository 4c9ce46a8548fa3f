//! What a desk and a follower promise, over a registry that goes wrong and mods that do as their configuration says.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backend;
mod chat;
mod editing;
mod following;
mod loading;
mod node;
mod outage;
mod reloading;
mod secrets;
mod shop;
mod storm;
mod unloading;

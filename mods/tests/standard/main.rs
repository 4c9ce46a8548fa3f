//! What the mods that come with the crate do, as agents and people see it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod paths;
mod project;
mod shared_artifact;
mod shared_cache;
mod table;
mod wiki;

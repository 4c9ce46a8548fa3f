//! Registrations are carried from one registry to another, or into an archive and back, and none gets lost.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod archive;
mod faults;
mod import;
mod live;
mod migration;
mod world;

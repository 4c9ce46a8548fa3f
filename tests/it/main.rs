//! The real program as processes: what nobody sees in one crate alone.
//!
//! Each promise of docs/ARCHITECTURE.md has a test of its name here. Its comment names a mutation that it was seen to
//! catch.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and says what it saw"
)]

mod bad_input;
mod chain;
mod cli;
mod configs;
mod convergence;
mod deploy;
mod fleet;
mod fleet_view;
mod freshness_is_visible;
mod harness;
mod kills;
mod last_known_good;
mod main_job;
mod migration;
mod mods_cli;
mod mods_fleet;
mod network_cli;
mod no_lost_update;
mod nothing_left_behind;
mod openagents_clients;
mod openapi;
mod python_clients;
mod python_fleet;
mod rolling_restart;
mod secrets;
mod snapshot;
mod start;
mod stop;
mod storage_faults;
mod traffic;
mod watching;

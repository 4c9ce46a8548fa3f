//! The promises of the hot-reload loop, each as a test of its name, and what else a user relies on. Each comment names
//! the mutation of the sources that its test catches. Time is tokio's and paused: nothing here waits for real.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backend;
mod bus;
mod collections;
mod convergence;
mod freshness_is_visible;
mod log;
mod pace;
mod poll_cost_follows_change;
mod recorder;
mod reload;
mod replaced;
mod resubscribing;
mod turns;
mod watching;
mod workshop;
mod world;

//! The promises of the cache, each as a test of its name, and what else a user relies on. Each comment names the
//! mutation of the sources that its test catches.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod closing;
mod door;
mod environment;
mod last_known_good;
mod make_before_break;
mod monotonic;
mod no_stale_fill;
mod nothing_left_behind;
mod one_build_per_id;
mod recovery;
mod reload;
mod resize;
mod trust;
mod watcher;
mod who_stays;
mod world;

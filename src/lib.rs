//! A registry-and-cache service with hot reload for fleets of bots and mods.
//!
//! This package is the server's binary and, as a library, one door to all crates behind it: implement
//! [`cache::InstanceFactory`] and get your own live objects, swapped the moment their configuration changes.
//! `examples/embed.rs` shows it in one page.

pub use hotbed_agents as agents;
pub use hotbed_backends as backends;
pub use hotbed_bots as bots;
pub use hotbed_cache as cache;
pub use hotbed_configs as configs;
pub use hotbed_deploy as deploy;
pub use hotbed_desk as desk;
pub use hotbed_events as events;
pub use hotbed_fleet as fleet;
pub use hotbed_hotreload as hotreload;
pub use hotbed_lease as lease;
pub use hotbed_mods as mods;
pub use hotbed_registry as registry;

/// Has the tests of this package compile and run what README shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

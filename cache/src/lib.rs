//! Builds instances from configuration and keeps them ready.
//!
//! Implement [`InstanceFactory`] and a [`CachingRegistryManager`] gives you live objects by id: built once per id at
//! a time, served from memory, replaced the moment it [observes](CachingRegistryManager::observe) a newer revision,
//! kept at the last good one when the new cannot be built, and destroyed after their last [`Lease`].
//!
//! Who stays in memory is decided by moka; everything else, and why, is in `docs/ARCHITECTURE.md`.

mod build;
mod chance;
mod clock;
mod door;
mod entry;
mod error;
mod factory;
mod get;
mod held;
mod keeper;
mod key;
mod lease;
mod machine;
mod manager;
mod outage;
mod places;
mod queue;
mod reaper;
mod refresher;
mod settings;
mod shared;
mod slot;
mod stats;
mod surroundings;
mod waiter;
mod watcher;

pub use chance::Chance;
pub use door::DoorCheck;
pub use error::{CloseError, Failure, FailureKind, GetError};
pub use factory::{BoxError, ConfigCachingManager, InstanceFactory, ResolvedConfigs};
pub use get::GetOrCreate;
pub use held::{Held, InstanceState};
pub use hotbed_registry::{Id, Revision};
pub use lease::Lease;
pub use manager::{CachingRegistryManager, ManagerBuilder, Reloaded};
pub use settings::{CacheSettings, EvictionPolicy};
pub use stats::Stats;
pub use watcher::{ConfigChange, ConfigWatcher};

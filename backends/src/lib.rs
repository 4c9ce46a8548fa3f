//! Implements the storage traits against the outside world.
//!
//! [`RegistryUrl`] names a store, [`open`] opens it, and [`StoreAt`] waits for one that is down. Each
//! technology is a feature of its name.

mod memory;
mod snapshot;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod url;
mod waiting;

pub use snapshot::{DiskSnapshot, SnapshotError};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOptions, SqliteStore};
pub use store::{OpenError, Store, open};
pub use url::{InvalidUrl, RegistryUrl};
pub use waiting::StoreAt;

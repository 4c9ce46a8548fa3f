//! Implements the storage traits against the outside world.
//!
//! [`RegistryUrl`] names a store, [`open`] opens it, and [`StoreAt`] waits for one that is down.
//! [`create_registry_backend`] opens what an environment file names. Each technology is a feature of its name.

mod bus;
#[cfg(feature = "file")]
mod file;
#[cfg(feature = "http")]
mod http;
#[cfg(any(
    feature = "file",
    feature = "postgres",
    feature = "s3",
    feature = "sqlite"
))]
#[cfg_attr(
    not(any(feature = "file", feature = "postgres", feature = "sqlite")),
    expect(dead_code, reason = "a bucket needs less of it than the others")
)]
mod job;
mod layered;
#[cfg(any(
    feature = "file",
    feature = "postgres",
    feature = "s3",
    feature = "sqlite"
))]
#[cfg_attr(
    not(any(feature = "file", feature = "postgres", feature = "sqlite")),
    expect(dead_code, reason = "a bucket needs less of it than the others")
)]
mod ledger;
mod memory;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod nodes;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod prune;
mod resource;
#[cfg(feature = "s3")]
mod s3;
mod snapshot;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
#[cfg(any(
    feature = "file",
    feature = "postgres",
    feature = "s3",
    feature = "sqlite"
))]
#[cfg_attr(
    not(any(feature = "file", feature = "postgres", feature = "sqlite")),
    expect(dead_code, reason = "a bucket needs less of it than the others")
)]
mod stored;
#[cfg(any(
    feature = "file",
    feature = "postgres",
    feature = "s3",
    feature = "sqlite"
))]
mod texts;
mod url;
mod waiting;

#[cfg(feature = "nats")]
pub use bus::NatsUrl;
#[cfg(feature = "postgres")]
pub use bus::PostgresBusUrl;
#[cfg(feature = "redis")]
pub use bus::RedisUrl;
pub use bus::{BusUrl, InvalidBusUrl, open_bus};
#[cfg(feature = "file")]
pub use file::{FileOptions, FileProblem, FileStore, Watching};
#[cfg(feature = "http")]
pub use http::{HttpStore, HttpUrl};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresOptions, PostgresStore, PostgresUrl};
pub use resource::{InvalidResource, RegistryResource, bus_resource, create_registry_backend};
#[cfg(feature = "s3")]
pub use s3::{S3Options, S3Store, S3Url};
pub use snapshot::{DiskSnapshot, InvalidSnapshotKey, SnapshotError, SnapshotKey};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOptions, SqliteStore};
pub use store::{OpenError, Store, open};
pub use url::{InvalidUrl, RegistryUrl};
pub use waiting::StoreAt;

//! Buses: how events get from process to process.
//!
//! [`SharedBus`] is what all that have a server share: one connection that listens, made anew when it is lost
//! ([`line`]), and messages as the Python config service writes them ([`wire`]). What is special to a server is its
//! [`Transport`](transport::Transport).

#[cfg(any(feature = "nats", feature = "redis"))]
mod cryptography;
#[cfg(any(feature = "nats", feature = "postgres", feature = "redis"))]
mod line;
#[cfg(feature = "nats")]
mod nats;
#[cfg(any(feature = "nats", feature = "postgres"))]
mod patience;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "nats", feature = "postgres", feature = "redis"))]
mod shared;
#[cfg(any(feature = "nats", feature = "postgres", feature = "redis"))]
mod transport;
mod url;
#[cfg(any(feature = "nats", feature = "postgres", feature = "redis"))]
mod wire;

use hotbed_events::{EventBus, MemoryBus};
#[cfg(feature = "nats")]
pub use nats::NatsUrl;
#[cfg(any(feature = "nats", feature = "postgres"))]
use patience::in_time;
#[cfg(feature = "postgres")]
pub use postgres::PostgresBusUrl;
#[cfg(feature = "redis")]
pub use redis::RedisUrl;
#[cfg(any(feature = "nats", feature = "postgres", feature = "redis"))]
use shared::SharedBus;
use std::sync::Arc;
pub use url::{BusUrl, InvalidBusUrl};

/// Opens a bus, at once: one whose server is down connects when that is back.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn open_bus(url: &BusUrl) -> Arc<dyn EventBus> {
    match url {
        BusUrl::Memory => Arc::new(MemoryBus::new()),
        #[cfg(feature = "nats")]
        BusUrl::Nats(url) => Arc::new(SharedBus::new(nats::Nats::new(url))),
        #[cfg(feature = "postgres")]
        BusUrl::Postgres(url) => Arc::new(SharedBus::new(postgres::Postgres::new(url))),
        #[cfg(feature = "redis")]
        BusUrl::Redis(url) => Arc::new(SharedBus::new(redis::RedisTransport::new(url.clone()))),
    }
}

//! Buses: how events get from process to process.
//!
//! [`SharedBus`] is what all that have a server share: one connection that listens, made anew when it is lost
//! ([`line`]), and messages as the Python config service writes them ([`wire`]). What is special to a server is its
//! [`Transport`](transport::Transport).

#[cfg(feature = "redis")]
mod line;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
mod shared;
#[cfg(feature = "redis")]
mod transport;
mod url;
#[cfg(feature = "redis")]
mod wire;

#[cfg(feature = "redis")]
pub use redis::RedisUrl;
pub use url::{BusUrl, InvalidBusUrl};

use hotbed_events::{EventBus, MemoryBus};
use std::sync::Arc;

/// Opens a bus, at once: one whose server is down connects when that is back.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn open_bus(url: &BusUrl) -> Arc<dyn EventBus> {
    match url {
        BusUrl::Memory => Arc::new(MemoryBus::new()),
        #[cfg(feature = "redis")]
        BusUrl::Redis(url) => Arc::new(shared::SharedBus::new(redis::RedisTransport::new(
            url.clone(),
        ))),
    }
}

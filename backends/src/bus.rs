//! Buses: how events get from process to process.
//!
//! [`SharedBus`] is what all that have a server share: one connection that listens, made anew when it is lost
//! ([`line`]), and messages as the Python config service writes them ([`wire`]). What is special to a server is its
//! [`Transport`](transport::Transport).

mod line;
mod shared;
mod transport;
mod url;
mod wire;

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
    }
}

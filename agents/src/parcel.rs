use crate::event::AgentEvent;
use crate::size::json_bytes;
use std::sync::Arc;

/// An event with its size, shared by all whom it waits for.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) event: Arc<AgentEvent>,
    /// As JSON.
    pub(crate) bytes: usize,
}

impl Parcel {
    pub(crate) fn new(event: AgentEvent) -> Self {
        let bytes = json_bytes(&event);
        Self {
            event: Arc::new(event),
            bytes,
        }
    }
}

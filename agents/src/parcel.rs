use crate::event::AgentEvent;
use crate::size::event_bytes;
use std::sync::Arc;

/// An event with its size, shared by all whom it waits for.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) event: Arc<AgentEvent>,
    /// In memory. Each whom it waits for is charged with all of it, for each may be the last to hold it.
    pub(crate) bytes: usize,
}

impl Parcel {
    pub(crate) fn new(event: AgentEvent) -> Self {
        let bytes = event_bytes(&event);
        Self {
            event: Arc::new(event),
            bytes,
        }
    }
}

use super::line::Line;
use super::transport::Transport;
use async_trait::async_trait;
use hotbed_events::{Error, Event, EventBus, Interest, Subscription};
use std::sync::Arc;

/// A bus that reaches other processes by way of a server.
///
/// It is made at once, whether or not the server can be reached, and connects when it is used. What is published while
/// the server is away is an error, and is not sent later.
#[derive(Debug)]
pub(crate) struct SharedBus {
    transport: Arc<dyn Transport>,
    line: Line,
}

impl SharedBus {
    /// # Panics
    /// Outside of a tokio runtime.
    pub(crate) fn new(transport: impl Transport) -> Self {
        let transport: Arc<dyn Transport> = Arc::new(transport);
        Self {
            line: Line::new(Arc::clone(&transport)),
            transport,
        }
    }
}

#[async_trait]
impl EventBus for SharedBus {
    async fn publish(&self, events: &[Event]) -> Result<(), Error> {
        if events.is_empty() {
            return Ok(());
        }
        self.transport.publish(events).await
    }

    async fn subscribe(&self, interest: &Interest) -> Result<Subscription, Error> {
        self.line.subscribe(interest).await
    }
}

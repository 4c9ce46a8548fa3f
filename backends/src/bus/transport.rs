use async_trait::async_trait;
use hotbed_events::{Error, Event, Interest};
use std::collections::BTreeSet;
use std::fmt;

/// What went wrong on the way to a server.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The way to a server that carries events between processes.
#[async_trait]
pub(crate) trait Transport: fmt::Debug + Send + Sync + 'static {
    /// The channels on which the server carries what an interest covers, by their names there.
    fn channels(&self, interest: &Interest) -> BTreeSet<String>;

    /// Connects, to listen. Gives up by itself after a while.
    async fn connect(&self) -> Result<Box<dyn Connection>, BoxError>;

    /// Sends events, together and in this order. Gives up by itself after a while.
    async fn publish(&self, events: &[Event]) -> Result<(), Error>;
}

/// A connection that listens. Dropping it hangs up.
#[async_trait]
pub(crate) trait Connection: Send {
    /// Hears these channels and no others: everything that is sent on them after this returned. Not cancel-safe.
    async fn listen(&mut self, channels: &BTreeSet<String>) -> Result<(), BoxError>;

    /// What is heard next, with the topic that it was published on. An error is the end of the connection. A connection
    /// that is dead without saying so is found out within 10 seconds. Cancel-safe.
    async fn next(&mut self) -> Result<Heard, BoxError>;
}

/// What a connection hears.
#[derive(Debug)]
pub(crate) enum Heard {
    /// An event.
    Event(Box<Event>),
    /// Something was missed or not understood.
    Gap,
}

//! Events by way of NATS: one subject for each topic, below the prefix.
//!
//! One connection of a process listens, to all that is below the prefix, and leaves out what nobody wants; so events of
//! several topics keep their order. Another one publishes. Neither is made anew in secret by the driver: that would
//! hide what was missed.

mod link;
mod listener;
mod publisher;
mod subjects;
mod url;

use super::transport::{BoxError, Connection, Transport};
use super::wire;
use async_trait::async_trait;
use hotbed_events::{Error, Event, Interest};
use listener::Listener;
use publisher::Publisher;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use subjects::Subjects;
pub use url::NatsUrl;

/// How long the server may take to be connected with.
const CONNECTING: Duration = Duration::from_secs(3);
/// How long it may take for anything else.
const PATIENCE: Duration = Duration::from_secs(5);

/// The way to a NATS server. Its `Debug` shows neither password nor token.
pub(super) struct Nats {
    url: Arc<NatsUrl>,
    subjects: Subjects,
    publisher: Publisher,
}

impl Nats {
    pub(super) fn new(url: &NatsUrl) -> Self {
        let url = Arc::new(url.clone());
        Self {
            subjects: Subjects::new(url.prefix()),
            publisher: Publisher::new(Arc::clone(&url)),
            url,
        }
    }
}

#[async_trait]
impl Transport for Nats {
    fn channels(&self, interest: &Interest) -> BTreeSet<String> {
        if !interest.patterns().is_empty() {
            return BTreeSet::from([self.subjects.all()]);
        }
        let topics = interest.topics().iter();
        topics.map(|topic| self.subjects.of(topic)).collect()
    }

    async fn connect(&self) -> Result<Box<dyn Connection>, BoxError> {
        let listener = Listener::connect(&self.url, self.subjects.clone()).await?;
        Ok(Box::new(listener))
    }

    async fn publish(&self, events: &[Event]) -> Result<(), Error> {
        let messages: Vec<_> = events
            .iter()
            .map(|event| (self.subjects.of(&event.topic), wire::encode(event)))
            .collect();
        self.publisher.send(&messages).await
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.url)
    }
}

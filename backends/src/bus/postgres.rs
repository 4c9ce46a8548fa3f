//! Events by way of PostgreSQL's `NOTIFY`, as the Python config service sends them: one channel for each topic.
//!
//! One connection of a process listens, another one publishes. `LISTEN` knows no patterns, so whatever is published
//! here is also told on one channel more, to which nobody listens who has no pattern. What others publish, who do not
//! know that channel, is heard under the topics that are named, and not by way of a pattern.

mod channels;
mod listener;
mod publisher;
mod url;

use super::transport::{BoxError, Connection, Transport};
use super::wire;
use async_trait::async_trait;
use channels::Channels;
use hotbed_events::{Error, Event, Interest};
use listener::Listener;
use publisher::{Messages, Publisher};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
pub use url::PostgresBusUrl;

/// How long the server may take to be connected with.
const CONNECTING: Duration = Duration::from_secs(3);
/// How long it may take for what is published.
const PUBLISHING: Duration = Duration::from_secs(5);
/// The longest message that `NOTIFY` carries, in bytes.
const LIMIT: usize = 7999;

/// The way to a PostgreSQL database that carries events. Its `Debug` shows no password.
pub(super) struct Postgres {
    url: Arc<PostgresBusUrl>,
    channels: Channels,
    publisher: Publisher,
}

impl Postgres {
    pub(super) fn new(url: &PostgresBusUrl) -> Self {
        let url = Arc::new(url.clone());
        Self {
            channels: Channels::new(url.prefix()),
            publisher: Publisher::new(Arc::clone(&url)),
            url,
        }
    }
}

#[async_trait]
impl Transport for Postgres {
    fn channels(&self, interest: &Interest) -> BTreeSet<String> {
        let named = interest.topics().iter().map(|it| self.channels.of(it));
        let all = (!interest.patterns().is_empty()).then(|| self.channels.all());
        named.chain(all).collect()
    }

    async fn connect(&self) -> Result<Box<dyn Connection>, BoxError> {
        let listener = Listener::connect(&self.url, self.channels.clone()).await?;
        Ok(Box::new(listener))
    }

    async fn publish(&self, events: &[Event]) -> Result<(), Error> {
        let mut messages = Messages::default();
        for event in events {
            let message = wire::encode(event);
            if message.len() > LIMIT {
                return Err(Error::TooLarge {
                    bytes: message.len(),
                    limit: LIMIT,
                });
            }
            messages.add(self.channels.of(&event.topic), message.clone());
            messages.add(self.channels.all(), message);
        }
        let sent = self.publisher.send(&messages).await;
        sent.map_err(|source| Error::Unavailable {
            operation: "publish",
            source,
        })
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.url)
    }
}

//! Events over the channels of a Redis server, or of one that speaks like it, named as the Python config service names
//! them: the topic `registry:bots` is the channel `events:registry:bots`.
//!
//! Redis keeps nothing: what is published is sent to those who listen at that moment.

mod channels;
mod ear;
mod publisher;
mod url;

pub use url::RedisUrl;

use super::cryptography::choose_cryptography;
use super::transport::{BoxError, Connection, Transport};
use async_trait::async_trait;
use channels::Channels;
use ear::Ear;
use hotbed_events::{Error, Event, Interest};
use publisher::Publisher;
use redis::{Client, TlsCertificates};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// How long a connection may take to be made.
const CONNECTING: Duration = Duration::from_secs(3);

/// The way to one Redis server: a connection that listens, and another that publishes.
pub(crate) struct RedisTransport {
    url: RedisUrl,
    channels: Channels,
    publisher: Publisher,
}

impl RedisTransport {
    pub(crate) fn new(url: RedisUrl) -> Self {
        let channels = Channels::new(url.prefix());
        Self {
            publisher: Publisher::new(url.clone(), channels.clone()),
            channels,
            url,
        }
    }
}

#[async_trait]
impl Transport for RedisTransport {
    fn channels(&self, interest: &Interest) -> BTreeSet<String> {
        self.channels.of(interest)
    }

    async fn connect(&self) -> Result<Box<dyn Connection>, BoxError> {
        let connecting = async {
            let client = client(&self.url).await?;
            Ok::<_, BoxError>(client.get_async_pubsub().await?)
        };
        let connection = tokio::time::timeout(CONNECTING, connecting).await;
        let connection = connection.map_err(|_| "it does not answer in time")??;
        Ok(Box::new(Ear::new(connection, self.channels.clone())))
    }

    async fn publish(&self, events: &[Event]) -> Result<(), Error> {
        let published = self.publisher.publish(events).await;
        published.map_err(|source| Error::Unavailable {
            operation: "publish",
            source,
        })
    }
}

/// Where to connect. Certificates are read each time, for they are renewed while this runs.
async fn client(url: &RedisUrl) -> Result<Client, BoxError> {
    let info = url.connection_info()?;
    if !url.is_encrypted() {
        return Ok(Client::open(info)?);
    }
    choose_cryptography();
    let root_cert = match url.authorities() {
        Some(file) => Some(tokio::fs::read(file).await.map_err(|error| {
            format!(
                "certificates cannot be read from {}: {error}",
                file.display()
            )
        })?),
        None => None,
    };
    let certificates = TlsCertificates {
        client_tls: None,
        root_cert,
    };
    Ok(Client::build_with_tls(info, certificates)?)
}

impl fmt::Debug for RedisTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.url)
    }
}

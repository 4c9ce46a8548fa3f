use super::link::Link;
use super::{NatsUrl, PATIENCE};
use crate::bus::in_time;
use crate::bus::transport::BoxError;
use hotbed_events::Error;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The connection that publishes. It is made when it is needed.
pub(super) struct Publisher {
    url: Arc<NatsUrl>,
    link: Mutex<Option<Arc<Link>>>,
}

impl Publisher {
    pub(super) fn new(url: Arc<NatsUrl>) -> Self {
        Self {
            url,
            link: Mutex::new(None),
        }
    }

    /// Sends messages, each to its subject, until the server has them. Should the connection break meanwhile they may
    /// be sent twice, which harms nobody.
    pub(super) async fn send(&self, messages: &[(String, String)]) -> Result<(), Error> {
        let sending = async { Ok::<_, BoxError>(self.try_to_send(messages).await) };
        // What the client does to connect is large.
        Box::pin(in_time(PATIENCE, sending)).await.map_err(failed)?
    }

    async fn try_to_send(&self, messages: &[(String, String)]) -> Result<(), Error> {
        let held = self.link.lock().await.clone();
        if let Some(link) = held.filter(|link| link.ended().is_none()) {
            match send(&link, messages).await {
                Err(error @ Error::Unavailable { .. }) if link.ended().is_some() => {
                    tracing::debug!(%error, "publisher connects again");
                }
                done => return done,
            }
        }
        let link = self.link().await.map_err(failed)?;
        send(&link, messages).await
    }

    /// The connection, made anew if need be.
    async fn link(&self) -> Result<Arc<Link>, BoxError> {
        let mut held = self.link.lock().await;
        if let Some(link) = held.as_ref().filter(|link| link.ended().is_none()) {
            return Ok(Arc::clone(link));
        }
        *held = None;
        let link = Arc::new(Link::connect(&self.url).await?);
        *held = Some(Arc::clone(&link));
        Ok(link)
    }
}

async fn send(link: &Link, messages: &[(String, String)]) -> Result<(), Error> {
    let limit = link.client.max_payload();
    let mut sizes = messages.iter().map(|(_, text)| text.len());
    if let Some(bytes) = sizes.find(|bytes| *bytes > limit) {
        return Err(Error::TooLarge { bytes, limit });
    }
    for (subject, text) in messages {
        let sent = link.client.publish(subject.clone(), text.clone().into());
        sent.await.map_err(|error| failed(error.into()))?;
    }
    link.confirm().await.map_err(failed)
}

fn failed(source: BoxError) -> Error {
    Error::Unavailable {
        operation: "publish",
        source,
    }
}

use super::channels::Channels;
use super::{CONNECTING, RedisUrl, client};
use crate::bus::line::chain;
use crate::bus::transport::BoxError;
use crate::bus::wire;
use futures::future::{BoxFuture, FutureExt, Shared};
use hotbed_events::Event;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Pipeline};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// How long the server may take to answer for what is sent together.
const ANSWERING: Duration = Duration::from_secs(3);
/// For how long a server that could not be reached is not tried again, at most: meanwhile nobody waits for it. It is
/// not for longer than the attempt took, for what is refused at once may be tried at once.
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// The connection that publishes, made when there is something to publish and whenever it is lost.
pub(super) struct Publisher {
    url: RedisUrl,
    channels: Channels,
    link: Mutex<Option<Link>>,
}

/// A connection that is being made, or was: all who publish wait for the same, and none that goes away takes it along.
type Link = Shared<BoxFuture<'static, Result<MultiplexedConnection, Unreached>>>;

/// Why there is no connection.
#[derive(Clone)]
struct Unreached {
    /// When it may be tried again.
    again: Instant,
    reason: Arc<str>,
}

impl Publisher {
    pub(super) fn new(url: RedisUrl, channels: Channels) -> Self {
        Self {
            url,
            channels,
            link: Mutex::default(),
        }
    }

    /// Sends events in one round trip. An error says that some may not have been sent.
    pub(super) async fn publish(&self, events: &[Event]) -> Result<(), BoxError> {
        let mut batch = Pipeline::with_capacity(events.len());
        for event in events {
            let channel = self.channels.name(&event.topic);
            batch.publish(channel, wire::encode(event)).ignore();
        }
        let link = self.link();
        let mut connection = link
            .clone()
            .await
            .map_err(|unreached| BoxError::from(&*unreached.reason))?;
        let mut doubt = Doubt {
            publisher: self,
            link: Some(link),
        };
        let sent = batch.exec_async(&mut connection);
        let answer = tokio::time::timeout(ANSWERING, sent).await;
        answer.map_err(|_| "the server does not answer in time")??;
        doubt.link = None;
        Ok(())
    }

    /// The connection, or a new attempt at one.
    fn link(&self) -> Link {
        let mut current = self.current();
        if let Some(link) = &*current {
            let is_of_use = match link.peek() {
                Some(Err(unreached)) => Instant::now() < unreached.again,
                Some(Ok(_)) | None => true,
            };
            if is_of_use {
                return link.clone();
            }
        }
        let connecting =
            AbortOnDropHandle::new(TaskTracker::new().spawn(connect(self.url.clone())));
        let link = async move {
            connecting
                .await
                .unwrap_or_else(|panic| Err(Unreached::since(Instant::now(), chain(&panic))))
        };
        current.insert(link.boxed().shared()).clone()
    }

    /// A connection that failed is not used again.
    fn forget(&self, failed: &Link) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|it| it.ptr_eq(failed)) {
            *current = None;
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Link>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a connection is of any use, until it has answered: if it does not, or whoever waited for it went away
/// earlier, it is not used again.
struct Doubt<'a> {
    publisher: &'a Publisher,
    link: Option<Link>,
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            self.publisher.forget(link);
        }
    }
}

async fn connect(url: RedisUrl) -> Result<MultiplexedConnection, Unreached> {
    let began = Instant::now();
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let connecting = async {
        let client = client(&url).await?;
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        Ok::<_, BoxError>(connection.await?)
    };
    match tokio::time::timeout(CONNECTING, connecting).await {
        Ok(connected) => connected.map_err(|error| Unreached::since(began, chain(&*error))),
        Err(_) => Err(Unreached::since(
            began,
            "it does not answer in time".to_owned(),
        )),
    }
}

impl Unreached {
    fn since(began: Instant, reason: String) -> Self {
        Self {
            again: Instant::now() + began.elapsed().min(MAX_PAUSE),
            reason: reason.into(),
        }
    }
}

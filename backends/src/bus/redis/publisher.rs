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
/// For how long a server that could not be reached is not tried again: meanwhile nobody waits for it.
const PAUSE: Duration = Duration::from_millis(500);

/// The connection that publishes, made when there is something to publish and whenever it is lost.
pub(super) struct Publisher {
    url: RedisUrl,
    channels: Channels,
    link: Mutex<Option<Link>>,
}

/// A connection that is being made, or was: all who publish wait for the same, and none that goes away takes it along.
type Link = Shared<BoxFuture<'static, Result<MultiplexedConnection, Unreached>>>;

/// When and why there was no connection.
#[derive(Clone)]
struct Unreached {
    at: Instant,
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
        let sent = batch.exec_async(&mut connection);
        let outcome = match tokio::time::timeout(ANSWERING, sent).await {
            Ok(outcome) => outcome.map_err(BoxError::from),
            Err(_) => Err("the server does not answer in time".into()),
        };
        if outcome.is_err() {
            self.forget(&link);
        }
        outcome
    }

    /// The connection, or a new attempt at one.
    fn link(&self) -> Link {
        let mut current = self.current();
        if let Some(link) = &*current {
            let is_of_use = match link.peek() {
                Some(Err(unreached)) => unreached.at.elapsed() < PAUSE,
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
                .unwrap_or_else(|panic| Err(Unreached::because(chain(&panic))))
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

async fn connect(url: RedisUrl) -> Result<MultiplexedConnection, Unreached> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let connecting = async {
        let client = client(&url).await?;
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        Ok::<_, BoxError>(connection.await?)
    };
    match tokio::time::timeout(CONNECTING, connecting).await {
        Ok(connected) => connected.map_err(|error| Unreached::because(chain(&*error))),
        Err(_) => Err(Unreached::because("it does not answer in time".to_owned())),
    }
}

impl Unreached {
    fn because(reason: String) -> Self {
        Self {
            at: Instant::now(),
            reason: reason.into(),
        }
    }
}

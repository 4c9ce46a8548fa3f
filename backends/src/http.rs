//! A config service across the network.
//!
//! Another hotbed has all that a registry needs: revisions, preconditions, a log and its push. What is asked of its
//! [collection](hotbed) here is done there. Every other service is taken for one of the contract of the Python
//! `dataknobs-bots`: a list, registrations, no revisions. Its [collection](service) derives them from what it sees.
//!
//! An answer that is not plainly what was asked for is refused as a whole; nothing is ever concluded from what it lacks.

mod announced;
mod answer;
mod breaker;
mod bus;
mod detect;
mod fault;
mod hotbed;
mod path;
mod service;
mod tls;
mod token;
mod url;
mod wire;

use announced::Announced;
pub(crate) use bus::HttpBus;
use detect::Peer;
use hotbed::HotbedCollection;
use hotbed_events::Topic;
use hotbed_registry::{CollectionName, Error, RegistryBackend};
use service::{ServiceCollection, Tags};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
pub use url::HttpUrl;
use wire::Wire;

/// The collections of a config service across the network. Clones are the same store.
///
/// # Guarantees
/// - Against another hotbed: all that a [`RegistryBackend`] promises, for the other side keeps it. A write whose answer
///   is lost is sent again under its name, and is not done twice; where that cannot tell either, the error says that
///   nobody knows.
/// - Of the past another hotbed tells what it remembers; any other service remembers nothing.
/// - Against any other service: revisions, a log and preconditions among all who use this process. What others write
///   is seen by the next read. Of several writes between two reads only the last is seen, and a precondition does not
///   protect from a writer elsewhere who writes within the same moment, unless the service has `ETag`s and honours
///   `If-Match`. Revisions go on after a restart with the option `state`; without it they begin beyond all earlier ones,
///   so that whoever follows lists everything once. An idle poll is one request for the list, and for its `304` where
///   the service has `ETag`s. Times of access are those noted here, and times of creation those that the service sets.
/// - Redirects are not followed; answers are bounded; a call ends in time; reads are repeated; a service that fails
///   again and again is asked less and less often until it answers.
#[derive(Debug, Clone)]
pub struct HttpStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    wire: Arc<Wire>,
    closing: Closing,
    /// Opened once each: two who keep a book of one collection would tell two stories.
    opened: Mutex<HashMap<CollectionName, Opened>>,
}

#[derive(Debug, Clone)]
struct Opened {
    backend: Arc<dyn RegistryBackend>,
    news: News,
}

/// How a collection makes known what happens in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    Announced,
    Untold,
}

/// The end of a store, and what it waits for.
#[derive(Debug, Default)]
struct Closing {
    begun: CancellationToken,
    tasks: TaskTracker,
}

impl HttpStore {
    /// Reads the token and the certificates. Nothing is asked of the service yet.
    pub async fn open(url: &HttpUrl) -> Result<Self, Error> {
        Ok(Self(Arc::new(Shared {
            wire: Arc::new(Wire::new(url).await?),
            closing: Closing::default(),
            opened: Mutex::default(),
        })))
    }

    /// A handle on one collection, once the service has answered and it is known which kind it is of.
    pub async fn collection(
        &self,
        name: &CollectionName,
    ) -> Result<Arc<dyn RegistryBackend>, Error> {
        Ok(self.opened(name).await?.backend)
    }

    /// What the service announces of a collection from now on; `None` if it announces nothing.
    async fn announced(
        &self,
        name: &CollectionName,
        topic: Topic,
    ) -> Result<Option<Announced>, Error> {
        match self.opened(name).await?.news {
            News::Untold => Ok(None),
            News::Announced => {
                let listening = announced::listen(&self.0.wire, name, topic).await;
                listening
                    .map(Some)
                    .map_err(|fault| fault.during("listen to its changes"))
            }
        }
    }

    async fn opened(&self, name: &CollectionName) -> Result<Opened, Error> {
        let Shared {
            wire,
            closing,
            opened: all,
        } = &*self.0;
        let mut all = all.lock().await;
        if let Some(opened) = all.get(name) {
            return Ok(opened.clone());
        }
        let (url, shared) = (&wire.url, Arc::clone(wire));
        let opened = match detect::find(wire, name).await? {
            Peer::Hotbed { path } => {
                tracing::info!(%url, collection = %name, "registry is another hotbed");
                Opened {
                    backend: Arc::new(HotbedCollection::new(shared, name.clone(), path)),
                    news: News::Announced,
                }
            }
            Peer::Service { path, tags } => {
                tracing::info!(%url, collection = %name, path, "registry is a config service that is no hotbed");
                if tags == Tags::None {
                    tracing::warn!(
                        %url,
                        "the registry has no ETags: conditional writes are safe among the writers of this process only"
                    );
                }
                let service = ServiceCollection::open(shared, name.clone(), path, tags, closing);
                Opened {
                    backend: Arc::new(service.await?),
                    news: News::Untold,
                }
            }
        };
        all.insert(name.clone(), opened.clone());
        Ok(opened)
    }

    /// Completes what was begun. Handles that are still held answer [`Error::Unavailable`] from then on.
    pub async fn close(&self) {
        let Shared { wire, closing, .. } = &*self.0;
        closing.begun.cancel();
        closing.tasks.close();
        closing.tasks.wait().await;
        wire.close().await;
    }
}

/// Writes are not let through.
fn read_only(operation: &'static str) -> Error {
    Error::Unsupported {
        operation,
        reason: "its URL says read_only=true".into(),
    }
}

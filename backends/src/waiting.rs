#[cfg(feature = "http")]
use crate::http::HttpBus;
use crate::store::Store;
use crate::url::RegistryUrl;
use async_trait::async_trait;
#[cfg(feature = "http")]
use hotbed_events::EventBus;
use hotbed_fleet::{NodeReport, Roster, RosterError};
use hotbed_registry::{CollectionName, Connect, Error, RegistryBackend};
use std::sync::Arc;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// A store that may be down: opened by the first who succeeds, and shared by all its collections.
///
/// What [`connect`](Self::connect) answers is what a `ConnectingBackend` waits with.
#[derive(Debug)]
pub struct StoreAt {
    url: RegistryUrl,
    must_exist: bool,
    opened: OnceCell<Store>,
}

#[derive(Debug)]
struct CollectionAt {
    store: Arc<StoreAt>,
    collection: CollectionName,
}

impl StoreAt {
    /// The store at a URL, not opened yet; created if there is none.
    pub fn new(url: RegistryUrl) -> Arc<Self> {
        Self::at(url, false)
    }

    /// The store at a URL that was there before: while it is missing it counts as down, and nothing new is created
    /// in its place, for that would read as if everything in it had been deleted.
    pub fn existing(url: RegistryUrl) -> Arc<Self> {
        Self::at(url, true)
    }

    fn at(url: RegistryUrl, must_exist: bool) -> Arc<Self> {
        Arc::new(Self {
            url,
            must_exist,
            opened: OnceCell::new(),
        })
    }

    /// Where it is.
    pub fn url(&self) -> &RegistryUrl {
        &self.url
    }

    /// The store; tries to open it if nobody could so far.
    pub async fn store(&self) -> Result<&Store, Error> {
        if self.must_exist && !self.opened.initialized() && self.url.is_missing() {
            return Err(Error::Unavailable {
                operation: "open its store",
                reason: format!(
                    "{} is missing, although it was there before: restore it",
                    self.url
                ),
                source: None,
            });
        }
        self.opened.get_or_try_init(|| Store::open(&self.url)).await
    }

    /// The way to one of its collections, for as often as it takes.
    pub fn connect(self: &Arc<Self>, collection: CollectionName) -> Box<dyn Connect> {
        Box::new(CollectionAt {
            store: Arc::clone(self),
            collection,
        })
    }

    /// The bus that carries what the store itself announces, where there is such a thing: a config service across the
    /// network. Also carries what is published on it in this process.
    #[cfg(feature = "http")]
    pub fn bus(self: &Arc<Self>) -> Option<Arc<dyn EventBus>> {
        match self.url {
            RegistryUrl::Http(_) => Some(Arc::new(HttpBus::new(Arc::clone(self)))),
            _ => None,
        }
    }

    /// Where the nodes on this store see each other, once it is open; `None` where it is no database.
    pub fn roster(self: &Arc<Self>) -> Option<Arc<dyn Roster>> {
        self.url
            .is_database()
            .then(|| Arc::new(RosterAt(Arc::clone(self), OnceCell::new())) as _)
    }

    /// Closes the store if it was ever opened.
    pub async fn close(&self) {
        if let Some(store) = self.opened.get() {
            store.close().await;
        }
    }
}

/// The roster of a store that may be down.
#[derive(Debug)]
struct RosterAt(Arc<StoreAt>, OnceCell<Arc<dyn Roster>>);

impl RosterAt {
    async fn roster(&self) -> Result<&Arc<dyn Roster>, RosterError> {
        let failed = |source: Error| RosterError {
            operation: "open the store",
            source: source.into(),
        };
        let opening = || async {
            let store = self.0.store().await.map_err(failed)?;
            store.roster().ok_or_else(|| RosterError {
                operation: "find its table",
                source: "the store is no database".into(),
            })
        };
        self.1.get_or_try_init(opening).await
    }
}

#[async_trait]
impl Roster for RosterAt {
    async fn tell(&self, report: &NodeReport) -> Result<(), RosterError> {
        self.roster().await?.tell(report).await
    }

    async fn all(&self) -> Result<Vec<NodeReport>, RosterError> {
        self.roster().await?.all().await
    }

    async fn forget(&self, incarnation: Uuid) -> Result<(), RosterError> {
        self.roster().await?.forget(incarnation).await
    }
}

#[async_trait]
impl Connect for CollectionAt {
    async fn connect(&self) -> Result<Arc<dyn RegistryBackend>, Error> {
        self.store.store().await?.collection(&self.collection).await
    }
}

use crate::memory::MemoryStore;
#[cfg(feature = "sqlite")]
use crate::sqlite::{SqliteOptions, SqliteStore};
use crate::url::{InvalidUrl, RegistryUrl};
use hotbed_registry::{CollectionName, Error, RegistryBackend};
use std::sync::Arc;

/// A place that keeps collections, whatever the technology.
#[derive(Debug)]
pub struct Store(Kind);

#[derive(Debug)]
enum Kind {
    Memory(MemoryStore),
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteStore),
}

/// Why a store is not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is wrong: mend it.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// The store cannot be used, now or as it is.
    #[error(transparent)]
    Registry(#[from] Error),
}

/// Opens the store that a URL names, such as `sqlite:data/hotbed.db`; creates it if there is none.
pub async fn open(url: &str) -> Result<Store, OpenError> {
    Ok(Store::open(&url.parse()?).await?)
}

impl Store {
    /// Opens a store; creates it if there is none.
    #[cfg_attr(
        not(feature = "sqlite"),
        expect(clippy::unused_async, reason = "other stores wait for a disk")
    )]
    pub async fn open(url: &RegistryUrl) -> Result<Self, Error> {
        Ok(Self(match url {
            RegistryUrl::Memory => Kind::Memory(MemoryStore::default()),
            #[cfg(feature = "sqlite")]
            RegistryUrl::Sqlite(path) => {
                Kind::Sqlite(SqliteStore::open(path, SqliteOptions::default()).await?)
            }
        }))
    }

    /// A handle on one collection, which is created by its first write.
    #[expect(
        clippy::unused_async,
        reason = "a store across a network connects here"
    )]
    pub async fn collection(
        &self,
        name: &CollectionName,
    ) -> Result<Arc<dyn RegistryBackend>, Error> {
        Ok(match &self.0 {
            Kind::Memory(store) => store.collection(name),
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(store) => store.collection(name),
        })
    }

    /// Completes the writes that were begun and releases the store. Handles that are still held answer
    /// [`Error::Unavailable`] from then on.
    #[cfg_attr(
        not(feature = "sqlite"),
        expect(clippy::unused_async, reason = "other stores wait for a disk")
    )]
    pub async fn close(&self) {
        match &self.0 {
            Kind::Memory(_) => {}
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(store) => store.close().await,
        }
    }
}

#[cfg(feature = "file")]
use crate::file::{FileOptions, FileProblem, FileStore};
#[cfg(feature = "http")]
use crate::http::HttpStore;
use crate::layered::LayeredStore;
use crate::memory::MemoryStore;
#[cfg(feature = "postgres")]
use crate::postgres::{PostgresOptions, PostgresStore};
use crate::resource::InvalidResource;
#[cfg(feature = "s3")]
use crate::s3::{S3Options, S3Store};
#[cfg(feature = "sqlite")]
use crate::sqlite::{SqliteOptions, SqliteStore};
use crate::url::{InvalidUrl, RegistryUrl};
use hotbed_fleet::Roster;
use hotbed_registry::{CollectionName, Error, RegistryBackend};
use std::sync::Arc;

/// A place that keeps collections, whatever the technology.
#[derive(Debug)]
pub struct Store(Kind);

#[derive(Debug)]
enum Kind {
    #[cfg(feature = "file")]
    File(FileStore),
    #[cfg(feature = "http")]
    Http(HttpStore),
    Layered(Box<LayeredStore>),
    Memory(MemoryStore),
    #[cfg(feature = "postgres")]
    Postgres(PostgresStore),
    #[cfg(feature = "s3")]
    S3(S3Store),
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteStore),
}

/// Why a store is not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is wrong: mend it.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// The resource is wrong: mend it.
    #[error(transparent)]
    Resource(#[from] InvalidResource),
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
    pub async fn open(url: &RegistryUrl) -> Result<Self, Error> {
        Ok(Self(match url {
            #[cfg(feature = "file")]
            RegistryUrl::File(path) => {
                Kind::File(FileStore::open(path, FileOptions::default()).await?)
            }
            #[cfg(feature = "http")]
            RegistryUrl::Http(url) => Kind::Http(HttpStore::open(url).await?),
            RegistryUrl::Layered { overlay, base } => {
                Kind::Layered(Box::new(LayeredStore::open(overlay, base).await?))
            }
            RegistryUrl::Memory => Kind::Memory(MemoryStore::default()),
            #[cfg(feature = "postgres")]
            RegistryUrl::Postgres(url) => {
                Kind::Postgres(PostgresStore::open(url, PostgresOptions::default()).await?)
            }
            #[cfg(feature = "s3")]
            RegistryUrl::S3(url) => Kind::S3(S3Store::open(url, S3Options::default()).await?),
            #[cfg(feature = "sqlite")]
            RegistryUrl::Sqlite(path) => {
                Kind::Sqlite(SqliteStore::open(path, SqliteOptions::default()).await?)
            }
        }))
    }

    /// A handle on one collection, which is created by its first write.
    pub async fn collection(
        &self,
        name: &CollectionName,
    ) -> Result<Arc<dyn RegistryBackend>, Error> {
        Ok(match &self.0 {
            #[cfg(feature = "file")]
            Kind::File(store) => store.collection(name).await?,
            #[cfg(feature = "http")]
            Kind::Http(store) => store.collection(name).await?,
            Kind::Layered(store) => store.collection(name).await?,
            Kind::Memory(store) => store.collection(name),
            #[cfg(feature = "postgres")]
            Kind::Postgres(store) => store.collection(name),
            #[cfg(feature = "s3")]
            Kind::S3(store) => store.collection(name),
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(store) => store.collection(name),
        })
    }

    /// Where the nodes on this store see each other; `None` where it is no database.
    pub fn roster(&self) -> Option<Arc<dyn Roster>> {
        match &self.0 {
            #[cfg(feature = "postgres")]
            Kind::Postgres(store) => Some(store.roster()),
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(store) => Some(store.roster()),
            _ => None,
        }
    }

    #[cfg(feature = "http")]
    pub(crate) fn http(&self) -> Option<&HttpStore> {
        match &self.0 {
            Kind::Http(store) => Some(store),
            _ => None,
        }
    }

    /// What is wrong with single files at the moment, for a status page; nothing where the store is not made of files.
    #[cfg(feature = "file")]
    pub async fn problems(&self) -> Vec<FileProblem> {
        if let Kind::File(store) = &self.0 {
            return store.problems().await;
        }
        let Kind::Layered(store) = &self.0 else {
            return Vec::new();
        };
        let mut problems = Box::pin(store.overlay.problems()).await;
        problems.extend(Box::pin(store.base.problems()).await);
        problems
    }

    /// Completes the writes that were begun and releases the store. Handles that are still held answer
    /// [`Error::Unavailable`] from then on.
    pub async fn close(&self) {
        match &self.0 {
            #[cfg(feature = "file")]
            Kind::File(store) => store.close().await,
            #[cfg(feature = "http")]
            Kind::Http(store) => store.close().await,
            Kind::Layered(store) => store.close().await,
            Kind::Memory(_) => {}
            #[cfg(feature = "postgres")]
            Kind::Postgres(store) => store.close().await,
            #[cfg(feature = "s3")]
            Kind::S3(store) => store.close().await,
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(store) => store.close().await,
        }
    }
}

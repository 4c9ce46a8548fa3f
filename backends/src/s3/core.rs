use super::fault::Fault;
use super::link::{Link, Marks};
use super::remote::Remote;
use super::replica::Replica;
use super::shelf::Shelf;
use super::turns::Turns;
use super::version::{self, Version};
use futures::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use hotbed_registry::Id;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Objects that are read or written at a time for one caller.
pub(super) const AT_ONCE: usize = 32;

/// What reads and writes of one collection have in common.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) remote: Remote,
    pub(super) replica: Replica,
    pub(super) shelf: Shelf,
    pub(super) marks: Arc<Marks>,
    /// Held by who replaces the index, so that those of one process need not compete.
    pub(super) pen: Mutex<()>,
    pub(super) touching: Mutex<()>,
    pub(super) access_turns: Turns,
}

impl Core {
    pub(super) fn new(remote: Remote, marks: Arc<Marks>) -> Self {
        Self {
            replica: Replica::new(remote.clone()),
            remote,
            shelf: Shelf::default(),
            marks,
            pen: Mutex::default(),
            touching: Mutex::default(),
            access_turns: Turns::new(),
        }
    }

    /// The version that a link names; nothing if it is forgotten.
    pub(super) async fn version(
        &self,
        id: &Id,
        link: &Link,
    ) -> Result<Option<Arc<Version>>, Fault> {
        match self.shelf.get(&link.key(id)) {
            None => self.load(id, link).await,
            found => Ok(found),
        }
    }

    /// The same, from the store itself.
    pub(super) async fn load(&self, id: &Id, link: &Link) -> Result<Option<Arc<Version>>, Fault> {
        let key = link.key(id);
        let Some(body) = self.remote.get(&key).await? else {
            return Ok(None);
        };
        let version = version::decode(id, link, &body)
            .map_err(|reason| Fault::corrupt(self.remote.place(&key), reason))?;
        let version = Arc::new(version);
        self.shelf.put(key, Arc::clone(&version));
        Ok(Some(version))
    }

    /// The versions that links name, in their order.
    pub(super) async fn versions(
        &self,
        links: Vec<(Id, Link)>,
    ) -> Result<Vec<Option<Arc<Version>>>, Fault> {
        // Made before the stream, for the compiler cannot see that what a stream makes may move between threads.
        let reads: Vec<_> = links
            .into_iter()
            .map(|(id, link)| async move { self.version(&id, &link).await }.boxed())
            .collect();
        stream::iter(reads).buffered(AT_ONCE).try_collect().await
    }
}

use crate::CacheSettings;
use std::sync::Arc;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The places of the builds that are at work, as many as the settings say. Those that a reader waits for come first.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    /// Places that builds may have which nobody waits for: not all, or readers would find none free.
    early: Arc<Semaphore>,
    /// Rings when a place is given up.
    freed: Arc<Notify>,
}

/// The place of one build, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    permits: Option<(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>)>,
    freed: Arc<Notify>,
}

impl Places {
    pub(crate) fn new(settings: &CacheSettings) -> Self {
        Self {
            all: Arc::new(Semaphore::new(settings.builds)),
            early: Arc::new(Semaphore::new(settings.refreshes)),
            freed: Arc::default(),
        }
    }

    /// Waits for a place for a build that a reader waits for.
    pub(crate) async fn take(&self) -> Place {
        let permit = Arc::clone(&self.all).acquire_owned().await;
        self.place(permit.expect("the semaphore is never closed"), None)
    }

    /// Waits for a place for a build that nobody waits for: one that is free although all readers' builds have theirs.
    /// For one caller at a time.
    pub(crate) async fn take_early(&self) -> Place {
        let early = Arc::clone(&self.early).acquire_owned().await;
        let early = early.expect("the semaphore is never closed");
        loop {
            let freed = self.freed.notified();
            // Does not queue, and a permit that is given back goes to those who do: readers overtake.
            if let Ok(permit) = Arc::clone(&self.all).try_acquire_owned() {
                return self.place(permit, Some(early));
            }
            freed.await;
        }
    }

    fn place(&self, permit: OwnedSemaphorePermit, early: Option<OwnedSemaphorePermit>) -> Place {
        Place {
            permits: Some((permit, early)),
            freed: Arc::clone(&self.freed),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.permits.take());
        self.freed.notify_one();
    }
}

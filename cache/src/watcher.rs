use futures::FutureExt;
use futures::future::BoxFuture;
use hotbed_configs::PortableConfig;
use hotbed_registry::{Change, Error, Id, Observer, Query, Reader, Registration, Revision};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How many registrations one page of the first listing holds.
const PAGE: u64 = 500;
/// The wait before a registration that could not be read is read again.
const RETRY: Duration = Duration::from_secs(1);

type OnChange = dyn Fn(ConfigChange) -> BoxFuture<'static, ()> + Send + Sync;

/// Calls back with the old and the new registration whenever one changes: for programs that react to configuration
/// rather than lease instances of it.
///
/// Keeps every registration of the collection in memory, for that is what telling the old one takes. Add it to the
/// hot-reload manager as a target, which tells it *that* something changed; it reads *what* itself. Changes of one id
/// that come faster than the callback returns are told as one. A panic in the callback is logged, not passed on.
pub struct ConfigWatcher {
    reader: Reader,
    on_change: Box<OnChange>,
    known: Mutex<BTreeMap<Id, Registration>>,
    pending: Mutex<BTreeSet<Id>>,
    /// What is being read: it may be known next.
    reading: Mutex<Option<Id>>,
    told: Notify,
}

/// One change, as told by a [`ConfigWatcher`].
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigChange {
    /// Whose.
    pub id: Id,
    /// What was there before; `None` if it is new.
    pub old: Option<Registration>,
    /// What is there now; `None` if it was deleted.
    pub new: Option<Registration>,
}

impl ConfigChange {
    /// The configuration before.
    pub fn old_config(&self) -> Option<&PortableConfig> {
        self.old.as_ref().map(|registration| &registration.config)
    }

    /// The configuration now.
    pub fn new_config(&self) -> Option<&PortableConfig> {
        self.new.as_ref().map(|registration| &registration.config)
    }
}

impl ConfigWatcher {
    /// Reads the collection as it is now; [`run`](Self::run) calls back for every change from here on.
    pub async fn start<F, Fut>(reader: Reader, on_change: F) -> Result<Self, Error>
    where
        F: Fn(ConfigChange) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let mut known = BTreeMap::new();
        let mut query = Query {
            limit: Some(PAGE),
            ..Query::default()
        };
        loop {
            let page = reader.list(&query).await?;
            known.extend(
                page.items
                    .into_iter()
                    .map(|found| (found.id.clone(), found)),
            );
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        Ok(Self {
            reader,
            on_change: Box::new(move |change| on_change(change).boxed()),
            known: Mutex::new(known),
            pending: Mutex::default(),
            reading: Mutex::default(),
            told: Notify::new(),
        })
    }

    /// Calls back until shut down.
    pub async fn run(&self, shutdown: CancellationToken) {
        let work = async {
            loop {
                let told = self.told.notified();
                // Set aside, for one that cannot be read must not keep the others from being told.
                let mut unread = BTreeSet::new();
                while let Some(id) = self.next_pending() {
                    if let Err(error) = self.look(&id).await {
                        tracing::warn!(%id, %error, "changed registration is not read yet");
                        unread.insert(id);
                        if matches!(error, Error::Unavailable { .. }) {
                            break;
                        }
                    }
                }
                if unread.is_empty() {
                    told.await;
                } else {
                    self.pending().append(&mut unread);
                    tokio::time::sleep(RETRY).await;
                }
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = work => {}
        }
    }

    async fn look(&self, id: &Id) -> Result<(), Error> {
        let new = self.reader.peek(id).await?;
        let old = match &new {
            Some(new) => self.known().insert(id.clone(), new.clone()),
            None => self.known().remove(id),
        };
        // The time as well, for another registry may have taken this one's place, and counts its revisions anew.
        let written = |registration: &Option<Registration>| {
            let found = registration.as_ref();
            found.map(|found| (found.revision, found.updated_at))
        };
        if written(&old) == written(&new) {
            return Ok(());
        }
        let change = ConfigChange {
            id: id.clone(),
            old,
            new,
        };
        if AssertUnwindSafe((self.on_change)(change))
            .catch_unwind()
            .await
            .is_err()
        {
            tracing::error!(%id, "callback of a configuration change panicked");
        }
        Ok(())
    }

    /// The ids that are known, and at which revision, and the one that may be known next: what is read of it now may be
    /// gone before it is known, and whoever looks for what is gone must find it here.
    pub fn revisions(&self) -> Vec<(Id, Revision)> {
        let reading = self.reading().clone();
        let known = self.known();
        let next = reading.filter(|id| !known.contains_key(id));
        let known = known.iter().map(|(id, found)| (id.clone(), found.revision));
        known.chain(next.map(|id| (id, Revision::ZERO))).collect()
    }

    /// Looks at an id again, whatever is known of it.
    pub fn look_again(&self, id: &Id) {
        self.pending().insert(id.clone());
        self.told.notify_one();
    }

    fn next_pending(&self) -> Option<Id> {
        let mut pending = self.pending();
        let next = pending.pop_first();
        self.reading().clone_from(&next);
        next
    }

    fn reading(&self) -> MutexGuard<'_, Option<Id>> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> MutexGuard<'_, BTreeSet<Id>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Id, Registration>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for ConfigWatcher {
    fn observe(&self, change: &Change) {
        let old_news = self
            .known()
            .get(&change.id)
            .is_some_and(|known| known.revision >= change.revision);
        if !old_news {
            self.look_again(&change.id);
        }
    }
}

impl fmt::Debug for ConfigWatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigWatcher")
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}

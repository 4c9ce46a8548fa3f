//! Has the host run what the registry says.

mod known;

use crate::check::ModCheck;
use async_trait::async_trait;
use hotbed_configs::Environment;
use hotbed_hotreload::ReloadTarget;
use hotbed_mods::{Desired, ModHost, Report};
use hotbed_registry::{Change, Error, Id, Observer, Reader, Registration, Revision, Source};
use known::Known;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Ids per read of the registry.
const PAGE: usize = 1_000;
/// How long one look at the registry may take before it counts as failed.
const READ_DEADLINE: Duration = Duration::from_secs(30);
/// The wait after a look that failed; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Has a node's host run what a collection of the registry says.
///
/// A change is only noted; [`run`](Self::run) then looks which registrations are at another revision than it knows, reads
/// those, and has the host [reconcile](ModHost::reconcile). However many changes come meanwhile, the next look is for
/// all of them. While the registry cannot be read, what runs runs on; a node that starts meanwhile runs what is in its
/// snapshot. A registration that says of no mod what it should be takes none away: what it said before holds on, and
/// [`problems`](Self::problems) tells why.
pub struct Follower {
    reader: Reader,
    host: ModHost,
    environment: Arc<RwLock<Arc<Environment>>>,
    known: Mutex<BTreeMap<Id, Known>>,
    /// How often the registry was replaced by another.
    eras: AtomicU64,
    /// How often a look was asked for.
    asked: watch::Sender<u64>,
    done: watch::Sender<Looked>,
}

/// The last look at the registry.
#[derive(Debug, Clone, Default)]
struct Looked {
    /// The newest that was asked for when it began.
    number: u64,
    /// Why it failed.
    error: Option<Arc<str>>,
}

/// A node that has not gone by the newest that is written: it will by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unsettled {
    /// Why, for the log: it may name a path or an address.
    pub reason: Arc<str>,
}

impl Follower {
    /// A follower of what `reader` reads, which knows nothing until it [runs](Self::run).
    pub fn new(reader: Reader, host: ModHost, environment: Arc<Environment>) -> Arc<Self> {
        Arc::new(Self {
            reader,
            host,
            environment: Arc::new(RwLock::new(environment)),
            known: Mutex::default(),
            eras: AtomicU64::new(0),
            asked: watch::Sender::new(1),
            done: watch::Sender::default(),
        })
    }

    /// A judge for the door of the same collection, in the same environment.
    pub fn check(&self) -> ModCheck {
        ModCheck::new(Arc::clone(&self.environment))
    }

    /// Goes by another environment from now on, and reads the secrets of this one anew.
    pub fn rebind(&self, environment: Arc<Environment>) {
        let mut bound = self
            .environment
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *bound = environment;
        drop(bound);
        for known in self.known().values_mut() {
            known.is_settled = false;
        }
        self.look_again();
    }

    /// Follows until shut down. Run it once.
    pub async fn run(&self, shutdown: CancellationToken) {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = self.follow() => {}
        }
        // Whoever waits would wait for ever.
        self.done.send_replace(Looked {
            number: u64::MAX,
            error: Some("this node is about to end".into()),
        });
    }

    /// Waits until this node has gone by all that is written now, as far as it could.
    pub async fn settled(&self) -> Result<(), Unsettled> {
        let number = self.look_again();
        let mut done = self.done.subscribe();
        // An error cannot be: the sender is here.
        let looked = done.wait_for(|looked| looked.number >= number).await;
        match looked.map(|looked| looked.error.clone()) {
            Ok(Some(reason)) => Err(Unsettled { reason }),
            _ => Ok(()),
        }
    }

    /// Goes by all that is written now, and asks what is behind every path, so that what was changed there is renewed too.
    pub async fn rediscover(&self) -> Result<Report, Unsettled> {
        self.settled().await?;
        Ok(self.host.rediscover(self.desired()).await)
    }

    /// What [`rediscover`](Self::rediscover) would do.
    pub async fn plan(&self) -> Result<Report, Unsettled> {
        self.settled().await?;
        Ok(self.host.plan(self.desired()).await)
    }

    /// Why registrations are not gone by, each by its id. A mod that does not come up is not among them: the host knows.
    pub fn problems(&self) -> BTreeMap<Id, Vec<String>> {
        let known = self.known();
        let wrong = known.iter().filter(|(_, it)| !it.problems.is_empty());
        wrong
            .map(|(id, known)| (id.clone(), known.problems.clone()))
            .collect()
    }

    /// Which registrations there are, at which revision, as this node knows them.
    pub fn registered(&self) -> Vec<Registration> {
        let known = self.known();
        known.values().map(|it| it.registration.clone()).collect()
    }

    /// Asks for a look, and answers its number.
    fn look_again(&self) -> u64 {
        let mut number = 0;
        self.asked.send_modify(|asked| {
            *asked += 1;
            number = *asked;
        });
        number
    }

    async fn follow(&self) {
        let mut asked = self.asked.subscribe();
        let mut pause = FIRST_PAUSE;
        loop {
            let number = *asked.borrow_and_update();
            let looked = self.look().await;
            let error = looked.as_ref().err();
            self.done.send_replace(Looked {
                number,
                error: error.map(|error| error.to_string().into()),
            });
            match looked {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    // An error cannot be: the sender is here.
                    drop(asked.changed().await);
                }
                Err(error) => {
                    tracing::warn!(%error, "mods are not as the registry says: trying again");
                    tokio::time::sleep(pause).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
            }
        }
    }

    /// Reads what changed, and has the host go by it.
    async fn look(&self) -> Result<(), Error> {
        let read = timeout(READ_DEADLINE, self.read()).await;
        let read = read.unwrap_or_else(|elapsed| {
            Err(Error::Unavailable {
                operation: "tell which mods there are",
                reason: format!("it did not answer within {} s", READ_DEADLINE.as_secs()),
                source: Some(elapsed.into()),
            })
        });
        if read.is_err() && self.known().is_empty() {
            self.recall();
        }
        self.understand().await;
        let report = self.host.reconcile(self.desired()).await;
        if !report.is_empty() {
            tracing::info!(%report, "mods are as the registry says");
        }
        read
    }

    /// Reads which registrations there are, and those that are at another revision than is known.
    async fn read(&self) -> Result<(), Error> {
        let era = self.eras.load(Ordering::Acquire);
        let mut heads = BTreeMap::new();
        let mut after: Option<Id> = None;
        loop {
            let page = self.reader.heads(after.as_ref(), PAGE).await?;
            let is_last = page.len() < PAGE;
            after = page.last().map(|(id, _)| id.clone());
            heads.extend(page);
            if is_last {
                break;
            }
        }
        let changed: Vec<Id> = {
            let known = self.known();
            let is_news = |id: &Id, revision: &Revision| {
                known
                    .get(id)
                    .is_none_or(|it| it.registration.revision != *revision)
            };
            let news = heads.iter().filter(|(id, at)| is_news(id, at));
            news.map(|(id, _)| id.clone()).collect()
        };
        let mut found = Vec::with_capacity(changed.len());
        for id in changed {
            let read = self.reader.read(&id).await?;
            if read.source == Source::Snapshot {
                return Err(Error::Unavailable {
                    operation: "read a registration",
                    reason: "it was reached a moment ago, and is not now".to_owned(),
                    source: None,
                });
            }
            match read.registration {
                Some(registration) => found.push(registration),
                // Deleted since.
                None => drop(heads.remove(&id)),
            }
        }
        let mut known = self.known();
        known.retain(|id, _| heads.contains_key(id));
        for registration in found {
            Known::note(&mut known, registration);
        }
        if self.eras.load(Ordering::Acquire) != era {
            // It may be of the registry that was replaced. The next look, which was asked for with it, reads all again.
            known.values_mut().for_each(Known::doubt);
        }
        Ok(())
    }

    /// Takes what this node served last, for a start without the registry.
    fn recall(&self) {
        let Some(last_served) = self.reader.last_served() else {
            return;
        };
        let mut known = self.known();
        for (id, _) in last_served.revisions() {
            let recalled = self.reader.recall(&id);
            if let Some(registration) = recalled.and_then(|read| read.registration) {
                Known::note(&mut known, registration);
            }
        }
    }

    /// Makes of what is registered what is desired. Aside of the runtime, for it may read files of secrets.
    async fn understand(&self) {
        let environment = self.environment();
        let news: Vec<Registration> = {
            let known = self.known();
            let news = known.values().filter(|it| !it.is_settled);
            news.map(|it| it.registration.clone()).collect()
        };
        if news.is_empty() {
            return;
        }
        let bound = Arc::clone(&environment);
        let understood = tokio::task::spawn_blocking(move || {
            let desired = |registration| known::desired(registration, &bound);
            news.iter().map(desired).collect::<Vec<_>>()
        });
        match understood.await {
            Ok(understood) => {
                let mut known = self.known();
                if !Arc::ptr_eq(&environment, &self.environment()) {
                    // A look was asked for with the other one.
                    return;
                }
                for understood in understood {
                    understood.settle(&mut known);
                }
            }
            Err(error) => tracing::error!(%error, "registrations of mods are not understood"),
        }
    }

    pub(crate) fn environment(&self) -> Arc<Environment> {
        let bound = self.environment.read();
        Arc::clone(&bound.unwrap_or_else(PoisonError::into_inner))
    }

    fn desired(&self) -> Vec<Desired> {
        let known = self.known();
        known.values().filter_map(|it| it.desired.clone()).collect()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Id, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Follower {
    fn observe(&self, _change: &Change) {
        self.look_again();
    }
}

#[async_trait]
impl ReloadTarget for Follower {
    fn observe(&self, _change: &Change) {
        self.look_again();
    }

    fn revisions(&self) -> Vec<(Id, Revision)> {
        let known = self.known();
        known
            .iter()
            .map(|(id, it)| (id.clone(), it.registration.revision))
            .collect()
    }

    fn begin_era(&self) {
        // Revisions begin anew: an equal one tells nothing.
        let mut known = self.known();
        self.eras.fetch_add(1, Ordering::Release);
        known.values_mut().for_each(Known::doubt);
        drop(known);
        self.look_again();
    }

    fn registry_is_back(&self) {
        self.look_again();
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower")
            .field("registered", &self.known().len())
            .finish_non_exhaustive()
    }
}

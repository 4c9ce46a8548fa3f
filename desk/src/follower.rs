//! Has the host run what the registry says.

mod hearers;
mod known;

use crate::check::ModCheck;
use async_trait::async_trait;
use futures::FutureExt;
use hearers::{Heard, Hearers};
use hotbed_configs::Environment;
use hotbed_hotreload::ReloadTarget;
use hotbed_mods::{Desired, Manifest, ModHost, ModPath, Report};
use hotbed_registry::{Change, Error, Id, Observer, Reader, Registration, Revision, Source};
use known::Known;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Ids per read of the registry.
const PAGE: usize = 1_000;
/// How long one read of the registry may take before it counts as failed; the reader knows the like for registrations. A look
/// may take as many of them as there are changes, or one at many would never come to its end.
const READ_DEADLINE: Duration = Duration::from_secs(5);
/// The wait after a look that failed; it doubles up to the longest. Whoever asks for a look cuts it down to the first.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Has a node's host run what a collection of the registry says.
///
/// A change is only noted; [`run`](Self::run) then looks which registrations are at another revision than it knows, reads
/// those, and has the host [reconcile](ModHost::reconcile). However many changes come meanwhile, the next look is for
/// all of them. While the registry cannot be read, what runs runs on; a node that starts meanwhile runs what is in its
/// snapshot. A registration that says of no mod what it should be takes none away: what it said before holds on, and
/// [`problems`](Self::problems) tells why. One that is taken out of service stops its mod all the same.
pub struct Follower {
    reader: Reader,
    host: ModHost,
    environment: Arc<RwLock<Arc<Environment>>>,
    known: Mutex<BTreeMap<Id, Known>>,
    /// Which registrations the registry has and cannot read, and why.
    unreadable: Mutex<BTreeMap<Id, String>>,
    /// How often the registry was replaced by another.
    eras: AtomicU64,
    /// How often a look was asked for.
    asked: watch::Sender<u64>,
    done: watch::Sender<Looked>,
    /// The newest revision that this node is known to have gone by.
    gone_by: AtomicU64,
    /// Whether the next look is to try again what failed, too.
    tries_again: AtomicBool,
    /// Who hears what looks do.
    hearers: Hearers,
}

/// The last look at the registry.
#[derive(Debug, Clone, Default)]
struct Looked {
    /// The newest that was asked for when it began.
    number: u64,
    /// The newest that was asked for when the last look began that did not fail.
    sound: u64,
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
            unreadable: Mutex::default(),
            eras: AtomicU64::new(0),
            asked: watch::Sender::new(1),
            done: watch::Sender::default(),
            gone_by: AtomicU64::new(0),
            tries_again: AtomicBool::new(false),
            hearers: Hearers::default(),
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
            () = self.follow_on() => {}
        }
        // Whoever waits would wait for ever.
        self.note_done(u64::MAX, Some("this node is about to end".into()));
    }

    /// Waits until this node has gone by all that is written now, as far as it could.
    pub async fn settled(&self) -> Result<(), Unsettled> {
        let number = self.look_again();
        let mut done = self.done.subscribe();
        // An error cannot be: the sender is here.
        let looked = done.wait_for(|looked| looked.number >= number).await;
        match looked {
            // A later look may have failed; that is no concern of this one.
            Ok(looked) if looked.sound < number => Err(Unsettled {
                reason: looked.error.clone().unwrap_or_default(),
            }),
            _ => Ok(()),
        }
    }

    /// Which revision this node has gone by, of those up to `told`, which it was told of.
    pub fn gone_by(&self, told: Revision) -> Revision {
        let sound = self.done.borrow().sound;
        if sound >= *self.asked.borrow() {
            // Each change is told before it counts as told, so nothing up to there is left to look at.
            self.gone_by.store(told.0, Ordering::Relaxed);
            return told;
        }
        told.min(Revision(self.gone_by.load(Ordering::Relaxed)))
    }

    /// Goes by all that is written now, and tries again what failed.
    pub(crate) async fn try_again(&self) -> Result<(), Unsettled> {
        // By the way of every look: two who tell the host what is desired could do so in the wrong order.
        self.tries_again.store(true, Ordering::Release);
        self.settled().await
    }

    /// Hears what is done to go by what is written from now on.
    pub(crate) fn hear(&self) -> Heard {
        self.hearers.hear()
    }

    /// What would be done if it were asked what is behind every path, once this node has gone by all that is written now.
    pub async fn plan(&self) -> Result<Report, Unsettled> {
        self.settled().await?;
        Ok(self.host.plan(self.desired()).await)
    }

    /// Why registrations are not gone by, each by its id. A mod that does not come up is not among them: the host knows.
    pub fn problems(&self) -> BTreeMap<Id, Vec<String>> {
        let mut problems: BTreeMap<Id, Vec<String>> = {
            let known = self.known();
            let wrong = known.iter().filter(|(_, it)| !it.problems.is_empty());
            let wrong = wrong.map(|(id, known)| (id.clone(), known.problems.clone()));
            wrong.collect()
        };
        for (id, why) in &*self.unreadable() {
            problems.entry(id.clone()).or_default().push(why.clone());
        }
        problems
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

    /// Follows, and begins again after a look that panicked: whoever waited for that one waits for the next.
    async fn follow_on(&self) {
        while AssertUnwindSafe(self.follow())
            .catch_unwind()
            .await
            .is_err()
        {
            tracing::error!("a look at the mods that are registered panicked: it is begun again");
            tokio::time::sleep(FIRST_PAUSE).await;
        }
    }

    async fn follow(&self) {
        let mut asked = self.asked.subscribe();
        let mut pause = FIRST_PAUSE;
        loop {
            let number = *asked.borrow_and_update();
            let looked = self.look().await;
            let error = looked.as_ref().err();
            self.note_done(number, error.map(|error| error.to_string().into()));
            match looked {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    // An error cannot be: the sender is here.
                    drop(asked.changed().await);
                }
                Err(error) => {
                    tracing::warn!(%error, "mods are not as the registry says: trying again");
                    tokio::time::sleep(FIRST_PAUSE).await;
                    // Nobody asks more often than something is written, or is told.
                    let rest = pause.saturating_sub(FIRST_PAUSE);
                    drop(timeout(rest, asked.changed()).await);
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
            }
        }
    }

    fn note_done(&self, number: u64, error: Option<Arc<str>>) {
        self.done.send_modify(|done| {
            let sound = match error {
                None => number,
                Some(_) => done.sound,
            };
            *done = Looked {
                number,
                sound,
                error,
            };
        });
    }

    /// Reads what changed, and has the host go by it. Nobody else tells the host what is desired.
    async fn look(&self) -> Result<(), Error> {
        let tries_again = self.tries_again.swap(false, Ordering::AcqRel);
        let mut read = self.read().await;
        if read.is_err() && self.known().is_empty() {
            self.recall();
        }
        read = self.understand().await.and(read);
        self.ask_for_manifests().await;
        if tries_again && read.is_err() {
            // Whoever waits for it waits for a look that does not fail.
            self.tries_again.store(true, Ordering::Release);
        }
        let report = if tries_again && read.is_ok() {
            self.host.try_again(self.desired()).await
        } else {
            self.host.reconcile(self.desired()).await
        };
        if !report.is_empty() {
            tracing::info!(%report, "mods are as the registry says");
        }
        self.hearers.tell(&report);
        read
    }

    /// Reads which registrations there are, and those that are at another revision than is known.
    async fn read(&self) -> Result<(), Error> {
        let era = self.eras.load(Ordering::Acquire);
        let mut heads = BTreeMap::new();
        let mut after: Option<Id> = None;
        loop {
            let page = self.reader.heads(after.as_ref(), PAGE);
            let page = bounded(page).await?;
            let is_last = page.len() < PAGE;
            after = page.last().map(|(id, _)| id.clone());
            heads.extend(page);
            if is_last {
                break;
            }
        }
        let mut changed = self.changed(&heads);
        // What is gone must leave the snapshot before its mod stops: or it would run again after a start without the registry.
        changed.extend(self.kept().into_iter().filter(|id| !heads.contains_key(id)));
        let mut found = Vec::with_capacity(changed.len());
        let mut unreadable = BTreeMap::new();
        for id in changed {
            match self.read_one(&id).await {
                Ok(Some(registration)) => {
                    heads.insert(id, registration.revision);
                    found.push(registration);
                }
                // Deleted since.
                Ok(None) => drop(heads.remove(&id)),
                // One that nobody can read must not keep the others from being gone by.
                Err(error @ Error::Corrupt { .. }) => {
                    tracing::warn!(%id, %error, "registration of a mod is not read");
                    unreadable.insert(id, "the registry cannot read it: see its log".to_owned());
                }
                Err(error) => return Err(error),
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
        *self.unreadable() = unreadable;
        Ok(())
    }

    /// Which ids stand at another revision than is known.
    fn changed(&self, heads: &BTreeMap<Id, Revision>) -> BTreeSet<Id> {
        let known = self.known();
        let is_news = |id: &Id, revision: Revision| {
            known
                .get(id)
                .is_none_or(|it| it.is_doubted || it.registration.revision != revision)
        };
        let news = heads.iter().filter(|(id, at)| is_news(id, **at));
        news.map(|(id, _)| id.clone()).collect()
    }

    /// Which ids the snapshot holds, if there is one.
    fn kept(&self) -> Vec<Id> {
        let last_served = self.reader.last_served();
        let kept = last_served.map(|it| it.revisions()).unwrap_or_default();
        kept.into_iter().map(|(id, _)| id).collect()
    }

    /// Reads one registration from the registry itself.
    async fn read_one(&self, id: &Id) -> Result<Option<Registration>, Error> {
        let read = self.reader.read(id).await?;
        match read.source {
            Source::Registry => Ok(read.registration),
            // The snapshot answers whatever the reason; this tells which it is.
            Source::Snapshot => self.reader.peek(id).await.and_then(|_| {
                Err(Error::Unavailable {
                    operation: "read a registration",
                    reason: "it could not a moment ago".to_owned(),
                    source: None,
                })
            }),
        }
    }

    /// Takes what this node served last, for a start without the registry.
    fn recall(&self) {
        let recalled = self.kept().into_iter().map(|id| self.reader.recall(&id));
        let recalled = recalled.filter_map(|read| read?.registration);
        let recalled: Vec<Registration> = recalled.collect();
        let mut known = self.known();
        for registration in recalled {
            Known::note(&mut known, registration);
        }
    }

    /// Makes of what is registered what is desired, all of it in the environment of now. Aside of the runtime, for it may
    /// read files of secrets.
    async fn understand(&self) -> Result<(), Error> {
        loop {
            let environment = self.environment();
            let news: Vec<Registration> = {
                let known = self.known();
                let news = known.values().filter(|it| !it.is_settled);
                news.map(|it| it.registration.clone()).collect()
            };
            if news.is_empty() {
                return Ok(());
            }
            let bound = Arc::clone(&environment);
            let understood = tokio::task::spawn_blocking(move || {
                let desired = |registration| known::desired(registration, &bound);
                news.iter().map(desired).collect::<Vec<_>>()
            });
            let understood = understood.await.map_err(|error| Error::Unavailable {
                operation: "have its registrations understood",
                reason: "this node is about to end".to_owned(),
                source: Some(error.into()),
            })?;
            let mut known = self.known();
            if Arc::ptr_eq(&environment, &self.environment()) {
                for understood in understood {
                    understood.settle(&mut known);
                }
                return Ok(());
            }
            // Bound anew meanwhile: whoever waits for this look waits for what is registered to be gone by.
        }
    }

    /// Asks what is behind the paths that were not asked yet: also of mods that are not to run, or cannot, it must be known
    /// which part of their configuration is a password.
    async fn ask_for_manifests(&self) {
        let paths: Vec<(Id, ModPath)> = {
            let known = self.known();
            let news = known.iter().filter_map(|(id, it)| {
                let path = &it.desired.as_ref()?.path;
                (it.asked.as_ref() != Some(path)).then(|| (id.clone(), path.clone()))
            });
            news.collect()
        };
        for (id, path) in paths {
            // Why there is none is told when it is to run.
            let manifest = self.host.manifest(&path).await.ok().map(Arc::new);
            if let Some(known) = self.known().get_mut(&id) {
                known.manifest = manifest;
                known.asked = Some(path);
            }
        }
    }

    /// What is behind the path of a mod says of itself, as far as this node could ask.
    pub(crate) fn manifest(&self, id: &Id) -> Option<Arc<Manifest>> {
        self.known().get(id)?.manifest.clone()
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

    fn unreadable(&self) -> MutexGuard<'_, BTreeMap<Id, String>> {
        let unreadable = self.unreadable.lock();
        unreadable.unwrap_or_else(PoisonError::into_inner)
    }
}

async fn bounded<T>(read: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout(READ_DEADLINE, read)
        .await
        .unwrap_or_else(|elapsed| {
            Err(Error::Unavailable {
                operation: "tell which mods there are",
                reason: format!("it did not answer within {} s", READ_DEADLINE.as_secs()),
                source: Some(elapsed.into()),
            })
        })
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
        let known = known.values();
        known
            .map(|it| (it.registration.id.clone(), it.revision()))
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

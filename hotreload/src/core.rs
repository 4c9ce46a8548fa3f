use crate::position::{Position, Step, Verdict};
use crate::{Freshness, ReloadTarget};
use chrono::Utc;
use hotbed_registry::{Change, ChangeKind, Changes, Error, Id, Reader, Revision};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Log entries per read.
const PAGE: usize = 1_000;
/// Heads per read of a relist.
const HEADS: usize = 5_000;
/// How long one read of the registry may take, at most: less where the poll interval is shorter, for a read that never
/// ends must not keep a node behind for longer than that.
const READ_DEADLINE: Duration = Duration::from_secs(5);
/// Ids whose invalidation waits for the log, at most; beyond them everything is.
const INVALIDATIONS: usize = 10_000;
/// How long one read may take however short the interval.
const MIN_READ_DEADLINE: Duration = Duration::from_secs(1);

/// Where this node stands in the log, and the way forward. Shared by the loop and the handles; one of them walks at
/// a time.
pub(crate) struct Core {
    reader: Reader,
    pub(crate) targets: Vec<Arc<dyn ReloadTarget>>,
    /// Held while walking.
    position: tokio::sync::Mutex<Position>,
    /// Up to where everything was told, for those who only look or wait.
    reached: watch::Sender<Revision>,
    confirmed: Mutex<Confirmed>,
    /// What somebody says is no longer what it was, and the log may show why.
    invalidations: Mutex<Invalidations>,
    poll_interval: watch::Sender<Option<Duration>>,
}

#[derive(Debug, Default)]
struct Confirmed {
    at: Option<Instant>,
    /// When the last walk that succeeded began.
    began: Option<Instant>,
    /// Counts the times that events were lost, or may have been.
    doubts: u64,
    /// How many of the doubts a walk has settled.
    settled: u64,
    /// The last walk ended before what events had told.
    is_doubtful: bool,
    /// Why no events are heard, if events are what this node goes by.
    deaf: Option<String>,
    error: Option<String>,
    /// The newest revision that is known to exist.
    head: Revision,
    /// Since when more is known to exist than was reached.
    behind_since: Option<Instant>,
}

/// Which ids to build anew after the next read of the log.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum Invalidations {
    #[default]
    None,
    Some(BTreeSet<Id>),
    All,
}

impl Core {
    pub(crate) fn new(
        reader: Reader,
        targets: Vec<Arc<dyn ReloadTarget>>,
        poll_interval: Option<Duration>,
    ) -> Self {
        Self {
            reader,
            targets,
            position: tokio::sync::Mutex::default(),
            reached: watch::Sender::new(Revision::ZERO),
            confirmed: Mutex::default(),
            invalidations: Mutex::default(),
            poll_interval: watch::Sender::new(poll_interval),
        }
    }

    /// How often the log is read, if it is read by the clock.
    pub(crate) fn poll_interval(&self) -> Option<Duration> {
        *self.poll_interval.borrow()
    }

    /// Reads by another clock from now on; false if none is read by.
    pub(crate) fn poll_every(&self, every: Duration) -> bool {
        let change = |interval: &mut Option<Duration>| {
            let changes = interval.is_some_and(|before| before != every);
            if changes {
                *interval = Some(every);
            }
            changes
        };
        self.poll_interval.send_if_modified(change);
        self.poll_interval().is_some()
    }

    /// Sees every change of the interval.
    pub(crate) fn intervals(&self) -> watch::Receiver<Option<Duration>> {
        self.poll_interval.subscribe()
    }

    pub(crate) fn reached(&self) -> watch::Receiver<Revision> {
        self.reached.subscribe()
    }

    pub(crate) fn freshness(&self) -> Freshness {
        let confirmed = self.confirmed();
        let confirmed_ago = confirmed.at.map(|at| at.elapsed());
        let stale = match (confirmed_ago, self.poll_interval()) {
            (Some(ago), Some(every)) => ago > every.saturating_mul(2),
            (Some(_), None) => confirmed.settled < confirmed.doubts || confirmed.deaf.is_some(),
            (None, _) => true,
        };
        let error = confirmed.error.as_ref().or(confirmed.deaf.as_ref());
        let revision = *self.reached.borrow();
        Freshness {
            revision,
            head: confirmed.head.max(revision),
            behind_for: confirmed
                .behind_since
                .map_or(Duration::ZERO, |since| since.elapsed()),
            confirmed_ago,
            stale,
            error: error.cloned(),
        }
    }

    /// A change was announced. Answers whether the log must be read.
    pub(crate) async fn hear(&self, change: &Change) -> bool {
        let mut position = self.position.lock().await;
        match position.step(change.revision) {
            Step::OldNews => false,
            Step::Next => {
                self.tell(change);
                position.advance();
                self.reach(position.reached());
                false
            }
            Step::Gap => {
                self.know_of(change.revision);
                true
            }
        }
    }

    /// Somebody who knows no revisions says that an id is not what it was. After the next read of the log it is built
    /// anew, whether or not that shows a change: what it is made of may have changed beside the registry.
    pub(crate) fn hear_of(&self, id: Id) {
        let mut invalidations = self.invalidations();
        match &mut *invalidations {
            Invalidations::All => {}
            Invalidations::None => *invalidations = Invalidations::Some(BTreeSet::from([id])),
            Invalidations::Some(ids) => {
                ids.insert(id);
                if ids.len() > INVALIDATIONS {
                    *invalidations = Invalidations::All;
                }
            }
        }
    }

    /// Something may have been missed.
    pub(crate) fn doubt(&self) {
        self.confirmed().doubts += 1;
    }

    /// Whether the log ended before what events had told when it was last read: the next read tells why, and should not be
    /// long in coming.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.confirmed().is_doubtful
    }

    /// Events are heard from here on.
    pub(crate) fn listens(&self) {
        self.confirmed().deaf = None;
    }

    /// No events are heard from here on. Where nothing else tells of changes, what was confirmed is confirmed no more.
    pub(crate) fn is_deaf(&self, reason: String) {
        if self.poll_interval().is_none() {
            self.confirmed().deaf = Some(reason);
        }
    }

    /// Reads the log up to its head and tells the targets.
    pub(crate) async fn sync(&self) -> Result<Revision, Error> {
        let asked = Instant::now();
        let mut position = self.position.lock().await;
        let began = Instant::now();
        if let Some(at) = position.read()
            && self.confirmed().began.is_some_and(|began| began > asked)
        {
            // Many ask at once: a walk that began after this call did is as good as one of its own.
            return Ok(at);
        }
        // Doubts that arise from here on are not settled by this walk, and none is if it does not arrive.
        let doubts = self.confirmed().doubts;
        let invalidations = self.invalidations().clone();
        let walked = self.walk(&mut position).await;
        if walked.is_ok() {
            self.invalidate(&invalidations);
        }
        let mut is_back = false;
        let mut confirmed = self.confirmed();
        match &walked {
            Ok((head, verdict)) => {
                confirmed.head = *head;
                confirmed.behind_since = None;
                confirmed.began = Some(began);
                is_back = confirmed.error.take().is_some();
                confirmed.is_doubtful = *verdict == Verdict::Doubtful;
                // What was reached is not what the registry has: that is confirmed by the next read, or refuted.
                if !confirmed.is_doubtful {
                    // Not when it ended: the answer may have been long on its way, or this process stopped meanwhile.
                    confirmed.at = Some(began);
                    confirmed.settled = doubts;
                }
            }
            Err(error) => {
                confirmed.began = None;
                confirmed.doubts += 1;
                confirmed.error = Some(error.to_string());
            }
        }
        drop(confirmed);
        if is_back {
            for target in &self.targets {
                target.registry_is_back();
            }
        }
        walked.map(|(head, _)| head)
    }

    async fn walk(&self, position: &mut Position) -> Result<(Revision, Verdict), Error> {
        if position.read().is_none() {
            position.hold(self.newest_held());
        }
        let head = self.read_on(position).await?;
        let verdict = position.read_all();
        if verdict != Verdict::Contradicted {
            return Ok((head, verdict));
        }
        tracing::warn!(%head, "more is known than the registry has: everything is read anew");
        self.begin_era(position);
        Ok((self.read_on(position).await?, Verdict::Sound))
    }

    /// Reads the log from where it was read last to its end.
    async fn read_on(&self, position: &mut Position) -> Result<Revision, Error> {
        let mut at = if let Some(at) = position.read() {
            at
        } else {
            let head = self
                .bounded("read its revision", self.reader.head())
                .await?;
            self.relist(head, position).await?;
            head
        };
        loop {
            match self
                .bounded("read its log", self.reader.changes(at, PAGE))
                .await?
            {
                Changes::Log { changes, head } => {
                    self.know_of(head);
                    for change in &changes {
                        self.tell(change);
                    }
                    let Some(last) = changes.last() else {
                        return Ok(head);
                    };
                    at = last.revision;
                    self.advance(position, at);
                    if at >= head {
                        return Ok(at);
                    }
                }
                Changes::Compacted { head, .. } => {
                    if head < at {
                        tracing::warn!(%head, cursor = %at, "registry was replaced: everything is read anew");
                        // Means nothing in the new log, not even once that has grown past it.
                        self.begin_era(position);
                    }
                    self.relist(head, position).await?;
                    at = head;
                }
            }
        }
    }

    /// The newest revision that anything is built from.
    fn newest_held(&self) -> Revision {
        let held = self.targets.iter().flat_map(|target| target.revisions());
        held.map(|(_, revision)| revision).max().unwrap_or_default()
    }

    fn begin_era(&self, position: &mut Position) {
        for target in &self.targets {
            target.begin_era();
        }
        position.forget();
    }

    /// Tells the targets how everything stands, for want of a log. `head` was read before: whatever changes while
    /// this runs is newer, and is in the log after it.
    async fn relist(&self, head: Revision, position: &mut Position) -> Result<(), Error> {
        let mut missing = BTreeSet::new();
        for target in &self.targets {
            missing.extend(target.revisions().into_iter().map(|(id, _)| id));
        }
        if self.targets.is_empty() {
            self.advance(position, head);
            return Ok(());
        }
        let at = Utc::now();
        let mut after: Option<Id> = None;
        loop {
            let page = self.reader.heads(after.as_ref(), HEADS);
            let heads = self.bounded("list its heads", page).await?;
            for (id, revision) in &heads {
                missing.remove(id);
                position.hold(*revision);
                self.tell(&Change {
                    id: id.clone(),
                    revision: *revision,
                    kind: ChangeKind::Updated,
                    at,
                });
            }
            match heads.into_iter().next_back() {
                Some((last, _)) => after = Some(last),
                None => break,
            }
        }
        for id in missing {
            self.tell(&Change {
                id,
                revision: head,
                kind: ChangeKind::Deleted,
                at,
            });
        }
        self.advance(position, head);
        Ok(())
    }

    fn tell(&self, change: &Change) {
        for target in &self.targets {
            // One that panics must not end the loop for the others.
            if catch_unwind(AssertUnwindSafe(|| target.observe(change))).is_err() {
                tracing::error!(id = %change.id, "a reload target panicked over a change");
            }
        }
    }

    fn invalidate(&self, invalidations: &Invalidations) {
        let ids = match invalidations {
            Invalidations::None => return,
            Invalidations::Some(ids) => ids.clone(),
            Invalidations::All => {
                let held = self.targets.iter().flat_map(|target| target.revisions());
                held.map(|(id, _)| id).collect()
            }
        };
        for target in &self.targets {
            for id in &ids {
                target.invalidate(id);
            }
        }
        let mut waiting = self.invalidations();
        match (&mut *waiting, invalidations) {
            // Those that came meanwhile wait for the next read.
            (Invalidations::Some(now), Invalidations::Some(_)) => {
                now.retain(|id| !ids.contains(id));
            }
            (now, _) => *now = Invalidations::None,
        }
    }

    /// Only after the targets were told.
    fn advance(&self, position: &mut Position, to: Revision) {
        position.read_to(to);
        self.reach(position.reached());
    }

    fn reach(&self, reached: Revision) {
        self.reached.send_replace(reached);
        let mut confirmed = self.confirmed();
        if confirmed.head <= reached {
            confirmed.behind_since = None;
        }
    }

    /// A revision exists.
    fn know_of(&self, revision: Revision) {
        let mut confirmed = self.confirmed();
        confirmed.head = confirmed.head.max(revision);
        if confirmed.head > *self.reached.borrow() {
            confirmed.behind_since.get_or_insert_with(Instant::now);
        }
    }

    fn invalidations(&self) -> MutexGuard<'_, Invalidations> {
        self.invalidations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn confirmed(&self) -> MutexGuard<'_, Confirmed> {
        self.confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn bounded<R>(
        &self,
        operation: &'static str,
        read: impl Future<Output = Result<R, Error>>,
    ) -> Result<R, Error> {
        let deadline = self.poll_interval().map_or(READ_DEADLINE, |every| {
            every.clamp(MIN_READ_DEADLINE, READ_DEADLINE)
        });
        tokio::time::timeout(deadline, read)
            .await
            .unwrap_or_else(|elapsed| {
                Err(Error::Unavailable {
                    operation,
                    reason: format!("it did not answer within {deadline:?}"),
                    source: Some(elapsed.into()),
                })
            })
    }
}

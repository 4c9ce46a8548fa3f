use crate::core::Core;
use crate::ear::{Ear, Heard};
use crate::pace::{DOUBT, MAX_RETRY, Pace, backoff, jittered};
use crate::{Handle, ReloadMode, ReloadTarget};
use hotbed_cache::Chance;
use hotbed_events::Event;
use hotbed_registry::{Announcement, CollectionName, Reader, announcement, may_be_of};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The loop that keeps targets up to date with one collection.
pub struct HotReloadManager {
    mode: ReloadMode,
    core: Arc<Core>,
    collection: Option<CollectionName>,
    chance: Arc<Chance>,
}

impl HotReloadManager {
    /// A loop that follows what `reader` reads and tells `targets`. Does nothing until it [runs](Self::run).
    pub fn new(reader: Reader, mode: ReloadMode, targets: Vec<Arc<dyn ReloadTarget>>) -> Self {
        let core = Core::new(reader, targets, mode.poll_interval());
        core.is_deaf("event bus is not heard yet".into());
        Self {
            core: Arc::new(core),
            mode,
            collection: None,
            chance: Arc::default(),
        }
    }

    /// The same loop, which passes over events that name another collection than this: of use where topics are chosen by
    /// a wildcard, or are shared.
    #[must_use]
    pub fn of(mut self, collection: CollectionName) -> Self {
        self.collection = Some(collection);
        self
    }

    /// The same loop, which spreads its waits over time by this; at random unless said.
    #[must_use]
    pub fn with_chance(mut self, chance: Chance) -> Self {
        self.chance = Arc::new(chance);
        self
    }

    /// A handle on this loop.
    pub fn handle(&self) -> Handle {
        Handle {
            core: Arc::clone(&self.core),
            mode: self.mode.as_str(),
        }
    }

    /// Runs until shut down. A registry or bus that is down makes it try again, never end.
    pub async fn run(self, shutdown: CancellationToken) {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = self.follow() => {}
        }
    }

    async fn follow(&self) {
        let mut ear = Ear::new(&self.mode, Arc::clone(&self.chance));
        let mut failures = 0_u32;
        let mut due = Some(Instant::now());
        let mut pace = Pace::new();
        let mut turn = Turn::Reads;
        let mut intervals = self.core.intervals();
        loop {
            let next = tokio::select! {
                biased;
                Ok(()) = intervals.changed() => Next::Paced,
                next = next(&mut ear, due, turn) => next,
            };
            turn = turn.other();
            match next {
                Next::Paced => {
                    // After failures the back-off holds.
                    if failures == 0 {
                        due = self.next_poll().map(|wait| Instant::now() + wait);
                    }
                }
                Next::Read => {
                    let began = Instant::now();
                    let synced = self.core.sync().await;
                    pace.note_read(Instant::now());
                    match synced {
                        Ok(_) => {
                            failures = 0;
                            // From its beginning, for what changed since may not be in it.
                            let earliest = pace.next_read(Instant::now());
                            due = self.next_poll().map(|wait| (began + wait).max(earliest));
                        }
                        Err(error) => {
                            failures = failures.saturating_add(1);
                            tracing::warn!(%error, failures, "registry log is not read");
                            // A read that hangs has waited already.
                            due = Some(began + self.wait(failures));
                        }
                    }
                }
                Next::Heard(heard) => {
                    let missed = match heard {
                        Heard::Event(event) => self.hear(&event).await,
                        Heard::Gap => {
                            self.core.listens();
                            true
                        }
                        Heard::Loss(reason) => {
                            self.core.is_deaf(reason);
                            true
                        }
                    };
                    if missed {
                        self.core.doubt();
                        // After failures the back-off holds; without it a dead registry would be asked per event.
                        if failures == 0 {
                            let soon = pace.next_read(Instant::now());
                            due = Some(due.map_or(soon, |due| due.min(soon)));
                        }
                    }
                }
            }
        }
    }

    /// Answers whether the log must be read.
    async fn hear(&self, event: &Event) -> bool {
        let ours = self.collection.as_ref();
        if ours.is_some_and(|ours| !may_be_of(event, ours)) {
            return false;
        }
        match announcement(event) {
            None => false,
            Some(Announcement::Change(change)) => self.core.hear(&change).await,
            Some(Announcement::Invalidation(id)) => {
                self.core.hear_of(id);
                true
            }
            Some(_) => true,
        }
    }

    /// How long after a read of the log the next one comes by itself.
    fn next_poll(&self) -> Option<Duration> {
        let every = self.core.poll_interval();
        let wait = if self.core.is_doubtful() {
            Some(every.map_or(DOUBT, |every| every.min(DOUBT)))
        } else {
            every
        };
        wait.map(|wait| jittered(wait, &self.chance))
    }

    fn wait(&self, failures: u32) -> Duration {
        let cap = self.core.poll_interval().unwrap_or(MAX_RETRY);
        backoff(failures, cap, &self.chance)
    }
}

impl fmt::Debug for HotReloadManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HotReloadManager")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// What the loop does next.
enum Next {
    Read,
    Heard(Heard),
    /// The interval is another.
    Paced,
}

/// Which comes first when both are ready. They take turns: neither may a flood of events keep the log from being read,
/// nor may reads that hang keep events from being heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Reads,
    Events,
}

impl Turn {
    fn other(self) -> Self {
        match self {
            Self::Reads => Self::Events,
            Self::Events => Self::Reads,
        }
    }
}

async fn next(ear: &mut Ear, due: Option<Instant>, turn: Turn) -> Next {
    let read = async {
        until(due).await;
        Next::Read
    };
    let hear = async { Next::Heard(ear.hear().await) };
    match turn {
        Turn::Reads => tokio::select! { biased; next = read => next, next = hear => next },
        Turn::Events => tokio::select! { biased; next = hear => next, next = read => next },
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

use crate::core::Core;
use crate::ear::{Ear, Heard};
use crate::{Handle, ReloadMode, ReloadTarget};
use hotbed_events::Event;
use hotbed_registry::{Announcement, Reader, announcement};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The first wait after a failure; doubles up to the poll interval, so that a node is up to date within one interval
/// of a fault's end.
const RETRY: Duration = Duration::from_millis(100);
/// The longest wait after a failure where there is no poll interval.
pub(crate) const MAX_RETRY: Duration = Duration::from_secs(5);
/// How far apart log reads are that gaps ask for: in a storm one read covers many gaps.
const BREATH: Duration = Duration::from_millis(20);
/// How far apart they are at most, however long the storm: the distance doubles while each read is followed by a gap.
const LONGEST_BREATH: Duration = Duration::from_millis(100);

/// The loop that keeps targets up to date with one collection.
pub struct HotReloadManager {
    mode: ReloadMode,
    core: Arc<Core>,
}

impl HotReloadManager {
    /// A loop that follows what `reader` reads and tells `targets`. Does nothing until it [runs](Self::run).
    pub fn new(reader: Reader, mode: ReloadMode, targets: Vec<Arc<dyn ReloadTarget>>) -> Self {
        let core = Core::new(reader, targets, mode.poll_interval());
        core.is_deaf("event bus is not heard yet".into());
        Self {
            core: Arc::new(core),
            mode,
        }
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
            () = self.follow() => {}
            () = shutdown.cancelled() => {}
        }
    }

    async fn follow(&self) {
        let mut ear = Ear::new(&self.mode);
        let mut failures = 0_u32;
        let mut due = Some(Instant::now());
        let mut pace = Pace::new();
        loop {
            tokio::select! {
                () = until(due) => {
                    let began = Instant::now();
                    let synced = self.core.sync().await;
                    pace.note_read(Instant::now());
                    match synced {
                        Ok(_) => {
                            failures = 0;
                            due = self.mode.poll_interval().map(|every| Instant::now() + jittered(every));
                        }
                        Err(error) => {
                            failures = failures.saturating_add(1);
                            tracing::warn!(%error, failures, "registry log is not read");
                            // A read that hangs has waited already.
                            due = Some(began + self.wait(failures));
                        }
                    }
                }
                heard = ear.hear() => {
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

    fn wait(&self, failures: u32) -> Duration {
        let cap = self.mode.poll_interval().unwrap_or(MAX_RETRY);
        backoff(failures, cap)
    }
}

/// When the log is read again that was read a moment ago.
struct Pace {
    read: Option<Instant>,
    breath: Duration,
}

impl Pace {
    fn new() -> Self {
        Self {
            read: None,
            breath: BREATH,
        }
    }

    fn note_read(&mut self, now: Instant) {
        let in_a_row = self
            .read
            .is_some_and(|read| now.duration_since(read) < self.breath * 2);
        self.breath = if in_a_row {
            (self.breath * 2).min(LONGEST_BREATH)
        } else {
            BREATH
        };
        self.read = Some(now);
    }

    fn next_read(&self, now: Instant) -> Instant {
        self.read.map_or(now, |read| (read + self.breath).max(now))
    }
}

impl fmt::Debug for HotReloadManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HotReloadManager")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// The wait after so many failures in a row, at least one.
pub(crate) fn backoff(failures: u32, cap: Duration) -> Duration {
    let doubled = RETRY.saturating_mul(
        1_u32
            .checked_shl(failures.saturating_sub(1))
            .unwrap_or(u32::MAX),
    );
    jittered(doubled.min(cap))
}

/// Up to a tenth earlier, so that the nodes of a fleet do not ask in step.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(1.0 - 0.1 * rand::random::<f64>())
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

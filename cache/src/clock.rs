use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Milliseconds since the cache began, on tokio's clock, cheap to read: moved forward by the keeper's tick and by
/// whoever looks at the real clock anyway.
#[derive(Debug)]
pub(crate) struct Clock {
    began: Instant,
    coarse_ms: AtomicU64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        // Starts at 1: 0 is no time, see `Slot::fresh_until`.
        Self {
            began: Instant::now() - Duration::from_millis(1),
            coarse_ms: AtomicU64::new(1),
        }
    }

    /// The time of the last tick.
    pub(crate) fn coarse_ms(&self) -> u64 {
        self.coarse_ms.load(Ordering::Relaxed)
    }

    /// The time now; readers of [`coarse_ms`](Self::coarse_ms) see it too.
    pub(crate) fn now(&self) -> Instant {
        let now = Instant::now();
        self.coarse_ms.fetch_max(self.to_ms(now), Ordering::Relaxed);
        now
    }

    /// Rounds down: nobody is trusted longer than allowed.
    pub(crate) fn to_ms(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }
}

use hotbed_cache::Chance;
use std::time::Duration;
use tokio::time::Instant;

/// The first wait after a failure; doubles up to the poll interval, so that a node is up to date within one interval
/// of a fault's end.
const RETRY: Duration = Duration::from_millis(100);
/// The longest wait after a failure where there is no poll interval.
pub(crate) const MAX_RETRY: Duration = Duration::from_secs(5);
/// How far apart log reads are that gaps ask for: in a storm one read covers many gaps.
const BREATH: Duration = Duration::from_millis(20);
/// How far apart they are at most, however long the storm: the distance doubles while each read is followed by a gap.
const LONGEST_BREATH: Duration = Duration::from_millis(100);

/// How long a log may end before what events told until it is held to be another one.
pub(crate) const DOUBT: Duration = Duration::from_secs(1);

/// When the log is read again that was read a moment ago.
pub(crate) struct Pace {
    read: Option<Instant>,
    breath: Duration,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self {
            read: None,
            breath: BREATH,
        }
    }

    pub(crate) fn note_read(&mut self, now: Instant) {
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

    pub(crate) fn next_read(&self, now: Instant) -> Instant {
        self.read.map_or(now, |read| (read + self.breath).max(now))
    }
}

/// The wait after so many failures in a row, at least one.
pub(crate) fn backoff(failures: u32, cap: Duration, chance: &Chance) -> Duration {
    let doubled = RETRY.saturating_mul(
        1_u32
            .checked_shl(failures.saturating_sub(1))
            .unwrap_or(u32::MAX),
    );
    jittered(doubled.min(cap), chance)
}

/// Up to a tenth earlier, so that the nodes of a fleet do not ask in step.
pub(crate) fn jittered(wait: Duration, chance: &Chance) -> Duration {
    wait.mul_f64(1.0 - 0.1 * chance.draw())
}

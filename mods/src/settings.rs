use std::time::Duration;

/// As good as never, and far from where arithmetic on times overflows.
const NEVER: Duration = Duration::from_hours(10 * 365 * 24);
/// More than any queue needs, and what a semaphore can hold.
const MANY: usize = 1 << 20;

/// How patient a host is, and how much a mod may have. The defaults suit a server with some dozens of mods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostSettings {
    /// How long it may take to fetch and read a package. Default 30 s.
    pub open_deadline: Duration,
    /// How long a mod may take to construct itself and to initialize. Default 10 s.
    pub initialize_deadline: Duration,
    /// How long a mod may take to start. Default 10 s.
    pub start_deadline: Duration,
    /// How long a mod may take to say how it is. Default 2 s.
    pub health_deadline: Duration,
    /// How long a mod may take with one event, its wait in the mod's queue included. Default 10 s.
    pub event_deadline: Duration,
    /// How long a mod may take with one command, its wait in the mod's queue included. Default 30 s.
    pub command_deadline: Duration,
    /// How long a generation may take to finish what it has begun before it is stopped all the same. Default 30 s.
    pub drain_deadline: Duration,
    /// How long a mod may take to stop, and after it each of its tasks. Default 10 s.
    pub stop_deadline: Duration,
    /// How many events and commands one mod works on at once. Default 16; 0 is 1. On threads of its own a mod works on 256
    /// things at once at most, its tasks among them.
    pub concurrency: usize,
    /// How many more wait for it; what comes on top is refused at once. Default 64.
    pub queue: usize,
    /// How many events of one mod may wait to be taken by whoever delivers them. Default 256; 0 is 1.
    pub emissions: usize,
    /// How many commands of one user are worked on at once. Default 2; 0 is 1.
    pub commands_per_user: usize,
    /// How many more of one user wait; what comes on top is refused. Default 16.
    pub queue_per_user: usize,
    /// The wait after a mod failed to come up; it doubles with each further failure. Default 1 s.
    pub backoff: Duration,
    /// The longest such wait. Default 60 s.
    pub max_backoff: Duration,
    /// How often every mod is asked how it is. Default 30 s.
    pub health_interval: Duration,
}

impl Default for HostSettings {
    fn default() -> Self {
        Self {
            open_deadline: Duration::from_secs(30),
            initialize_deadline: Duration::from_secs(10),
            start_deadline: Duration::from_secs(10),
            health_deadline: Duration::from_secs(2),
            event_deadline: Duration::from_secs(10),
            command_deadline: Duration::from_secs(30),
            drain_deadline: Duration::from_secs(30),
            stop_deadline: Duration::from_secs(10),
            concurrency: 16,
            queue: 64,
            emissions: 256,
            commands_per_user: 2,
            queue_per_user: 16,
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_mins(1),
            health_interval: Duration::from_secs(30),
        }
    }
}

impl HostSettings {
    /// The same settings with each value where it can be worked with.
    pub(crate) fn bounded(self) -> Self {
        Self {
            open_deadline: self.open_deadline.min(NEVER),
            initialize_deadline: self.initialize_deadline.min(NEVER),
            start_deadline: self.start_deadline.min(NEVER),
            health_deadline: self.health_deadline.min(NEVER),
            event_deadline: self.event_deadline.min(NEVER),
            command_deadline: self.command_deadline.min(NEVER),
            drain_deadline: self.drain_deadline.min(NEVER),
            stop_deadline: self.stop_deadline.min(NEVER),
            concurrency: self.concurrency.clamp(1, MANY),
            queue: self.queue.min(MANY),
            emissions: self.emissions.clamp(1, MANY),
            commands_per_user: self.commands_per_user.clamp(1, MANY),
            queue_per_user: self.queue_per_user.min(MANY),
            backoff: self.backoff.min(NEVER),
            max_backoff: self.max_backoff.min(NEVER),
            health_interval: self.health_interval.clamp(Duration::from_millis(10), NEVER),
        }
    }

    /// The wait after the `failed`-th failure in a row.
    pub(crate) fn wait(&self, failed: u32) -> Duration {
        let factor = 1_u32
            .checked_shl(failed.saturating_sub(1))
            .unwrap_or(u32::MAX);
        self.backoff.saturating_mul(factor).min(self.max_backoff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Caught: a wait that does not grow.
    #[test]
    fn the_wait_doubles_up_to_its_cap_whatever_the_number_of_failures() {
        let settings = HostSettings::default();
        assert_eq!(settings.wait(1), Duration::from_secs(1));
        assert_eq!(settings.wait(3), Duration::from_secs(4));
        for many in [7, 32, 33, u32::MAX] {
            assert_eq!(settings.wait(many), settings.max_backoff, "{many}");
        }
    }
}

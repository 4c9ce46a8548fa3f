use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Ticks for one round of the keeper through all slots, at most.
pub(crate) const ROUND_TICKS: u32 = 50;
/// As good as never, and far from where arithmetic on times overflows.
const NEVER: Duration = Duration::from_hours(10 * 365 * 24);

/// How a cache behaves. The defaults suit a bot server.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheSettings {
    /// How many ids may hold an instance. Beyond it the policy decides who leaves. Default 1,000; 0 is 1.
    pub capacity: u64,
    /// Who leaves first. Default [`EvictionPolicy::Lru`].
    pub policy: EvictionPolicy,
    /// For how long an instance is served without asking the registry whether its revision still stands. When it
    /// runs out the instance is confirmed, not rebuilt. Default 5 minutes.
    pub ttl: Duration,
    /// The share of the TTL, 0 to 1, by which it is shortened at random, so that not all end at once. Default 0.1.
    pub ttl_jitter: f64,
    /// For how long it is remembered that an id is unknown. Default 5 s.
    pub negative_ttl: Duration,
    /// An instance that nobody used for so long leaves. Default 30 minutes.
    pub idle: Duration,
    /// How long a factory may take to create an instance. Default 30 s.
    pub build_deadline: Duration,
    /// How long a factory may take to destroy one before the drain no longer waits for it. Default 30 s.
    pub destroy_deadline: Duration,
    /// The wait after a first failed build; it doubles with each further one. Default 500 ms.
    pub backoff: Duration,
    /// The longest wait between two builds of a failing id. Default 60 s.
    pub max_backoff: Duration,
    /// How many builds may be at work at once, each reading the registry or running the factory: what a registry that
    /// has just come back must stand, and what the factories must when everything is invalidated. Builds that a reader
    /// waits for come first. Default 64; 0 is 1.
    pub builds: usize,
    /// How many of them may be for nobody yet: what changed, is due for renewal or was invalidated is built before a
    /// reader asks, the ids used last first. Less than `builds`, so that readers find places free. Default 32.
    pub refreshes: usize,
    /// A factory that takes longer than this no longer counts among `builds`: the next build begins, so that many slow
    /// ids delay another by little. Default 250 ms.
    pub patience: Duration,
}

/// Which instance leaves a full cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EvictionPolicy {
    /// The one that was not used for the longest time. Uses within a tenth of a second count in the order of the first.
    #[default]
    Lru,
    /// The one that is used least; a newcomer must earn its place.
    TinyLfu,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            capacity: 1_000,
            policy: EvictionPolicy::default(),
            ttl: Duration::from_mins(5),
            ttl_jitter: 0.1,
            negative_ttl: Duration::from_secs(5),
            idle: Duration::from_mins(30),
            build_deadline: Duration::from_secs(30),
            destroy_deadline: Duration::from_secs(30),
            backoff: Duration::from_millis(500),
            max_backoff: Duration::from_mins(1),
            builds: 64,
            refreshes: 32,
            patience: Duration::from_millis(250),
        }
    }
}

impl CacheSettings {
    /// The same settings with each value where it can be worked with.
    pub(crate) fn bounded(self) -> Self {
        let builds = self.builds.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            // moka takes 0 for a cache that is switched off, and never tells who did not get in.
            capacity: self.capacity.max(1),
            ttl: self.ttl.min(NEVER),
            ttl_jitter: if self.ttl_jitter.is_nan() {
                0.0
            } else {
                self.ttl_jitter.clamp(0.0, 1.0)
            },
            negative_ttl: self.negative_ttl.min(NEVER),
            idle: self.idle.min(NEVER),
            build_deadline: self.build_deadline.min(NEVER),
            destroy_deadline: self.destroy_deadline.min(NEVER),
            backoff: self.backoff.min(NEVER),
            max_backoff: self.max_backoff.min(NEVER),
            builds,
            refreshes: self.refreshes.clamp(1, builds.saturating_sub(1).max(1)),
            patience: self.patience.min(NEVER),
            ..self
        }
    }

    /// How often the keeper looks: often enough that no promise of time is late by more than a tenth.
    pub(crate) fn tick(&self) -> Duration {
        let shortest = self.ttl.min(self.negative_ttl).min(self.idle) / 10;
        shortest.clamp(Duration::from_millis(5), Duration::from_millis(100))
    }

    /// Trust that ends before this is renewed now: the keeper may come by again only then.
    pub(crate) fn ahead(&self, now: Instant) -> Instant {
        now + (self.tick() * ROUND_TICKS).min(self.ttl / 4)
    }

    /// How many ids are remembered without an instance: unknown, inactive or failing. Apart from the capacity, so that
    /// a flood of unknown ids evicts no instance.
    pub(crate) fn vacancies(&self) -> u64 {
        (self.capacity / 8).max(1_000)
    }

    /// The TTL of one build; `chance` in 0..1 picks the jitter.
    pub(crate) fn jittered_ttl(&self, chance: f64) -> Duration {
        self.ttl.mul_f64(1.0 - self.ttl_jitter * chance)
    }

    /// The wait before attempt `failed + 1`; `chance` in 0..1 spreads it over its upper quarter.
    pub(crate) fn wait(&self, failed: u32, chance: f64) -> Duration {
        let doubled = self.backoff.saturating_mul(
            1_u32
                .checked_shl(failed.saturating_sub(1))
                .unwrap_or(u32::MAX),
        );
        doubled.min(self.max_backoff).mul_f64(0.75 + 0.25 * chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_cap_whatever_the_number_of_failures() {
        let settings = CacheSettings {
            backoff: Duration::from_millis(100),
            ..CacheSettings::default()
        };
        assert_eq!(settings.wait(1, 1.0), Duration::from_millis(100));
        assert_eq!(settings.wait(3, 1.0), Duration::from_millis(400));
        for many in [31, 32, 33, u32::MAX] {
            assert_eq!(settings.wait(many, 1.0), settings.max_backoff, "{many}");
        }
    }

    #[test]
    fn no_setting_is_too_large_or_too_odd_to_work_with() {
        let settings = CacheSettings {
            capacity: u64::MAX,
            policy: EvictionPolicy::Lru,
            ttl: Duration::MAX,
            ttl_jitter: f64::NAN,
            negative_ttl: Duration::MAX,
            idle: Duration::MAX,
            build_deadline: Duration::MAX,
            destroy_deadline: Duration::MAX,
            backoff: Duration::MAX,
            max_backoff: Duration::MAX,
            builds: usize::MAX,
            refreshes: usize::MAX,
            patience: Duration::MAX,
        }
        .bounded();
        let now = Instant::now();
        let far = [
            now + settings.jittered_ttl(1.0) + settings.max_backoff,
            now + settings.wait(u32::MAX, 1.0),
            settings.ahead(now),
        ];
        assert!(far.into_iter().all(|then| then > now));
        assert!(settings.builds <= Semaphore::MAX_PERMITS);
    }

    #[test]
    fn there_is_always_a_place_for_a_reader_beside_the_refreshes() {
        for (builds, refreshes, bounded) in [
            (64, 32, (64, 32)),
            (8, 32, (8, 7)),
            (2, 2, (2, 1)),
            (8, 0, (8, 1)),
            // One place is for whoever comes, readers first.
            (1, 32, (1, 1)),
            (0, 0, (1, 1)),
        ] {
            let settings = CacheSettings {
                builds,
                refreshes,
                ..CacheSettings::default()
            }
            .bounded();
            assert_eq!((settings.builds, settings.refreshes), bounded);
        }
    }
}

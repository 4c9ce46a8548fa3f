//! Chances drawn from a seed. Each part of a world has a stream of its own, so that what one draws shifts no other.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Dice(SmallRng);

impl Dice {
    /// One of the independent streams of a seed.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        // Far apart, whatever the seeds: neighbours must not share streams.
        Self(SmallRng::seed_from_u64(
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ stream.wrapping_mul(0xD1B5_4A32_D192_ED03),
        ))
    }

    /// From 0 to less than `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0.random_range(0..n)
    }

    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        self.0.random_range(least..=most)
    }

    /// True so many times of a hundred.
    pub(crate) fn percent(&mut self, n: u64) -> bool {
        self.below(100) < n
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    /// Up to this, in whole milliseconds.
    pub(crate) fn time(&mut self, at_most: Duration) -> Duration {
        Duration::from_millis(self.between(0, millis(at_most)))
    }

    /// From `least` to `most`, each order of magnitude as likely as another: faults last a moment or half a day.
    pub(crate) fn span(&mut self, least: Duration, most: Duration) -> Duration {
        let ratio = most.as_secs_f64() / least.as_secs_f64();
        let span = least.mul_f64(ratio.max(1.0).powf(self.0.random::<f64>()));
        Duration::from_millis(millis(span))
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}

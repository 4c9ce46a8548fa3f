//! Faults at random, from one seed, until their end.

use crate::backend::{Call, Fault};
use crate::bus::{Reception, Rule};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct Chaos {
    rng: SmallRng,
    /// How likely each fault is.
    severity: f64,
    until: Instant,
}

impl Chaos {
    /// One of the independent streams of a seed.
    pub(crate) fn new(seed: u64, stream: u64, until: Instant) -> Self {
        let severity = SmallRng::seed_from_u64(seed).random_range(0.02..0.4);
        Self {
            rng: SmallRng::seed_from_u64(seed * 1_000 + stream),
            severity,
            until,
        }
    }

    /// The time until the faults' end.
    pub(crate) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    pub(crate) fn lasts(&self) -> bool {
        !self.left().is_zero()
    }

    pub(crate) fn strikes(&mut self) -> bool {
        self.lasts() && self.rng.random_bool(self.severity)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.rng.random_range(0..n)
    }

    /// Up to so many milliseconds.
    pub(crate) fn time(&mut self, at_most_ms: u64) -> Duration {
        Duration::from_millis(self.rng.random_range(0..=at_most_ms))
    }

    /// Up to so many milliseconds, and not beyond the faults' end.
    pub(crate) fn pause(&mut self, at_most_ms: u64) -> Duration {
        self.time(at_most_ms).min(self.left())
    }

    /// How a call of the backend goes.
    pub(crate) fn fault(&mut self, call: Call) -> Fault {
        if !self.strikes() {
            return Fault::None;
        }
        match self.below(4) {
            0 => Fault::Fail,
            1 => Fault::LoseAnswer,
            // A write has no deadline of its own, and what hangs for ever tells nothing.
            2 if call != Call::Write => Fault::Hang,
            _ => Fault::Late(self.pause(3_000)),
        }
    }
}

impl Rule for Chaos {
    fn reception(&mut self) -> Reception {
        if !self.strikes() {
            return Reception::Welcome;
        }
        match self.below(3) {
            0 => Reception::Refused,
            1 => Reception::EndsAtOnce,
            _ => Reception::Hang,
        }
    }

    fn copies(&mut self) -> Vec<Duration> {
        let copies = if self.strikes() { self.below(3) } else { 1 };
        let delay = |_| {
            if self.strikes() {
                self.time(3_000)
            } else {
                Duration::ZERO
            }
        };
        (0..copies).map(delay).collect()
    }

    fn loses_publication(&mut self) -> bool {
        self.strikes()
    }
}

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::sync::{Mutex, PoisonError};

/// What spreads waits and trust over time, so that nodes and ids do not act in step: drawn at random, or from a seed
/// where a run must be repeatable.
#[derive(Debug, Default)]
pub struct Chance {
    seeded: Option<Mutex<SmallRng>>,
}

impl Chance {
    /// Draws the same numbers, in the same order, from the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self {
            seeded: Some(Mutex::new(SmallRng::seed_from_u64(seed))),
        }
    }

    /// The next number, from 0 to less than 1.
    pub fn draw(&self) -> f64 {
        match &self.seeded {
            Some(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).random(),
            None => rand::random(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_draws_the_same_again_and_another_does_not() {
        let drawn = |chance: Chance| [(); 3].map(|()| chance.draw().to_bits());
        assert_eq!(drawn(Chance::seeded(7)), drawn(Chance::seeded(7)));
        assert_ne!(drawn(Chance::seeded(7)), drawn(Chance::seeded(8)));
        assert_ne!(drawn(Chance::default()), drawn(Chance::default()));
    }
}

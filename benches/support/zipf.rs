//! Keys as a service sees them: a few are asked for most of the time.

use rand::distr::Distribution;
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};

/// `count` draws of 0..`keys`, Zipf with exponent 1, the same in every run.
pub fn keys(keys: usize, count: usize) -> Vec<usize> {
    let mut random = StdRng::seed_from_u64(42);
    let mut names: Vec<usize> = (0..keys).collect();
    // The most popular keys are not neighbours in memory.
    names.shuffle(&mut random);
    let zipf = rand_distr::Zipf::new(keys as f64, 1.0).expect("a valid exponent");
    (0..count)
        .map(|_| names[zipf.sample(&mut random) as usize - 1])
        .collect()
}

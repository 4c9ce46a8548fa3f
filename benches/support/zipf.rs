//! Keys as a service sees them: a few are asked for most of the time.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};

/// `count` draws of 0..`keys`, Zipf with exponent 1, the same in every run.
pub(crate) fn keys(keys: usize, count: usize) -> Vec<usize> {
    let mut random = StdRng::seed_from_u64(42);
    let mut names: Vec<usize> = (0..keys).collect();
    // The most popular keys are not neighbours in memory.
    names.shuffle(&mut random);
    // Rank r is drawn with a weight of 1/r: cut the sum of all weights at random and see where that is.
    let mut total = 0.0;
    let sums: Vec<f64> = (1..=u32::try_from(keys).expect("few keys"))
        .map(|rank| {
            total += 1.0 / f64::from(rank);
            total
        })
        .collect();
    let draw = |_| {
        let cut = random.random_range(0.0..total);
        names[sums.partition_point(|&sum| sum < cut)]
    };
    (0..count).map(draw).collect()
}

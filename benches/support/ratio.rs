//! Measures things against a floor in one run: rounds of each are interleaved, so that noise hits all alike, and the
//! median of the per-round ratios is the result.

use std::time::{Duration, Instant};

/// One thing to measure: runs `rounds` times and says how long each round's unit of work took.
pub(crate) struct Contender<'a> {
    /// What it is called in the output.
    pub(crate) name: &'a str,
    /// The most it may cost as a multiple of the floor; `None` for what is only shown.
    pub(crate) limit: Option<f64>,
    /// Runs one round; returns the time per operation.
    pub(crate) round: Box<dyn FnMut() -> Duration + 'a>,
}

/// Runs the floor and its contenders in turn and prints the table. True if every limit holds.
pub(crate) fn compare(
    title: &str,
    rounds: usize,
    mut floor: Contender<'_>,
    mut contenders: Vec<Contender<'_>>,
) -> bool {
    println!("\n{title}");
    let mut floors = Vec::new();
    let mut times = vec![Vec::new(); contenders.len()];
    for round in 0..=rounds {
        let base = (floor.round)();
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            let time = (contender.round)();
            // The first round warms up.
            if round > 0 {
                times.push((time, time.as_secs_f64() / base.as_secs_f64()));
            }
        }
        if round > 0 {
            floors.push((base, 1.0));
        }
    }
    show(floor.name, &mut floors, None);
    let mut all_hold = true;
    for (contender, times) in contenders.iter().zip(&mut times) {
        all_hold &= show(contender.name, times, contender.limit);
    }
    all_hold
}

fn show(name: &str, times: &mut [(Duration, f64)], limit: Option<f64>) -> bool {
    times.sort_by(|a, b| a.1.total_cmp(&b.1));
    let ratio = times[times.len() / 2].1;
    times.sort_by_key(|time| time.0);
    let time = times[times.len() / 2].0;
    let holds = limit.is_none_or(|limit| ratio <= limit);
    let verdict = match (limit, holds) {
        (None, _) => String::new(),
        (Some(limit), true) => format!("  (limit {limit:.2}: ok)"),
        (Some(limit), false) => format!("  (limit {limit:.2}: OVER)"),
    };
    println!(
        "  {name:<52} {:>12} {ratio:>7.2}x{verdict}",
        format!("{time:.1?}")
    );
    holds
}

/// The time per operation of `count` operations.
pub(crate) fn per_operation(count: usize, work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed() / u32::try_from(count).expect("fewer than four thousand million")
}

/// Compares two series of one thing under two conditions, by their medians. True if the limit holds.
#[allow(dead_code, reason = "each benchmark uses its part of this module")]
pub(crate) fn verdict(title: &str, base: &[Duration], under_test: &[Duration], limit: f64) -> bool {
    let median = |times: &[Duration]| {
        let mut times = times.to_vec();
        times.sort();
        times[times.len() / 2]
    };
    let (base, under_test) = (median(base), median(under_test));
    println!("\n{title}");
    show("base", &mut [(base, 1.0)], None);
    show(
        "under test",
        &mut [(under_test, under_test.as_secs_f64() / base.as_secs_f64())],
        Some(limit),
    )
}

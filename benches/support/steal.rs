//! How long the processors of a virtual machine were taken from it.

use std::fs;
use std::time::Duration;

/// The time since the start of the machine in which its processors were ready and its host ran something else, added up
/// over them, in steps of 10 ms: `steal` of `/proc/stat`, see `man 5 proc_stat`. Zero where the system does not tell.
pub(crate) fn stolen() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks = stat
        .lines()
        .next()
        .and_then(|all| all.split_whitespace().nth(8))
        .and_then(|steal| steal.parse().ok());
    Duration::from_millis(10 * ticks.unwrap_or(0))
}

//! What was promised, proved from a record alone.
//!
//! Each id has a timeline: how it stood after each write of the log. What a read saw is a place on it, and everything
//! that a reader may rely on is a floor under that place: what was seen before, what was acknowledged, what the node
//! said of itself. A read that saw less is a violation, named after its floor.

mod failures;
mod floors;
mod history;
mod staleness;
#[cfg(test)]
mod tests;
mod timeline;

use super::record::Record;
use super::setup::Setup;

/// Every violation, each in words.
pub(super) fn check(setup: Setup, record: &Record) -> Vec<String> {
    let history = history::History::of(record);
    let mut violations = history.violations;
    violations.extend(floors::check(setup, record, &history.timelines));
    violations.extend(failures::check(record, &history.timelines, &history.ops));
    violations.extend(staleness::check(setup, record));
    violations.extend(
        record
            .laggards
            .iter()
            .map(|lag| format!("convergence: {lag}")),
    );
    violations
}

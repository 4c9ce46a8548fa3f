//! A node's report as a row of a roster.

use hotbed_fleet::{NodeReport, RosterError, decode, encode};
use serde_json::{Map, Value};

/// Rows that are read of a roster, at most: far more than any fleet has nodes.
pub(crate) const MAX_ROWS: i64 = 10_000;

/// What a row holds.
pub(crate) fn to_row(report: &NodeReport) -> String {
    Value::Object(encode(report)).to_string()
}

/// What rows hold, without those that are of no form that is known here.
pub(crate) fn from_rows(rows: impl IntoIterator<Item = String>) -> Vec<NodeReport> {
    let understood = |row: String| {
        let payload: Map<String, Value> = serde_json::from_str(&row).ok()?;
        decode(&payload).ok()
    };
    rows.into_iter().filter_map(understood).collect()
}

/// An error of the database.
pub(crate) fn fault(
    operation: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> RosterError {
    RosterError {
        operation,
        source: source.into(),
    }
}

//! A report as JSON: what an event's payload and a roster's row hold.

use crate::{NodeFailure, NodeId, NodeReport, NodeState, Progress};
use chrono::{DateTime, Utc};
use hotbed_registry::{CollectionName, Id, Revision};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

/// What a report takes as JSON, at most. With what an event adds it fits every bus: `NOTIFY` carries 8,000 bytes.
pub const MAX_BYTES: usize = 6_000;
/// The form below. A report of another form is not understood.
const FORMAT: u32 = 1;
/// Failures that are named in a report, if there is room.
const NAMED: usize = 20;
/// Characters of an error that are told.
const MAX_ERROR: usize = 200;

/// A payload that is no report.
#[derive(Debug, thiserror::Error)]
#[error("payload is not the report of a node")]
pub struct InvalidReport(#[source] Box<dyn std::error::Error + Send + Sync>);

#[derive(Serialize, Deserialize)]
struct Wire {
    format: u32,
    node: String,
    incarnation: Uuid,
    beat: u64,
    next_within_ms: u64,
    host: String,
    pid: u32,
    address: String,
    version: String,
    started_at: DateTime<Utc>,
    environment: String,
    state: WireState,
    collections: BTreeMap<String, WireProgress>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireState {
    Starting,
    Ready,
    Draining,
}

#[derive(Serialize, Deserialize)]
struct WireProgress {
    applied: u64,
    head: u64,
    behind_for_ms: u64,
    confirmed_ago_ms: Option<u64>,
    stale: bool,
    failing: u64,
    #[serde(default)]
    failures: Vec<WireFailure>,
}

#[derive(Serialize, Deserialize)]
struct WireFailure {
    id: String,
    serves: Option<u64>,
    error: String,
}

/// The JSON of a report. Names as many failures as there is room for.
pub fn encode(report: &NodeReport) -> Map<String, Value> {
    let mut named = NAMED;
    loop {
        let value = serde_json::to_value(wire(report, named));
        let Ok(Value::Object(map)) = value else {
            unreachable!("a struct with text keys is an object");
        };
        let bytes = serde_json::to_string(&map).map_or(usize::MAX, |text| text.len());
        if bytes <= MAX_BYTES || named == 0 {
            return map;
        }
        named /= 2;
    }
}

fn wire(report: &NodeReport, named: usize) -> Wire {
    let progress = |progress: &Progress| WireProgress {
        applied: progress.applied.0,
        head: progress.head.0,
        behind_for_ms: millis(progress.behind_for),
        confirmed_ago_ms: progress.confirmed_ago.map(millis),
        stale: progress.stale,
        failing: progress.failing,
        failures: progress.failures.iter().take(named).map(failure).collect(),
    };
    Wire {
        format: FORMAT,
        node: report.node.to_string(),
        incarnation: report.incarnation,
        beat: report.beat,
        next_within_ms: millis(report.next_within),
        host: clip(&report.host),
        pid: report.pid,
        address: clip(&report.address),
        version: clip(&report.version),
        started_at: report.started_at,
        environment: clip(&report.environment),
        state: match report.state {
            NodeState::Starting => WireState::Starting,
            NodeState::Ready => WireState::Ready,
            NodeState::Draining => WireState::Draining,
        },
        collections: report
            .collections
            .iter()
            .map(|(name, it)| (name.to_string(), progress(it)))
            .collect(),
    }
}

fn failure(failure: &NodeFailure) -> WireFailure {
    WireFailure {
        id: failure.id.to_string(),
        serves: failure.serves.map(|revision| revision.0),
        error: clip(&failure.error),
    }
}

/// The report that JSON holds.
pub fn decode(payload: &Map<String, Value>) -> Result<NodeReport, InvalidReport> {
    let invalid = |error: &dyn std::fmt::Display| InvalidReport(error.to_string().into());
    let wire = Wire::deserialize(payload).map_err(|error| InvalidReport(error.into()))?;
    if wire.format != FORMAT {
        return Err(invalid(&format!("format {} is not known", wire.format)));
    }
    let mut collections = BTreeMap::new();
    for (name, it) in wire.collections {
        let name = CollectionName::new(&name).map_err(|error| invalid(&error))?;
        let mut failures = Vec::new();
        for failure in it.failures {
            failures.push(NodeFailure {
                id: Id::new(&failure.id).map_err(|error| invalid(&error))?,
                serves: failure.serves.map(Revision),
                error: failure.error,
            });
        }
        let progress = Progress {
            applied: Revision(it.applied),
            head: Revision(it.head),
            behind_for: Duration::from_millis(it.behind_for_ms),
            confirmed_ago: it.confirmed_ago_ms.map(Duration::from_millis),
            stale: it.stale,
            failing: it.failing,
            failures,
        };
        collections.insert(name, progress);
    }
    Ok(NodeReport {
        node: NodeId::new(&wire.node).map_err(|error| invalid(&error))?,
        incarnation: wire.incarnation,
        beat: wire.beat,
        // A day: nobody stays in view for ever because he said so.
        next_within: Duration::from_millis(wire.next_within_ms.clamp(1, 86_400_000)),
        host: wire.host,
        pid: wire.pid,
        address: wire.address,
        version: wire.version,
        started_at: wire.started_at,
        environment: wire.environment,
        state: match wire.state {
            WireState::Starting => NodeState::Starting,
            WireState::Ready => NodeState::Ready,
            WireState::Draining => NodeState::Draining,
        },
        collections,
    })
}

fn clip(text: &str) -> String {
    text.chars().take(MAX_ERROR).collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(failures: usize, error: &str) -> NodeReport {
        let failure = |n| NodeFailure {
            id: Id::new(&format!("bot-{n}")).unwrap(),
            serves: Some(Revision(3)),
            error: error.to_owned(),
        };
        let progress = Progress {
            applied: Revision(7),
            head: Revision(9),
            behind_for: Duration::from_millis(20),
            confirmed_ago: Some(Duration::from_millis(30)),
            stale: true,
            failing: failures as u64,
            failures: (0..failures).map(failure).collect(),
        };
        NodeReport {
            node: NodeId::new("web-1").unwrap(),
            incarnation: Uuid::from_u128(7),
            beat: 12,
            next_within: Duration::from_secs(2),
            host: "host".into(),
            pid: 4_321,
            address: "127.0.0.1:8700".into(),
            version: "0.1.0".into(),
            started_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            environment: "production".into(),
            state: NodeState::Draining,
            collections: BTreeMap::from([(CollectionName::bots(), progress)]),
        }
    }

    #[test]
    fn a_report_survives_the_way_through_json() {
        let report = report(3, "no such model");
        assert_eq!(decode(&encode(&report)).unwrap(), report);
    }

    /// Mutation it catches: naming all failures whatever room there is.
    #[test]
    fn a_report_fits_every_bus_however_much_fails() {
        let report = report(10_000, &"💥\"\\".repeat(500));
        let encoded = encode(&report);
        let bytes = serde_json::to_string(&encoded).unwrap().len();
        assert!(bytes <= MAX_BYTES, "{bytes}");
        let decoded = decode(&encoded).unwrap();
        let progress = &decoded.collections[&CollectionName::bots()];
        assert_eq!(progress.failing, 10_000, "all are counted");
        assert!(!progress.failures.is_empty(), "some are named");
    }

    #[test]
    fn what_is_no_report_is_refused() {
        let mut newer = encode(&report(0, ""));
        newer.insert("format".into(), 2.into());
        let mut nameless = encode(&report(0, ""));
        nameless.insert("node".into(), "".into());
        for payload in [Map::new(), newer, nameless] {
            assert!(decode(&payload).is_err(), "{payload:?}");
        }
    }
}

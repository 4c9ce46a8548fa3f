use super::problems::Everywhere;
use crate::fault::Fault;
use crate::params::Params;
use crate::state::Node;
use crate::wire::millis;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use hotbed_api as api;
use hotbed_fleet::{NodeFailure, NodeState, Progress, Seen};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// See which node is how far
///
/// As the node that answers sees it. A node that ends leaves at once, one that dies within a short time.
#[utoipa::path(
    get,
    path = "/api/v1/fleet",
    tag = "operations",
    responses((status = 200, description = "The nodes, those first that somebody should look at.", body = api::Fleet), Everywhere),
)]
pub(crate) async fn fleet(
    State(node): State<Arc<Node>>,
    uri: Uri,
) -> Result<Json<api::Fleet>, Fault> {
    Params::read(&uri, &[])?;
    let state = &node.state;
    let known = state.hot_reload.freshness().head.0;
    let collection = state.registry.collection().to_string();
    Ok(Json(describe(
        &state.fleet.nodes(),
        state.fleet.incarnation(),
        (collection, known),
    )))
}

/// `known`: a collection and its newest revision, as the node that answers knows it.
fn describe(seen: &[Seen], ours: Uuid, known: (String, u64)) -> api::Fleet {
    let mut desired = BTreeMap::from([known]);
    for (name, progress) in seen.iter().flat_map(|it| &it.report.collections) {
        let newest = desired.entry(name.to_string()).or_default();
        *newest = (*newest).max(progress.head.0).max(progress.applied.0);
    }
    let nodes = seen
        .iter()
        .map(|it| describe_node(it, ours, &desired))
        .collect();
    let desired = desired.into_iter().map(|(name, revision)| {
        let applied_by = seen.iter().filter(|it| {
            let mut collections = it.report.collections.iter();
            collections.any(|(of, progress)| of.as_str() == name && progress.applied.0 >= revision)
        });
        let desired = api::Desired {
            revision,
            applied_by: applied_by.count() as u64,
            nodes: seen.len() as u64,
        };
        (name, desired)
    });
    api::Fleet {
        desired: desired.collect(),
        nodes,
    }
}

fn describe_node(seen: &Seen, ours: Uuid, desired: &BTreeMap<String, u64>) -> api::FleetNode {
    let report = &seen.report;
    let collections = report.collections.iter().map(|(name, progress)| {
        let name = name.to_string();
        let newest = desired.get(&name).copied().unwrap_or_default();
        let progress = describe_progress(progress, newest);
        (name, progress)
    });
    api::FleetNode {
        node: report.node.to_string(),
        incarnation: report.incarnation.to_string(),
        is_self: report.incarnation == ours,
        silent: seen.silent,
        duplicate: seen.duplicate,
        heard_ago_ms: millis(seen.heard_ago),
        readiness: match report.state {
            NodeState::Starting => api::Readiness::Starting,
            NodeState::Ready => api::Readiness::Ready,
            NodeState::Draining => api::Readiness::Draining,
        },
        host: report.host.clone(),
        pid: report.pid,
        address: report.address.clone(),
        version: report.version.clone(),
        started_at: report.started_at,
        environment: report.environment.clone(),
        collections: collections.collect(),
    }
}

fn describe_progress(progress: &Progress, newest: u64) -> api::NodeProgress {
    let failure = |failure: &NodeFailure| api::NodeFailure {
        id: failure.id.to_string(),
        serves: failure.serves.map(|revision| revision.0),
        error: failure.error.clone(),
    };
    api::NodeProgress {
        applied: progress.applied.0,
        behind_by: newest.saturating_sub(progress.applied.0),
        behind_for_ms: millis(progress.behind_for),
        confirmed_ago_ms: progress.confirmed_ago.map(millis),
        stale: progress.stale,
        failing: progress.failing,
        failures: progress.failures.iter().map(failure).collect(),
    }
}

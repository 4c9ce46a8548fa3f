use crate::NodeInfo;
use crate::metrics::is_failing;
use crate::mods_wire::trouble;
use chrono::{DateTime, Utc};
use hotbed_api::Readiness;
use hotbed_bots::Bot;
use hotbed_cache::{CachingRegistryManager, Held, InstanceState};
use hotbed_desk::Desk;
use hotbed_fleet::{Describe, NodeFailure, NodeReport, NodeState, Progress};
use hotbed_hotreload::{Freshness, Handle};
use hotbed_registry::{CollectionName, Revision};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

/// Failing ids that a report names, at most.
const NAMED: usize = 20;

/// Says to the fleet how this node is.
#[derive(Debug, Clone)]
pub struct Reporter {
    /// What it says of itself.
    pub info: NodeInfo,
    /// Which process it is.
    pub incarnation: Uuid,
    /// The machine it runs on.
    pub host: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// What it keeps in service.
    pub collection: CollectionName,
    /// The instances.
    pub bots: Arc<CachingRegistryManager<Bot>>,
    /// The loop that follows the registry.
    pub hot_reload: Handle,
    /// What says which mods there are.
    pub mods_collection: CollectionName,
    /// The mods.
    pub mods: Desk,
    /// The loop that follows what is registered of them.
    pub mods_reload: Handle,
    /// Whether it takes requests.
    pub readiness: watch::Receiver<Readiness>,
}

impl Describe for Reporter {
    fn describe(&self) -> NodeReport {
        let progress = progress(&self.hot_reload.freshness(), &self.bots.held());
        NodeReport {
            node: self.info.node.clone(),
            incarnation: self.incarnation,
            beat: 0,
            next_within: Duration::ZERO,
            host: self.host.clone(),
            pid: std::process::id(),
            address: self.address.to_string(),
            version: self.info.version.clone(),
            started_at: self.started_at,
            environment: self.info.environment.clone(),
            state: match *self.readiness.borrow() {
                Readiness::Starting => NodeState::Starting,
                Readiness::Ready => NodeState::Ready,
                Readiness::Draining => NodeState::Draining,
            },
            collections: BTreeMap::from([
                (self.collection.clone(), progress),
                (self.mods_collection.clone(), self.progress_of_mods()),
            ]),
        }
    }
}

impl Reporter {
    fn progress_of_mods(&self) -> Progress {
        let freshness = self.mods_reload.freshness();
        let entries = self.mods.entries();
        let failing = entries.iter().filter_map(|(id, it)| {
            Some(NodeFailure {
                id: id.clone(),
                serves: it
                    .status
                    .as_ref()
                    .and_then(|status| status.revision)
                    .map(Revision),
                error: trouble(it)?,
            })
        });
        let mut failures: Vec<NodeFailure> = failing.collect();
        let failing = failures.len() as u64;
        failures.truncate(NAMED);
        Progress {
            applied: self.mods.gone_by(freshness.revision),
            head: freshness.head,
            behind_for: freshness.behind_for,
            confirmed_ago: freshness.confirmed_ago,
            stale: freshness.stale,
            failing,
            failures,
        }
    }
}

fn progress(freshness: &Freshness, held: &[Held]) -> Progress {
    let mut failing: Vec<&Held> = held.iter().filter(|it| is_failing(it.state)).collect();
    failing.sort_by(|a, b| a.id.cmp(&b.id));
    let failure = |held: &&Held| NodeFailure {
        id: held.id.clone(),
        serves: held.revision,
        error: held
            .failure
            .as_ref()
            .map_or_else(String::new, |failure| failure.message.clone()),
    };
    Progress {
        applied: applied(freshness.revision, held),
        head: freshness.head,
        behind_for: freshness.behind_for,
        confirmed_ago: freshness.confirmed_ago,
        stale: freshness.stale,
        failing: failing.len() as u64,
        failures: failing.iter().take(NAMED).map(failure).collect(),
    }
}

/// Up to where everything is in service: what was told, less what is not built yet of that.
fn applied(told: Revision, held: &[Held]) -> Revision {
    let due = held.iter().filter(|it| {
        it.state == InstanceState::Pending && it.revision.is_some_and(|serves| serves < it.observed)
    });
    due.map(|it| Revision(it.observed.0 - 1))
        .min()
        .map_or(told, |before| before.min(told))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotbed_registry::Id;

    fn held(state: InstanceState, revision: Option<u64>, observed: u64) -> Held {
        Held {
            id: Id::new("a").unwrap(),
            state,
            revision: revision.map(Revision),
            observed: Revision(observed),
            failure: None,
            age: None,
            retry_in: None,
        }
    }

    /// Mutation it catches: taking what was told for what is in service.
    #[test]
    fn what_is_told_and_not_yet_built_is_not_applied() {
        for (held, expected) in [
            (vec![], 9),
            (vec![held(InstanceState::Ready, Some(7), 7)], 9),
            (vec![held(InstanceState::Pending, Some(3), 7)], 6),
            (
                vec![
                    held(InstanceState::Pending, Some(3), 7),
                    held(InstanceState::Pending, Some(4), 5),
                ],
                4,
            ),
            // Nothing old is in service for these.
            (vec![held(InstanceState::Pending, None, 7)], 9),
            (vec![held(InstanceState::Degraded, Some(3), 7)], 9),
            // Built anew although nothing changed.
            (vec![held(InstanceState::Pending, Some(7), 7)], 9),
        ] {
            assert_eq!(applied(Revision(9), &held), Revision(expected), "{held:?}");
        }
    }
}

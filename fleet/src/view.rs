use crate::{NodeId, NodeReport, Progress};
use hotbed_registry::CollectionName;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// A node is silent when nothing was heard of it for so many times the time within which it said it would report.
const SILENT: u32 = 3;
/// It is taken for dead, and left out, after so many.
const DEAD: u32 = 10;
/// Nodes that are kept in view. Far more than any fleet has: a stranger on the bus must not take our memory.
const MAX_NODES: usize = 10_000;

/// What one node knows of all, as a function of what it heard and when.
#[derive(Debug, Default)]
pub(crate) struct View {
    members: HashMap<Uuid, Heard>,
}

#[derive(Debug)]
struct Heard {
    report: NodeReport,
    at: Instant,
    /// Another process of this name began after it was heard first.
    replaced: bool,
}

/// A node as another one sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// What it said last.
    pub report: NodeReport,
    /// How long ago that was heard.
    pub heard_ago: Duration,
    /// Whether it should have said something since.
    pub silent: bool,
    /// Whether another process that lives has the same name: one of them is named wrongly.
    pub duplicate: bool,
}

impl View {
    /// A node said something, or somebody repeats what it said: what is not newer is ignored.
    pub(crate) fn hear(&mut self, report: NodeReport, now: Instant) {
        if let Some(known) = self.members.get_mut(&report.incarnation) {
            if report.beat > known.report.beat {
                known.report = report;
                known.at = now;
                // It lives, whoever has its name.
                known.replaced = false;
            }
            return;
        }
        if self.members.len() >= MAX_NODES {
            return;
        }
        // A process that was not seen before is the one that runs now. If an older one lives all the same, it says so.
        for known in self.members.values_mut() {
            known.replaced |= known.report.node == report.node;
        }
        let incarnation = report.incarnation;
        let heard = Heard {
            report,
            at: now,
            replaced: false,
        };
        self.members.insert(incarnation, heard);
    }

    /// A process said that it ends.
    pub(crate) fn leave(&mut self, incarnation: Uuid) {
        self.members.remove(&incarnation);
    }

    /// Leaves out those that are dead. Answers which.
    pub(crate) fn sweep(&mut self, now: Instant) -> Vec<Uuid> {
        let is_dead = |heard: &Heard| {
            heard.replaced || now.duration_since(heard.at) > heard.report.next_within * DEAD
        };
        let dead: Vec<Uuid> = self
            .members
            .iter()
            .filter(|(_, heard)| is_dead(heard))
            .map(|(incarnation, _)| *incarnation)
            .collect();
        for incarnation in &dead {
            self.members.remove(incarnation);
        }
        dead
    }

    /// How many nodes are in view.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// All nodes: those first that somebody should look at, then by name.
    pub(crate) fn seen(&self, now: Instant) -> Vec<Seen> {
        let mut names: HashMap<&NodeId, usize> = HashMap::new();
        let living = || self.members.values().filter(|heard| !heard.replaced);
        for heard in living() {
            *names.entry(&heard.report.node).or_default() += 1;
        }
        let mut seen: Vec<Seen> = living()
            .map(|heard| {
                let heard_ago = now.duration_since(heard.at);
                Seen {
                    heard_ago,
                    silent: heard_ago > heard.report.next_within * SILENT,
                    duplicate: names
                        .get(&heard.report.node)
                        .is_some_and(|count| *count > 1),
                    report: heard.report.clone(),
                }
            })
            .collect();
        let heads = heads(&seen);
        seen.sort_by(|a, b| {
            worst_first(a, &heads)
                .cmp(&worst_first(b, &heads))
                .then_with(|| {
                    (&a.report.node, a.report.incarnation)
                        .cmp(&(&b.report.node, b.report.incarnation))
                })
        });
        seen
    }
}

/// The newest revision of each collection that any node knows of.
fn heads(seen: &[Seen]) -> HashMap<CollectionName, u64> {
    let mut heads = HashMap::new();
    for (name, progress) in seen.iter().flat_map(|seen| &seen.report.collections) {
        let head: &mut u64 = heads.entry(name.clone()).or_default();
        *head = (*head).max(progress.head.0).max(progress.applied.0);
    }
    heads
}

/// By silence, staleness, distance from the head, and failures.
fn worst_first(
    seen: &Seen,
    heads: &HashMap<CollectionName, u64>,
) -> (Reverse<bool>, Reverse<bool>, Reverse<u64>, Reverse<u64>) {
    let all = || seen.report.collections.iter();
    let behind = |(name, progress): (&CollectionName, &Progress)| {
        let head = heads.get(name).copied().unwrap_or_default();
        head.saturating_sub(progress.applied.0)
    };
    (
        Reverse(seen.silent || seen.duplicate),
        Reverse(all().any(|(_, progress)| progress.stale)),
        Reverse(all().map(behind).sum()),
        Reverse(all().map(|(_, progress)| progress.failing).sum()),
    )
}

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use hotbed_registry::{CollectionName, Id, Revision};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// The longest name of a node in bytes.
const MAX_BYTES: usize = 128;

/// Names a node: 1 to 128 bytes of printable text without spaces. Unique in a fleet, as far as whoever runs it sees to
/// that.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(Arc<str>);

/// A text that cannot be a [`NodeId`].
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not the name of a node: use 1 to 128 bytes of printable text without spaces")]
pub struct InvalidNodeId {
    text: String,
}

impl NodeId {
    /// Parses a name.
    pub fn new(text: &str) -> Result<Self, InvalidNodeId> {
        let fits = !text.is_empty() && text.len() <= MAX_BYTES;
        if fits && text.chars().all(|c| !c.is_whitespace() && !c.is_control()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidNodeId {
                text: text.chars().take(64).collect(),
            })
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({})", self.0)
    }
}

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeReport {
    /// Which node it is.
    pub node: NodeId,
    /// Which process of that name: another one after each start.
    pub incarnation: Uuid,
    /// Counts the reports of this process.
    pub beat: u64,
    /// Within which time it reports again.
    pub next_within: Duration,
    /// The machine it runs on.
    pub host: String,
    /// The process there.
    pub pid: u32,
    /// Where it listens.
    pub address: String,
    /// The version of its program.
    pub version: String,
    /// When it started, by its own clock.
    pub started_at: DateTime<Utc>,
    /// The environment that its configurations are bound to.
    pub environment: String,
    /// Whether it takes requests.
    pub state: NodeState,
    /// How far it is, by collection.
    pub collections: BTreeMap<CollectionName, Progress>,
}

/// Whether a node takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeState {
    /// Not yet.
    Starting,
    /// Yes.
    Ready,
    /// No more: it is about to end.
    Draining,
}

/// How far a node is with a collection.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Everything up to this revision is in service there, or is among the failures.
    pub applied: Revision,
    /// The newest revision that it knows to exist.
    pub head: Revision,
    /// For how long it has known of revisions that it was not told of yet.
    pub behind_for: Duration,
    /// How long ago it last confirmed that it knows the registry's head; `None` if never.
    pub confirmed_ago: Option<Duration>,
    /// Whether it can no longer say that it is up to date.
    pub stale: bool,
    /// How many ids it could not build at their newest revision.
    pub failing: u64,
    /// Some of them.
    pub failures: Vec<NodeFailure>,
}

/// An id that a node could not build, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFailure {
    /// Whose instance.
    pub id: Id,
    /// The revision that serves in its place, if any.
    pub serves: Option<Revision>,
    /// What went wrong, fit for strangers.
    pub error: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_named_by_printable_text_without_spaces() {
        assert_eq!(NodeId::new("web-1:8700").unwrap().as_str(), "web-1:8700");
        for bad in ["", "a b", "a\nb", &"x".repeat(129)] {
            assert!(NodeId::new(bad).is_err(), "{bad:?}");
        }
    }
}

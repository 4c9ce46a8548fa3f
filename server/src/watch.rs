//! Following the log: what long polls and streams of changes have in common.

use crate::fault::Fault;
use crate::freshness::know_revision;
use crate::state::Node;
use crate::tail::Found;
use hotbed_registry::{Changes, Revision};
use std::sync::Arc;
use tokio::sync::watch;

/// A reader's place in the log. Looks only when this node's loop says that there is something new, and then where one
/// read serves all, so a thousand watchers cost what one does.
#[derive(Debug)]
pub(crate) struct Watcher {
    node: Arc<Node>,
    reached: watch::Receiver<Revision>,
    after: Revision,
}

/// Why a watcher stops waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// There may be something new.
    News,
    /// The server is about to end.
    Shutdown,
}

impl Watcher {
    /// A watcher at a revision; from now on where none is given.
    pub(crate) async fn new(node: Arc<Node>, after: Option<Revision>) -> Result<Self, Fault> {
        let reached = node.state.hot_reload.reached();
        let after = if let Some(after) = after {
            after
        } else {
            let head = node.reader.head().await?;
            know_revision(&node, head).await;
            head
        };
        Ok(Self {
            node,
            reached,
            after,
        })
    }

    pub(crate) fn after(&self) -> Revision {
        self.after
    }

    /// Reads on, up to where this node has caught up. Where the log no longer reaches back so far, that is the fault.
    pub(crate) async fn read(&mut self, limit: usize) -> Result<Found, Fault> {
        // Marked before reading, so that what comes in between is news.
        self.reached.mark_unchanged();
        match self.node.tail.after(self.after, limit).await? {
            Some(found) => {
                self.after = found.next;
                Ok(found)
            }
            None => self.read_registry(limit).await,
        }
    }

    /// Reads on, up to the head of the registry as it is now.
    pub(crate) async fn read_registry(&mut self, limit: usize) -> Result<Found, Fault> {
        match self.node.reader.changes(self.after, limit).await? {
            Changes::Log { changes, head } => {
                self.after = changes.last().map_or(self.after, |last| last.revision);
                know_revision(&self.node, self.after).await;
                Ok(Found {
                    changes: changes.into_iter().map(Arc::new).collect(),
                    next: self.after,
                    head,
                })
            }
            Changes::Compacted { oldest, head } => Err(Fault::compacted(oldest.0, head.0)),
        }
    }

    /// Waits for news. Cancel-safe.
    pub(crate) async fn wait(&mut self) -> Wake {
        tokio::select! {
            biased;
            () = self.node.state.shutdown.cancelled() => Wake::Shutdown,
            changed = self.reached.changed() => match changed {
                Ok(()) => Wake::News,
                // The loop and all its handles are gone.
                Err(_) => Wake::Shutdown,
            },
        }
    }
}

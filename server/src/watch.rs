//! Following the log: what long polls and streams of changes have in common.

use crate::fault::Fault;
use crate::state::Node;
use hotbed_registry::{Change, Changes, Revision};
use std::sync::Arc;
use tokio::sync::watch;

/// A reader's place in the log. Reads the registry only when this node's loop says that there is something new, so a
/// thousand idle watchers cost nothing.
#[derive(Debug)]
pub(crate) struct Watcher {
    node: Arc<Node>,
    reached: watch::Receiver<Revision>,
    after: Revision,
}

/// What a watcher finds.
#[derive(Debug)]
pub(crate) struct Found {
    /// The next entries; empty at the end of the log.
    pub(crate) changes: Vec<Change>,
    /// Where to go on.
    pub(crate) next: Revision,
    /// The collection's newest revision.
    pub(crate) head: Revision,
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
        let after = match after {
            Some(after) => after,
            None => node.reader.head().await?,
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

    /// Reads on. Where the log no longer reaches back so far, that is the fault.
    pub(crate) async fn read(&mut self, limit: usize) -> Result<Found, Fault> {
        // Marked before reading, so that what comes in between is news.
        self.reached.mark_unchanged();
        match self.node.reader.changes(self.after, limit).await? {
            Changes::Log { changes, head } => {
                self.after = changes.last().map_or(self.after, |last| last.revision);
                Ok(Found {
                    changes,
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

use async_trait::async_trait;
use hotbed::cache::CachingRegistryManager;
use hotbed::hotreload::ReloadTarget;
use hotbed::registry::{Change, ChangeKind, Id, Observer, Revision, Snapshot};
use hotbed_backends::DiskSnapshot;
use hotbed_bots::{Bot, Conversations};
use std::sync::Arc;

/// Drops what this node keeps of bots beside their instances once they are deleted, on whichever node: their
/// conversations, and their place in the snapshot, so that a restart does not bring them back. Those out of service
/// keep their conversations.
///
/// Must be told after `bots`: it looks there whether the bot has been created anew since.
#[derive(Debug)]
pub(crate) struct ForgetDeleted {
    pub(crate) bots: Arc<CachingRegistryManager<Bot>>,
    pub(crate) conversations: Conversations,
    pub(crate) snapshot: Arc<DiskSnapshot>,
}

impl Observer for ForgetDeleted {
    fn observe(&self, change: &Change) {
        // This node's own deletions come back on the bus; by then the bot may have a new life and new conversations.
        let is_back = || {
            let held = self.bots.held_for(&change.id);
            held.and_then(|held| held.revision)
                .is_some_and(|revision| revision > change.revision)
        };
        match change.kind {
            ChangeKind::Deleted if !is_back() => {
                self.conversations.forget_bot(&change.id);
                self.snapshot.forget(&change.id);
            }
            // What is there is of when it was in service.
            ChangeKind::Deactivated if !is_back() => self.snapshot.forget(&change.id),
            _ => {}
        }
    }
}

#[async_trait]
impl ReloadTarget for ForgetDeleted {
    fn observe(&self, change: &Change) {
        Observer::observe(self, change);
    }

    /// What is in the snapshot, so that deletions which happened while this node was away are found at its start.
    /// Conversations of a bot whose deletion was missed end by being idle.
    fn revisions(&self) -> Vec<(Id, Revision)> {
        self.snapshot.revisions()
    }

    fn begin_era(&self) {}
}

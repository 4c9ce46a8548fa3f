use async_trait::async_trait;
use hotbed::cache::CachingRegistryManager;
use hotbed::hotreload::ReloadTarget;
use hotbed::registry::{Change, ChangeKind, Id, Observer, Revision};
use hotbed_bots::{Bot, Conversations};
use std::sync::Arc;

/// Drops the conversations of bots once they are deleted, on whichever node. Those out of service keep theirs.
///
/// Must be told after `bots`: it looks there whether the bot has been created anew since.
#[derive(Debug)]
pub(crate) struct ForgetDeleted {
    pub(crate) bots: Arc<CachingRegistryManager<Bot>>,
    pub(crate) conversations: Conversations,
}

impl Observer for ForgetDeleted {
    fn observe(&self, change: &Change) {
        // This node's own deletions come back on the bus; by then the bot may have a new life and new conversations.
        let is_back = || {
            let held = self.bots.held_for(&change.id);
            held.and_then(|held| held.revision)
                .is_some_and(|revision| revision > change.revision)
        };
        if change.kind == ChangeKind::Deleted && !is_back() {
            self.conversations.forget_bot(&change.id);
        }
    }
}

#[async_trait]
impl ReloadTarget for ForgetDeleted {
    fn observe(&self, change: &Change) {
        Observer::observe(self, change);
    }

    /// Nothing: conversations of a bot whose deletion was missed end by being idle.
    fn revisions(&self) -> Vec<(Id, Revision)> {
        Vec::new()
    }

    fn begin_era(&self) {}
}

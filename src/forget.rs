use async_trait::async_trait;
use hotbed::hotreload::ReloadTarget;
use hotbed::registry::{Change, ChangeKind, Id, Observer, Revision};
use hotbed_bots::Conversations;

/// Drops the conversations of bots that are deleted, on whichever node: nothing of them is left behind.
#[derive(Debug)]
pub(crate) struct ForgetConversations(pub(crate) Conversations);

impl Observer for ForgetConversations {
    fn observe(&self, change: &Change) {
        if change.kind == ChangeKind::Deleted {
            self.0.forget_bot(&change.id);
        }
    }
}

#[async_trait]
impl ReloadTarget for ForgetConversations {
    fn observe(&self, change: &Change) {
        Observer::observe(self, change);
    }

    /// None: conversations are no configuration. Those of a bot whose deletion was missed end by being idle.
    fn revisions(&self) -> Vec<(Id, Revision)> {
        Vec::new()
    }

    fn begin_era(&self) {}
}

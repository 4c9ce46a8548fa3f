use hotbed_cache::Reloaded;
use hotbed_registry::Id;

/// What a reload of everything did, each list in id order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReloadReport {
    /// Had no instance and have one now.
    pub added: Vec<Id>,
    /// Have a new instance in place of the old one.
    pub refreshed: Vec<Id>,
    /// Are no longer registered, or out of service.
    pub removed: Vec<Id>,
    /// Could not be built anew; the last good instance of each, if there is one, serves on.
    pub failed: Vec<FailedReload>,
}

/// An id that could not be built anew, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedReload {
    /// Whose instance.
    pub id: Id,
    /// What went wrong.
    pub error: String,
}

impl ReloadReport {
    pub(crate) fn note(&mut self, id: Id, reloaded: Reloaded) {
        match reloaded {
            Reloaded::Added(_) => self.added.push(id),
            Reloaded::Refreshed(_) => self.refreshed.push(id),
            Reloaded::Removed => self.removed.push(id),
            Reloaded::Failed(failure) => self.failed.push(FailedReload {
                id,
                error: failure.to_string(),
            }),
            // The enum may grow; what is new and not one of the above has not removed or failed anything.
            _ => {}
        }
    }
}

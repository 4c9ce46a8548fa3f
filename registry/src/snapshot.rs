use crate::{Id, Registration};
use std::fmt;

/// What this node served last, kept where it survives a restart, for when the registry cannot be reached.
pub trait Snapshot: fmt::Debug + Send + Sync + 'static {
    /// The registration as it was last saved.
    fn load(&self, id: &Id) -> Option<Registration>;

    /// Notes what was read from the registry. Never blocks; durable a little later.
    fn save(&self, registration: &Registration);

    /// How many registrations it holds.
    fn len(&self) -> usize;

    /// Whether it holds none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Notes that the registry no longer has this id.
    fn forget(&self, id: &Id);
}

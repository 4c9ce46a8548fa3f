use crate::{Id, Registration, Revision};
use std::fmt;

/// Where this node keeps what it served last, so that it survives a restart for when the registry cannot be reached.
///
/// It stores and decides nothing: which of two answers of the registry counts is decided before it is called (see
/// [`LastServed`](crate::LastServed), which calls it one at a time).
///
/// # Guarantees
/// - When [`save`](Self::save) or [`forget`](Self::forget) returns, the death of this process, at whatever moment and
///   by whatever signal, does not undo it: what is opened next holds it. What a power failure may undo is for each
///   implementation to say.
/// - What is loaded is exactly what was saved. What was damaged is not returned.
/// - A full or failing disk fails neither. What was saved is then held in memory only, and [`warnings`](Self::warnings)
///   says so until it is stored again; and where anything can be written at all, what is opened next knows that it
///   lacks something, and warns as well.
/// - Neither waits for the network or for another process. They may wait for the disk as long as a write into the
///   system's cache takes, so they are called where something is built or deleted, never on a read of what is ready.
pub trait Snapshot: fmt::Debug + Send + Sync + 'static {
    /// The registration as it was last saved.
    fn load(&self, id: &Id) -> Option<Registration>;

    /// The revision of the registration as it was last saved.
    fn revision(&self, id: &Id) -> Option<Revision> {
        self.load(id).map(|found| found.revision)
    }

    /// Keeps a registration, whatever was kept of its id before. Without effect if the same is kept already.
    fn save(&self, registration: &Registration);

    /// Keeps no registration of this id.
    fn forget(&self, id: &Id);

    /// Which ids it holds, and at which revision.
    fn revisions(&self) -> Vec<(Id, Revision)>;

    /// How many registrations it holds.
    fn len(&self) -> usize;

    /// Whether it holds none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What whoever runs this node should know: what it holds may be older than what was served, or cannot be stored.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

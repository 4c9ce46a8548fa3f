use crate::{Error, Id, RegistryBackend};
use chrono::{DateTime, SubsecRound, Utc};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// One noted use of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Of which.
    pub id: Id,
    /// When.
    pub at: DateTime<Utc>,
}

/// Ids remembered between two flushes. Beyond it accesses are dropped: a hint may be lost, memory may not.
const CAPACITY: usize = 100_000;

/// Collects uses, so that a read never costs a write: the newest per id until the next flush.
#[derive(Debug, Default)]
pub(crate) struct Accesses {
    newest: Mutex<HashMap<Id, DateTime<Utc>>>,
}

impl Accesses {
    pub(crate) fn note(&self, id: &Id) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.len() < CAPACITY || newest.contains_key(id) {
            newest.insert(id.clone(), Utc::now().trunc_subsecs(6));
        }
    }

    /// Writes what was collected, as one batch. What cannot be written is dropped: it is a hint, and the next
    /// use notes itself again.
    pub(crate) async fn flush(&self, backend: &dyn RegistryBackend) -> Result<(), Error> {
        let newest =
            std::mem::take(&mut *self.newest.lock().unwrap_or_else(PoisonError::into_inner));
        if newest.is_empty() {
            return Ok(());
        }
        let batch: Vec<_> = newest
            .into_iter()
            .map(|(id, at)| Access { id, at })
            .collect();
        backend.touch(&batch).await
    }
}

//! The past of a registration, and the way back to it.

use super::{Admitted, Registry};
use crate::{ChangeNote, Draft, Error, Id, NoVersion, Past, Precondition, Revision};

impl Registry {
    /// The writes of one registration that are still remembered; see [`Reader::history`](crate::Reader::history).
    pub async fn history(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        self.door.reader.history(id, before, limit).await
    }

    /// What the write at exactly this revision made of a registration; see [`Reader::past`](crate::Reader::past).
    pub async fn past(&self, id: &Id, revision: Revision) -> Result<Past, Error> {
        self.door.reader.past(id, revision).await
    }

    /// Makes a registration what it was at a revision, deleted ones too: a write like any other, whose
    /// configuration, status and metadata are those of that version.
    ///
    /// Its note is that of this door, not that of the version; without a reason it says to which revision it went
    /// back. [`Error::NoVersion`] where that revision is forgotten, was the deletion, or never was.
    pub async fn rollback(
        &self,
        id: &Id,
        to: Revision,
        when: Precondition,
    ) -> Result<Admitted, Error> {
        let Past::Written(version) = self.past(id, to).await? else {
            return Err(Error::NoVersion {
                id: id.clone(),
                revision: to,
                why: NoVersion::Deletion,
            });
        };
        let draft = Draft {
            config: version.config,
            status: version.status,
            metadata: Some(version.metadata),
            created_at: None,
        };
        let said = || Some(format!("rollback to revision {to}"));
        let note = ChangeNote {
            by: self.note.by.clone(),
            reason: self.note.reason.clone().or_else(said),
        };
        self.noting(note).put(id, draft, when).await
    }
}
